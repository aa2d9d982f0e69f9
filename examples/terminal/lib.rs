//! What the example binaries share on a terminal: arguments, interrupts, progress, and the one line that an error gets.

mod arguments;
mod cell;
mod grid;
mod interrupt;
mod progress;

pub use arguments::{assignment, count, number, parse};
pub use cell::CellLines;
pub use grid::GridBar;
pub use interrupt::Interrupt;
pub use progress::{RunBar, accuracy, duration};

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use textwrap::{Options, WordSplitter};

/// Exit code after an interrupt: 128 plus the signal's number, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Prints an error in one line and returns the failing exit code.
pub fn fail(error: &dyn std::error::Error) -> ExitCode {
    complain(&format!("error: {error}"));
    ExitCode::FAILURE
}

/// Prints a line of results. A reader that has gone, such as `head`, is no reason to end a run.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line that may be longer than a terminal is wide: there it goes on, so far indented, on the next ones. Elsewhere it stays one line, for `grep`.
pub fn say_long(line: &str, indent: usize) {
    if !io::stdout().is_terminal() {
        return say(line);
    }
    let indent = " ".repeat(indent);
    // Paths and options are to be copied as they are.
    let options = Options::new(textwrap::termwidth()).subsequent_indent(&indent).break_words(false);
    say(&textwrap::fill(line, options.word_splitter(WordSplitter::NoHyphenation)));
}

/// A number of things that one of them is called, as in `1 run` and `2 runs`.
pub fn number_of(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Prints a line about a problem.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
