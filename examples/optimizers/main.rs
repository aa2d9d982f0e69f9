//! The optimizers on one sheet: their paths over three functions of two numbers, and a table of what they are and cost.
//!
//! ```text
//! cargo run --example optimizers -- --out out/optimizers
//! ```

mod functions;
mod paths;
mod table;

use clap::Parser;
use examples::{complain, parse, say};
use seismograd_optim::registry::ENTRIES;
use seismograd_report::{Card, Landscape, Theme, gallery};
use seismograd_trace::{create_directories, write_atomically};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Draw every optimizer's path over three functions, and print a table of what they are.
#[derive(Parser)]
#[command(name = "optimizers")]
struct Arguments {
    /// Where optimizers.svg and optimizers.png go
    #[arg(long, default_value = "out/optimizers", value_name = "DIR")]
    out: PathBuf,
    /// Print the table alone
    #[arg(long)]
    table_only: bool,
}

fn main() -> ExitCode {
    let arguments: Arguments = parse();
    table::print();
    if arguments.table_only {
        return ExitCode::SUCCESS;
    }
    match draw(&arguments.out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {error}; choose another --out"));
            ExitCode::FAILURE
        }
    }
}

fn draw(out: &Path) -> anyhow::Result<()> {
    let landscapes: Vec<Landscape> = functions::ALL.iter().map(|function| function.landscape).collect();
    let cards: Vec<Card> = ENTRIES.iter().map(card).collect();
    let title = format!("{} optimizers, three landscapes", cards.len());
    let names: Vec<&str> = landscapes.iter().map(|landscape| landscape.name).collect();
    let caption = format!(
        "{}. {} steps, each at the best of its learning rates from 0.0001 to 100; +: the minima, ○: the start, ●: the end.",
        names.join(", "),
        paths::STEPS
    );
    let figure = gallery(&title, &caption, &landscapes, &cards, 5);
    create_directories(out)?;
    let put = |name: &str, bytes: &[u8]| -> anyhow::Result<()> {
        let path = out.join(name);
        write_atomically(&path, |file| file.write_all(bytes))?;
        say(&path.display().to_string());
        Ok(())
    };
    put("optimizers.svg", figure.svg(Theme::Light).as_bytes())?;
    put("optimizers.png", &figure.png(1.6)?)
}

fn card(entry: &seismograd_optim::registry::Entry) -> Card {
    let paths = functions::ALL.iter().map(|function| paths::best(entry.name, function)).collect();
    let note = entry.paper.rsplit(", ").find_map(year).unwrap_or_default();
    Card { name: entry.name.to_owned(), note, paths }
}

/// The first four digits in a row that are a year.
fn year(text: &str) -> Option<String> {
    let digits = text.split(|c: char| !c.is_ascii_digit());
    digits
        .filter(|word| word.len() == 4 && (word.starts_with("19") || word.starts_with("20")))
        .map(str::to_owned)
        .next()
}
