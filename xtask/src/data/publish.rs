//! Files that appear whole or not at all: written to a temporary name beside the target, synced, checked, renamed.

use anyhow::{Context, Error, Result, bail};
use seismograd_cifar10::digests::{self, OfficialFile};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};
use tempfile::NamedTempFile;

/// Publishes one official file in `directory`, provided that what `fill` writes has its digest.
pub fn official(directory: &Path, file: &OfficialFile, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let check = |written: &Path| {
        let found = digests::sha256(written)?;
        if found != file.sha256 {
            bail!("{}: SHA-256 is {found}, expected {}; the source is damaged, fetch it anew", file.name, file.sha256);
        }
        Ok(())
    };
    atomically(&directory.join(file.name), fill, check)
}

/// Publishes what `fill` writes at `path`, once `check` accepts the written file.
pub fn atomically(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<()>,
    check: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let directory = path.parent().context("a file to publish has a directory")?;
    let temporary = temporary_in(directory).map_err(|error| explain(error.into(), path))?;
    let mut writer = BufWriter::with_capacity(1 << 16, temporary);
    fill(&mut writer).map_err(|error| explain(error, path))?;
    let temporary = writer.into_inner().map_err(|error| explain(error.into_error().into(), path))?;
    temporary.as_file().sync_all().map_err(|error| explain(error.into(), path))?;
    check(temporary.path())?;
    temporary.persist(path).map_err(|error| explain(error.error.into(), path))?;
    sync_directory(directory).map_err(|error| explain(error.into(), path))
}

/// A temporary file with the permissions of an ordinary one: a data set in a shared directory is for everyone to read.
fn temporary_in(directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".partial-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    builder.tempfile_in(directory)
}

/// Makes the rename itself durable. Only Unix can open a directory for that.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Adds the file and, where there is one, the fix.
fn explain(error: Error, path: &Path) -> Error {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let fix = match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::StorageFull) => "; free 0.6 GB or choose another place with --dir",
        Some(io::ErrorKind::PermissionDenied) => "; choose a writable place with --dir",
        // Decoders report damage by these kinds, operating systems do not.
        Some(InvalidData | InvalidInput | UnexpectedEof) => "; the source is damaged, fetch it anew",
        _ => "",
    };
    let message = format!("cannot write {}: {error:#}{fix}", path.display());
    Error::msg(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const EMPTY: OfficialFile =
        OfficialFile { name: "empty.bin", sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" };

    #[test]
    fn a_file_with_the_right_digest_appears() {
        let directory = tempfile::tempdir().unwrap();
        official(directory.path(), &EMPTY, |_| Ok(())).unwrap();
        assert_eq!(fs::read(directory.path().join("empty.bin")).unwrap(), b"");
    }

    #[test]
    fn a_file_with_a_wrong_digest_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let error = official(directory.path(), &EMPTY, |to| Ok(to.write_all(b"x")?)).unwrap_err();
        assert!(error.to_string().starts_with("empty.bin: SHA-256 is 2d71"), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_full_disk_is_named_with_its_fix() {
        let directory = tempfile::tempdir().unwrap();
        let error = official(directory.path(), &EMPTY, |_| Err(io::Error::from(io::ErrorKind::StorageFull).into()));
        let line = error.unwrap_err().to_string();
        assert!(line.contains("empty.bin") && line.ends_with("--dir") && !line.contains('\n'), "{line}");
    }
}
