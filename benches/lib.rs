//! Benchmarks, each a file with the command that runs it. A benchmark measures speed; no test asserts one.
