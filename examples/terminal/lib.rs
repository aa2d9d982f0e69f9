//! What the example binaries share on a terminal: arguments, interrupts, progress, and the one line that an error gets.

mod arguments;
mod grid;
mod interrupt;
mod progress;

pub use arguments::{assignment, parse};
pub use grid::GridBar;
pub use interrupt::Interrupt;
pub use progress::{RunBar, accuracy, duration};

use std::process::ExitCode;

/// Exit code after an interrupt: 128 plus the signal's number, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Prints an error in one line and returns the failing exit code.
pub fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
