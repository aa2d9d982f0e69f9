//! Where the data set lives on this machine. Nothing is created or read here.

use crate::{Error, digests};
use std::{ffi::OsString, path::PathBuf};

/// The environment variable that names the directory that holds `cifar-10-batches-bin`.
const VARIABLE: &str = "SEISMOGRAD_DATA";

/// The directory of the six files: the first of
///
/// 1. `$SEISMOGRAD_DATA/cifar-10-batches-bin`,
/// 2. `$XDG_CACHE_HOME/seismograd/cifar-10-batches-bin`,
/// 3. `$HOME/Library/Caches/seismograd/cifar-10-batches-bin` on macOS, `$HOME/.cache/seismograd/cifar-10-batches-bin`
///    elsewhere
///
/// whose variable is set and not empty. It need not exist.
///
/// # Errors
/// [`Error::NoCacheDirectory`] when none of the variables is set.
pub fn default_cache_directory() -> Result<PathBuf, Error> {
    cache_directory(|name| std::env::var_os(name), cfg!(target_os = "macos"))
}

/// The rule above as a function of the environment, so that a test need not change the process's own.
fn cache_directory(variable: impl Fn(&str) -> Option<OsString>, macos: bool) -> Result<PathBuf, Error> {
    let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home_caches = if macos { "Library/Caches" } else { ".cache" };
    let ours = |caches: PathBuf| caches.join("seismograd");
    path(VARIABLE)
        // A relative XDG_CACHE_HOME is invalid by the XDG Base Directory Specification, and to be ignored.
        .or_else(|| path("XDG_CACHE_HOME").filter(|path| path.is_absolute()).map(ours))
        .or_else(|| path("HOME").map(|home| ours(home.join(home_caches))))
        .map(|directory| directory.join(digests::DIRECTORY))
        .ok_or(Error::NoCacheDirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(environment: &[(&str, &str)], macos: bool, expect: Option<&str>) {
        let variable =
            |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        let found = cache_directory(variable, macos).ok();
        assert_eq!(found, expect.map(PathBuf::from), "{environment:?}");
    }

    #[test]
    fn the_first_variable_that_is_set_wins() {
        let all = [("SEISMOGRAD_DATA", "/d"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        check(&all, false, Some("/d/cifar-10-batches-bin"));
        check(&all[1..], false, Some("/x/seismograd/cifar-10-batches-bin"));
        check(&all[2..], false, Some("/h/.cache/seismograd/cifar-10-batches-bin"));
        check(&all[2..], true, Some("/h/Library/Caches/seismograd/cifar-10-batches-bin"));
        check(&[], false, None);
    }

    #[test]
    fn empty_and_relative_values_are_passed_over() {
        let home = ("HOME", "/h");
        let expect = Some("/h/.cache/seismograd/cifar-10-batches-bin");
        check(&[("SEISMOGRAD_DATA", ""), ("XDG_CACHE_HOME", ""), home], false, expect);
        check(&[("XDG_CACHE_HOME", "relative"), home], false, expect);
    }
}
