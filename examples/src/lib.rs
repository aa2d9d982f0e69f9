//! Examples, each a file with the command that runs it.
