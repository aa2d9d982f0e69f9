//! later
use std::process::ExitCode;
pub fn run(_: &super::Sweep) -> anyhow::Result<ExitCode> {
    anyhow::bail!("later")
}
