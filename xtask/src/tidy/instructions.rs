//! Instructions of one processor family: where they may stand, and that they stay away from every other target.

use super::Violation;
use super::repository::Repository;
use super::rust;

/// The files that may name x86-64 instructions.
const FILES: [&str; 4] = [
    "crates/kernels/src/level.rs",
    "crates/kernels/src/vector/amx.rs",
    "crates/kernels/src/vector/avx2.rs",
    "crates/kernels/src/vector/avx512.rs",
];

/// What exists on one processor family alone.
const ITEMS: [&str; 4] = ["core::arch", "std::arch", "is_x86_feature_detected", "target_feature"];

/// Modules made of such items.
const MODULES: [&str; 3] = ["amx", "avx2", "avx512"];

/// The attribute that keeps an item from other targets.
const GATE: &str = "#[cfg(target_arch = \"x86_64\")]";

/// Items of one processor family occur in [`FILES`] only.
pub fn words(repository: &Repository) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in repository.sources().filter(|(path, _)| !FILES.contains(path)) {
        for (at, line) in rust::code(text).lines().enumerate() {
            if let Some(item) = ITEMS.iter().find(|item| line.contains(*item)) {
                let message =
                    format!("`{item}` outside of the instruction-set levels; it belongs in {}", FILES.join(" or "));
                violations.push(Violation::new(path, at + 1, message));
            }
        }
    }
    violations
}

/// The declarations and the public re-exports of [`MODULES`] follow [`GATE`].
pub fn gates(repository: &Repository) -> Vec<Violation> {
    let kernels = repository.sources().filter(|(path, _)| path.starts_with("crates/kernels/src/"));
    kernels.flat_map(|(path, text)| ungated(path, text)).collect()
}

fn ungated(path: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut before = "";
    for (at, (line, code)) in text.lines().zip(rust::code(text).lines()).enumerate() {
        if exposes(code) && before != GATE {
            violations.push(Violation::new(
                path,
                at + 1,
                format!("write {GATE} above: other processors lack this module"),
            ));
        }
        // A comment may stand between the attribute and its item.
        if !code.trim().is_empty() {
            before = line.trim();
        }
    }
    violations
}

/// Whether a line of code declares one of the modules or re-exports from it.
fn exposes(code: &str) -> bool {
    let words: Vec<&str> = rust::words(code).collect();
    let declares = words.windows(2).any(|pair| pair[0] == "mod" && MODULES.contains(&pair[1]));
    let exports = words.first() == Some(&"pub") && words.contains(&"use");
    declares || exports && words.iter().any(|word| MODULES.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake::Fake;

    fn kernels(path: &str, text: &str) -> Fake {
        Fake::new().member("crates/kernels", &[]).file(&format!("crates/kernels/src/{path}"), text)
    }

    #[test]
    fn instructions_stand_in_their_files() {
        kernels("level.rs", "//! A.\nuse std::arch::x86_64;\n").check(words, &[]);
        kernels("conv.rs", "//! std::arch\nfn f() { \"target_feature\"; }\n").check(words, &[]);
        let expect = "crates/kernels/src/conv.rs:2: `std::arch` outside of the instruction-set levels; it belongs in \
                      crates/kernels/src/level.rs or crates/kernels/src/vector/amx.rs or \
                      crates/kernels/src/vector/avx2.rs or crates/kernels/src/vector/avx512.rs";
        kernels("conv.rs", "//! A.\nuse std::arch::x86_64;\n").check(words, &[expect]);
    }

    #[test]
    fn their_modules_are_gated() {
        let gated = format!(
            "//! A.\n{GATE}\n// Why.\nmod avx2;\n{GATE}\npub use {{avx2::Avx2, avx512::Avx512}};\nmod array;\n"
        );
        kernels("vector.rs", &gated).check(gates, &[]);
        let message = format!("write {GATE} above: other processors lack this module");
        let expect = [2, 3].map(|line| format!("crates/kernels/src/vector.rs:{line}: {message}"));
        kernels("vector.rs", "//! A.\nmod avx512;\npub use avx512::Avx512;\n").check(gates, &[&expect[0], &expect[1]]);
    }
}
