//! The official archive: `curl` downloads it, resumably; six allow-listed members of it become files.

use super::{archive, progress, publish};
use anyhow::{Context, Result, anyhow, bail};
use indicatif::ProgressBar;
use seismograd_cifar10::digests;
use std::{
    fs,
    io::{self, Read, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

const URL: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";

/// Downloads the archive into `directory` and unpacks it there.
pub fn fetch(directory: &Path) -> Result<()> {
    let part = part(directory);
    download(&part)?;
    unpack(&part, directory)
}

/// Deletes what is left of a download, once the data set is there.
pub fn forget(directory: &Path) -> Result<()> {
    let part = part(directory);
    if part.exists() { remove(&part) } else { Ok(()) }
}

/// The archive as far as it has come. It stays when a download breaks, for the next run to resume.
fn part(directory: &Path) -> PathBuf {
    directory.join("cifar-10-binary.tar.gz.part")
}

/// Unpacks the six files of an archive on disk.
pub fn unpack(file: &Path, directory: &Path) -> Result<()> {
    let total = digests::FILES.len() as u64 * digests::FILE_BYTES;
    let bar = progress::bytes(&format!("unpacking {}", file.display()), total);
    let mut missing = digests::FILES.to_vec();
    archive::visit(file, |member| {
        let is_member = |file: &digests::OfficialFile| {
            member.name.strip_prefix(digests::DIRECTORY).and_then(|name| name.strip_prefix('/')) == Some(file.name)
        };
        if let Some(position) = missing.iter().position(is_member) {
            let official = missing.remove(position);
            publish::official(directory, &official, |to| copy(member.contents, &mut bar.wrap_write(to)))?;
        }
        Ok(if missing.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    bar.finish_and_clear();
    match missing.first() {
        Some(official) => bail!("{}: lacks {}; fetch the archive again", file.display(), official.name),
        None => Ok(()),
    }
}

/// Copies at most one byte more than a file has: a wrong member cannot fill the disk, and its digest betrays it.
fn copy(from: &mut dyn Read, to: &mut impl Write) -> Result<()> {
    io::copy(&mut from.take(digests::FILE_BYTES + 1), to)?;
    Ok(())
}

/// Leaves the whole archive at `part`, its digest checked.
fn download(part: &Path) -> Result<()> {
    let bar = progress::bytes(&format!("downloading {URL}"), digests::ARCHIVE_BYTES);
    let outcome = resuming(part, || curl(part, &bar));
    bar.finish_and_clear();
    outcome?;
    let found = digests::sha256(part)?;
    if found == digests::ARCHIVE {
        return Ok(());
    }
    // A resume would keep the wrong bytes for ever.
    remove(part)?;
    bail!("the download's SHA-256 is {found}, expected {}; it was deleted, run the task again", digests::ARCHIVE)
}

/// Calls again as long as every call brings bytes: a broken connection resumes, a closed network gives up at once.
fn resuming(part: &Path, mut call: impl FnMut() -> Result<()>) -> Result<()> {
    loop {
        let before = size(part);
        if before >= digests::ARCHIVE_BYTES {
            return Ok(());
        }
        let Err(error) = call() else { return Ok(()) };
        if size(part) == before {
            return Err(error);
        }
    }
}

fn curl(part: &Path, bar: &ProgressBar) -> Result<()> {
    let mut child = Command::new("curl")
        .args(["--fail", "--location", "--silent", "--show-error", "--continue-at", "-"])
        .args(["--connect-timeout", "15", "--speed-limit", "1000", "--speed-time", "30"])
        .arg("--output")
        .arg(part)
        .arg(URL)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| anyhow!("cannot start curl: {error}; install it, or give a downloaded archive with --from"))?;
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait for curl")? {
            break status;
        }
        bar.set_position(size(part));
        thread::sleep(Duration::from_millis(100));
    };
    if status.success() { Ok(()) } else { bail!("{}{}", complaint(&mut child), fix(status.code())) }
}

/// What curl wrote to standard error, as one line. (It is short: the pipe cannot fill up.)
fn complaint(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_string(&mut text);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The remedy for an exit code of curl (`man curl`, "EXIT CODES").
fn fix(code: Option<i32>) -> &'static str {
    match code {
        Some(23) => "; free 0.6 GB or choose another place with --dir",
        _ => "; check the network, or give a downloaded archive with --from",
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).with_context(|| format!("cannot delete {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::archive::tests::stand_in;

    #[test]
    fn a_download_resumes_while_it_makes_progress() {
        let directory = tempfile::tempdir().unwrap();
        let part = directory.path().join("part");
        let mut calls = 0;
        let error = resuming(&part, || {
            calls += 1;
            fs::write(&part, vec![0; calls.min(3)])?;
            bail!("broken connection {calls}")
        });
        assert_eq!(error.unwrap_err().to_string(), "broken connection 4");
    }

    #[test]
    fn a_whole_download_is_not_asked_for_again() {
        let directory = tempfile::tempdir().unwrap();
        let part = directory.path().join("part");
        fs::File::create(&part).unwrap().set_len(digests::ARCHIVE_BYTES).unwrap();
        resuming(&part, || bail!("called")).unwrap();
    }

    #[test]
    fn a_member_outside_the_list_is_not_unpacked() {
        let (directory, path) = stand_in(&[("cifar-10-batches-bin/evil", b"x"), ("data_batch_1.bin", b"x")]);
        let line = unpack(&path, directory.path()).unwrap_err().to_string();
        assert!(line.ends_with("lacks data_batch_1.bin; fetch the archive again"), "{line}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "only the archive itself");
    }

    #[test]
    fn a_member_with_wrong_bytes_is_not_published() {
        let (directory, path) = stand_in(&[("./cifar-10-batches-bin/test_batch.bin", b"x")]);
        let line = unpack(&path, directory.path()).unwrap_err().to_string();
        assert!(line.starts_with("test_batch.bin: SHA-256 is 2d71"), "{line}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "only the archive itself");
    }
}
