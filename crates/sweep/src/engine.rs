//! Engines: ways to carry cells through.
//!
//! [`threads`] trains runs inside this process, as `characterize` does; [`local`] starts a process a cell; [`slurm`] hands them to a cluster,
//! and [`commands`] to whoever runs shell lines.

pub(crate) mod commands;
pub(crate) mod local;
pub(crate) mod slurm;
pub(crate) mod threads;
