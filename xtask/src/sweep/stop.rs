//! Ctrl-C and its kin: the first asks for checkpoints, the second ends the process, whose cells then leave theirs by themselves.

use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether to stop, and why.
#[derive(Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    time_up: Arc<AtomicBool>,
}

impl Stop {
    /// Listens from now on.
    pub fn listen() -> anyhow::Result<Stop> {
        let stop = Stop::default();
        stop.register().context("cannot listen for Ctrl-C")?;
        Ok(stop)
    }

    #[cfg(unix)]
    fn register(&self) -> std::io::Result<()> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
        use signal_hook::flag::{register, register_conditional_shutdown};
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first one finds nothing asked yet, the second does.
            register_conditional_shutdown(signal, i32::from(super::INTERRUPTED), self.asked.clone())?;
            register(signal, self.asked.clone())?;
        }
        // What a cluster sends before a time limit.
        register(SIGUSR1, self.time_up.clone())?;
        register(SIGUSR1, self.asked.clone())?;
        Ok(())
    }

    #[cfg(not(unix))]
    fn register(&self) -> std::io::Result<()> {
        use signal_hook::{consts::SIGINT, flag};
        flag::register_conditional_shutdown(SIGINT, i32::from(super::INTERRUPTED), self.asked.clone())?;
        flag::register(SIGINT, self.asked.clone()).map(drop)
    }

    /// Set when the sweep is to stop.
    pub fn flag(&self) -> &AtomicBool {
        &self.asked
    }

    /// Whether the sweep is to stop.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whether that is for a time limit.
    pub fn is_time_up(&self) -> bool {
        self.time_up.load(Ordering::SeqCst)
    }
}
