//! Writing files so that a crash leaves the old file or the new one, never half of one.
//!
//! It does not guard against two writers of one file: the last rename wins, whole.

use crate::error::{Result, TraceError};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// The ending of a file under construction; no reader's pattern (`*.parquet`, `run.json`) matches it.
const TEMPORARY: &str = ".tmp";

/// Writes a file through `fill`: to a temporary name beside it, synced, renamed over the target, and the
/// directory synced.
///
/// When anything fails, a full disk say, the temporary file is removed, what was there before stays, and the
/// error names the target.
///
/// ```
/// use seismograd_trace::write_atomically;
/// use std::io::Write;
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("config.json");
/// write_atomically(&path, |file| file.write_all(b"{}"))?;
/// assert_eq!(std::fs::read(&path)?, b"{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_atomically(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let (file, temporary) = create_beside(path).map_err(TraceError::io("write", path))?;
    let written = fill_and_sync(file, fill).map_err(TraceError::io("write", path));
    let renamed = written.and_then(|()| fs::rename(&temporary, path).map_err(TraceError::io("replace", path)));
    if renamed.is_err() {
        // The first error is the one to tell; a temporary that cannot be removed is swept by the next owner.
        let _ = fs::remove_file(&temporary);
    }
    renamed?;
    sync_directory(directory_of(path))
}

/// Creates a directory and those above it, each one's entry synced, so that files published in it stay found.
pub fn create_directories(path: &Path) -> Result<()> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    let parent = directory_of(path);
    create_directories(parent)?;
    match fs::create_dir(path) {
        // Another process may have been faster.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => {
            Err(TraceError::io("create directory", path)(error))
        }
        _ => sync_directory(parent),
    }
}

/// Removes a file and makes the removal last.
pub(crate) fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(TraceError::io("remove", path))?;
    sync_directory(directory_of(path))
}

/// Removes what killed writers left in a directory; only its one owner may call this.
pub(crate) fn sweep_temporaries(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory).map_err(TraceError::io("list", directory))? {
        let path = entry.map_err(TraceError::io("list", directory))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY) {
            remove(&path)?;
        }
    }
    Ok(())
}

fn fill_and_sync(file: File, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    fill(&mut writer)?;
    // Not `drop`: it would flush too, and swallow the error.
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// A new file `.<name>.<process>.<n>.tmp` beside the target; `n` counts past other threads' files.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path ends in no file name"));
    };
    let mut attempt = 0u32;
    loop {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.{attempt}{TEMPORARY}", std::process::id()));
        let temporary = path.with_file_name(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
            created => return created.map(|file| (file, temporary)),
        }
    }
}

pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Only Unix can open a directory to sync it; elsewhere a rename lasts when the system says so.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(directory).and_then(|file| file.sync_all());
        synced.map_err(TraceError::io("sync directory", directory))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(directory: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(directory).unwrap().map(name).collect()
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_no_temporary() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_atomically(&path, |file| file.write_all(b"first, and longer")).unwrap();
        write_atomically(&path, |file| file.write_all(b"second")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_keeps_the_old_file_and_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"old").unwrap();
        let fill = |file: &mut BufWriter<File>| {
            file.write_all(b"new")?;
            File::create("/dev/full")?.write_all(b"new")
        };
        let error = write_atomically(&path, fill).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write {}: No space left", path.display())), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[test]
    fn a_target_that_cannot_be_replaced_leaves_no_temporary() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = write_atomically(&path, |file| file.write_all(b"x")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot replace {}", path.display())), "{error}");
        assert_eq!(names(dir.path()), ["taken"]);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing").join("file");
        let error = write_atomically(&path, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("missing"), "{error}");
    }

    #[test]
    fn a_file_in_the_way_of_a_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = create_directories(&file.join("below")).unwrap_err().to_string();
        assert!(error.contains("create directory"), "{error}");
        create_directories(&dir.path().join("a/b/c")).unwrap();
        create_directories(&dir.path().join("a/b/c")).unwrap();
        assert!(dir.path().join("a/b/c").is_dir());
    }

    #[test]
    fn leftovers_are_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".part-00000.parquet.17.0.tmp"), b"").unwrap();
        fs::write(dir.path().join("part-00000.parquet"), b"").unwrap();
        sweep_temporaries(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["part-00000.parquet"]);
    }
}
