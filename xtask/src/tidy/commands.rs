//! The commands that the README shows: each names a package, target, task and flags that exist. None is run.

use super::Violation;
use super::markdown::{self, Place};
use super::repository::{Package, Repository, Target};
use super::rust;
use clap::{Parser, error::ErrorKind};

/// The file that people type from.
const README: &str = "README.md";

/// The languages of blocks that hold commands.
const LANGUAGES: [&str; 4] = ["sh", "bash", "console", "text"];

/// Cargo's own commands of which packages and targets are looked up.
const BUILDS: [&str; 7] = ["run", "test", "bench", "build", "check", "doc", "tree"];

/// Flags that clap gives every program.
const GIVEN: [&str; 2] = ["help", "version"];

/// What the README says to type exists.
pub fn readme(repository: &Repository) -> Vec<Violation> {
    let commands = commands(repository.text(README).unwrap_or_default());
    let complaints = commands.iter().flat_map(|(line, words)| {
        complaints(repository, words).into_iter().map(|complaint| Violation::new(README, *line, complaint))
    });
    complaints.collect()
}

/// The cargo commands of a text as words, each with its line: comments, prompts and environment variables left out.
fn commands(text: &str) -> Vec<(usize, Vec<&str>)> {
    let mut commands: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut continued = false;
    for (number, place, line) in markdown::lines(text) {
        if !matches!(place, Place::Indented) && !matches!(place, Place::Fenced(name) if LANGUAGES.contains(&name)) {
            continued = false;
            continue;
        }
        let words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        let words: Vec<&str> = words.filter(|word| *word != "\\").collect();
        match commands.last_mut() {
            Some((_, begun)) if continued => begun.extend(words),
            _ => commands
                .extend(words.split(|word| ["&&", "||", "|", ";"].contains(word)).map(|it| (number, command(it)))),
        }
        continued = line.trim_end().ends_with('\\');
    }
    commands.retain(|(_, words)| words.first() == Some(&"cargo"));
    commands
}

/// A command without the prompt and the variables set before it.
fn command<'t>(words: &[&'t str]) -> Vec<&'t str> {
    words.iter().copied().skip_while(|word| *word == "$" || word.contains('=') && !word.starts_with('-')).collect()
}

/// What is wrong with a command.
fn complaints(repository: &Repository, words: &[&str]) -> Vec<String> {
    match words {
        [_, "xtask", arguments @ ..] => task(arguments).into_iter().collect(),
        [_, name, arguments @ ..] if BUILDS.contains(name) => build(repository, arguments),
        _ => Vec::new(),
    }
}

/// A task is what the dispatcher parses.
fn task(arguments: &[&str]) -> Option<String> {
    let error = crate::Cli::try_parse_from(["cargo xtask"].iter().chain(arguments)).err()?;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return None;
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    Some(format!("`cargo xtask {}`: {first}; correct the command", arguments.join(" ")))
}

fn build(repository: &Repository, arguments: &[&str]) -> Vec<String> {
    let own = arguments.split(|word| *word == "--").next().unwrap_or_default();
    let passed = arguments.get(own.len() + 1..).unwrap_or_default();
    let mut complaints = Vec::new();
    for (option, name) in options(own) {
        match option {
            "-p" | "--package" => complaints.extend(package(repository, name)),
            "--example" => complaints.extend(example(repository, name, passed)),
            "--bench" | "--test" | "--bin" => complaints.extend(target(repository, &option[2..], name).err()),
            _ => {}
        }
    }
    complaints
}

/// Options with their values, both as `--option value` and as `--option=value`.
fn options<'t>(words: &[&'t str]) -> Vec<(&'t str, &'t str)> {
    let joined = words.iter().filter_map(|word| word.split_once('='));
    let apart = words.windows(2).filter(|pair| pair[0].starts_with('-')).map(|pair| (pair[0], pair[1]));
    joined.chain(apart).collect()
}

fn package(repository: &Repository, name: &str) -> Option<String> {
    let exists = repository.packages().iter().any(|package| package.name == name);
    (!exists).then(|| format!("there is no package {name}; correct the command"))
}

fn target<'r>(repository: &'r Repository, kind: &str, name: &str) -> Result<(&'r Package, &'r Target), String> {
    let packages = repository.packages().iter();
    let mut targets = packages.flat_map(|package| package.targets.iter().map(move |target| (package, target)));
    let found = targets.find(|(_, target)| target.kind == kind && target.name == name);
    found.ok_or_else(|| format!("there is no {kind} {name}; correct the command, or add the target"))
}

/// An example exists and takes the flags passed to it.
fn example(repository: &Repository, name: &str, passed: &[&str]) -> Vec<String> {
    let (package, target) = match target(repository, "example", name) {
        Ok(found) => found,
        Err(complaint) => return vec![complaint],
    };
    let flags =
        passed.iter().filter_map(|word| word.strip_prefix("--")).map(|word| word.split('=').next().unwrap_or(word));
    let unknown = flags.filter(|flag| !GIVEN.contains(flag) && !takes(repository, package, target, flag));
    unknown.map(|flag| format!("the example {name} takes no --{flag}; correct the command, or add the flag")).collect()
}

/// Whether the example's own files, or those of its package's library, declare the flag.
fn takes(repository: &Repository, package: &Package, example: &Target, flag: &str) -> bool {
    let library = package.targets.iter().find(|target| target.kind == "lib");
    let roots: Vec<&str> = [Some(example), library].into_iter().flatten().map(|target| target.path.as_str()).collect();
    let declaring = |(path, text): (&str, &str)| roots.iter().any(|root| belongs(path, root)) && declares(text, flag);
    repository.sources().any(declaring)
}

/// Whether a file is a target's root, or a module beside a root with a directory of its own.
fn belongs(path: &str, root: &str) -> bool {
    let own = root.strip_suffix("main.rs").or(root.strip_suffix("lib.rs"));
    path == root || own.is_some_and(|directory| path.starts_with(directory))
}

/// Whether clap is told of a flag: by its long name, or by a field of its name under an attribute that says `long`.
fn declares(text: &str, flag: &str) -> bool {
    let field = flag.replace('-', "_");
    let code = rust::code(text);
    let mut start = 0;
    let mut lines = code.split_inclusive('\n').map(|line| {
        start += line.len();
        (&code[..start - line.len()], line)
    });
    text.contains(&format!("long = \"{flag}\""))
        || lines.any(|(before, line)| {
            let declared = line.trim_start().trim_start_matches("pub ").split_once(':');
            declared.is_some_and(|(name, _)| name == field) && follows_long(before)
        })
}

/// Whether the code ends with attributes, of which clap's says `long`.
fn follows_long(before: &str) -> bool {
    let attribute = before.rfind("#[arg(").map(|at| before[at..].trim_end());
    attribute.is_some_and(|text| text.ends_with(']') && rust::words(text).any(|word| word == "long"))
}

#[cfg(test)]
mod tests {
    use crate::tidy::fake::Fake;

    const EXAMPLE: &str = r#"//! An example.
struct Args {
    #[arg(
        long,
        default_value = "a: b",
    )]
    /// Where to.
    out_dir: String,
    plain: u8,
    #[arg(long = "batch-sizes")]
    sizes: Vec<u8>,
}
fn main() {}
"#;

    fn check(readme: &str, expect: &[&str]) {
        let fake = Fake::new().file("examples/examples/characterize.rs", EXAMPLE);
        let expect: Vec<String> = expect.iter().map(|line| format!("README.md:{line}")).collect();
        let expect: Vec<&str> = expect.iter().map(String::as_str).collect();
        fake.file("README.md", readme).check(super::readme, &expect);
    }

    #[test]
    fn commands_that_exist_pass() {
        check(
            "```sh\ncargo run --release --example characterize -- --out-dir x --batch-sizes=1 --help # why\n```\n",
            &[],
        );
        check("```console\n$ LEVEL=avx2 cargo test -p examples && cargo xtask tidy | less\n```\n", &[]);
        check("    cargo xtask data --dir there\n    cargo xtask oracle --help\n", &[]);
        check("Prose of\ncargo run --example nothing\n```rust\ncargo xtask nothing\n```\n", &[]);
    }

    #[test]
    fn a_flag_may_be_declared_in_the_library_of_the_package() {
        let library = "//! A library.\npub struct Shared {\n    #[arg(long)]\n    pub threads: usize,\n}\n";
        let fake = Fake::new().file("examples/examples/train.rs", "//! An example.\nfn main() {}\n");
        let fake = fake.file("README.md", "    cargo run --example train -- --threads 2\n");
        let expect = "README.md:1: the example train takes no --threads; correct the command, or add the flag";
        fake.check(super::readme, &[expect]);
        fake.file("examples/src/shared.rs", library).check(super::readme, &[]);
    }

    #[test]
    fn an_example_that_does_not_exist_is_found() {
        let expect = "2: there is no example train; correct the command, or add the target";
        check("```sh\ncargo run --example train\n```\n", &[expect]);
        check("```text\ncargo run --example=train\n```\n", &[expect]);
    }

    #[test]
    fn a_flag_that_does_not_exist_is_found() {
        let missing =
            |flag| format!("2: the example characterize takes no --{flag}; correct the command, or add the flag");
        check("```bash\ncargo run --example characterize -- --seeds 3\n```\n", &[&missing("seeds")]);
        check("```bash\ncargo run --example characterize -- --plain 3\n```\n", &[&missing("plain")]);
        check("```bash\ncargo run --example characterize -- \\\n  --seeds 3\n```\n", &[&missing("seeds")]);
    }

    #[test]
    fn a_task_that_does_not_exist_is_found() {
        let expect = "1: `cargo xtask dance`: unrecognized subcommand 'dance'; correct the command";
        check("    cargo xtask dance\n", &[expect]);
        let expect = "1: `cargo xtask data --fast`: unexpected argument '--fast' found; correct the command";
        check("    cargo xtask data --fast\n", &[expect]);
    }

    #[test]
    fn a_package_or_target_that_does_not_exist_is_found() {
        check("    cargo test -p examples -p nobody\n", &["1: there is no package nobody; correct the command"]);
        let expect = "1: there is no bench step; correct the command, or add the target";
        check("    cargo bench --package examples --bench step\n", &[expect]);
    }
}
