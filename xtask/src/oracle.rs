//! `cargo xtask oracle`.

/// Flags of the task.
#[derive(clap::Args)]
pub struct Args {}

/// Runs the task.
pub fn run(_args: &Args) -> anyhow::Result<()> {
    anyhow::bail!("not built yet")
}
