//! Ctrl-C, SIGTERM and SIGUSR1: the first asks to stop at the next step, the second ends the process.
//!
//! SIGUSR1 is what clusters send before a time limit; it only asks.

use crate::{INTERRUPTED, complain};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a run may take to its next step once its standard input has closed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the user has asked to stop.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. Where the system refuses a handler, an interrupt ends the process as it always does.
    pub fn listen() -> Interrupt {
        let interrupt = Interrupt::default();
        let asked = interrupt.clone();
        let handled = ctrlc::set_handler(move || {
            if asked.0.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(INTERRUPTED));
            }
        });
        if let Err(error) = handled {
            complain(&format!("warning: Ctrl-C will not leave a checkpoint: {error}"));
        }
        #[cfg(unix)]
        let _ = signal_hook::flag::register(signal_hook::consts::SIGUSR1, interrupt.0.clone());
        interrupt
    }

    /// Takes the end of standard input for an interrupt: whoever started the process and holds the other end is gone, or wants it to stop.
    /// A run that has not come to its next step some time later is ended as it stands; what it has recorded stays.
    pub fn ask_when_input_closes(&self) {
        let asked = self.0.clone();
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            asked.store(true, Ordering::SeqCst);
            std::thread::sleep(PATIENCE);
            std::process::exit(i32::from(INTERRUPTED));
        });
    }

    /// Whether the user has asked to stop.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
