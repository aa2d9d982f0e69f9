//! Benchmarks, each a file with the command that runs it, and what they share. A benchmark measures speed; no test asserts one.

// Compiled with what needs it, so that nobody who only builds the workspace compiles criterion.
#[cfg(test)]
mod shared;
