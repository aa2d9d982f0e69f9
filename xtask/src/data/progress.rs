//! What the task shows: a bar per stage on a terminal, one plain line per stage elsewhere. It decides nothing.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

/// Writes one line to standard error. A closed standard error is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Announces a stage of `bytes` bytes and returns its bar, which draws nothing where there is no terminal.
pub fn bytes(stage: &str, bytes: u64) -> ProgressBar {
    bar(stage, ProgressBar::new(bytes), "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
}

/// Announces a stage of unknown length.
pub fn spinner(stage: &str) -> ProgressBar {
    bar(stage, ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}")
}

fn bar(stage: &str, bar: ProgressBar, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        say(stage);
        return ProgressBar::hidden();
    }
    bar.set_style(ProgressStyle::with_template(template).expect("the templates above are well-formed"));
    bar.set_message(stage.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
