//! A sweep's file: TOML to a checked request. What cells it makes is the business of [`crate::plan`].
//!
//! A key that is not known is refused with the nearest one that is; a value is refused where it stands.

mod axis;
mod sections;

pub use axis::Rates;
pub(crate) use axis::between;
pub use sections::{Limits, Method, Optimizer, Slurm, Tune};

use crate::error::SweepError;
use sections::Exclusion;
use seismograd_train::Protocol;
use serde::Deserialize;
use std::path::Path;
use toml::{Table, Value};

/// A file's text with what the command line changes about it.
#[derive(Clone, Debug)]
pub struct SweepFile {
    origin: String,
    table: Table,
}

/// How long every run trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many epochs.
    Epochs(u64),
    /// The fewest whole epochs that make at least so many steps, so that batch sizes are compared after the same number of updates.
    Steps(u64),
}

/// The seeds of an arm, an optimizer at a batch size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// So many, and no two arms share one: labels of runs that share a seed cannot be exchanged in a test.
    Count(u64),
    /// These in every arm.
    List(Vec<u64>),
}

/// What a file asks for, checked by itself; each run's configuration is checked when the cells are made.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where it comes from, for errors.
    pub(crate) origin: String,
    /// The preset of all runs.
    pub protocol: Protocol,
    /// The images, as `--data` names them.
    pub data: String,
    /// How long every run trains.
    pub budget: Budget,
    /// The batch sizes, each once.
    pub batch_sizes: Vec<usize>,
    /// The seeds of each arm.
    pub seeds: Seeds,
    /// The optimizers with their axes, in the file's order.
    pub optimizers: Vec<Optimizer>,
    /// What is left out.
    pub(crate) exclude: Vec<Exclusion>,
    /// What all runs share besides.
    pub(crate) run: Shared,
    /// What a cell may use, and for how long.
    pub cell: Limits,
    /// What a cluster is asked for.
    pub slurm: Slurm,
    /// How learning rates are tuned.
    pub tune: Tune,
}

/// Settings of all runs that the protocol has defaults for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shared {
    pub model: Option<String>,
    pub dropout: Option<f64>,
    pub limit: Option<usize>,
    pub normalize: bool,
    pub record: Option<String>,
    pub shuffle: Option<String>,
    pub loss_reduction: Option<String>,
    pub shard_size: Option<usize>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    protocol: Option<String>,
    data: Option<String>,
    epochs: Option<u64>,
    steps: Option<u64>,
    batch_sizes: Vec<usize>,
    seeds: Value,
    model: Option<String>,
    dropout: Option<f64>,
    limit: Option<usize>,
    #[serde(default)]
    normalize: bool,
    record: Option<String>,
    shuffle: Option<String>,
    loss_reduction: Option<String>,
    shard_size: Option<usize>,
    optimizers: Table,
    #[serde(default)]
    exclude: Vec<Exclusion>,
    #[serde(default)]
    cell: Limits,
    #[serde(default)]
    slurm: Slurm,
    #[serde(default)]
    tune: Tune,
}

impl SweepFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no TOML; the error names the line.
    pub fn read(path: &Path) -> Result<SweepFile, SweepError> {
        let text = std::fs::read_to_string(path).map_err(SweepError::io("read", path))?;
        SweepFile::parse(&text, &path.display().to_string())
    }

    /// Reads a text that comes from `origin`.
    ///
    /// # Errors
    /// When it is no TOML, or has an unknown key.
    pub fn parse(text: &str, origin: &str) -> Result<SweepFile, SweepError> {
        let refused = |error: toml::de::Error| SweepError::request(place(origin, text, &error), said(error.message()));
        let table: Table = text.parse().map_err(refused)?;
        // A value that the command line brings has no line; those of the file are refused where they stand.
        toml::from_str::<Raw>(text).map_err(refused)?;
        Ok(SweepFile { origin: origin.to_owned(), table })
    }

    /// Changes a value, as in `optimizers.adam.lr=[1e-3, 1e-2]`; `optimizer.` in front means every optimizer. The value is TOML, or text.
    ///
    /// # Errors
    /// Without an equals sign, or where a part of the path is no section.
    pub fn set(&mut self, assignment: &str) -> Result<(), SweepError> {
        let refused = |problem: String| SweepError::request(format!("--set {assignment}"), problem);
        let Some((path, text)) = assignment.split_once('=') else {
            return Err(refused("is to be KEY=VALUE, as in optimizers.adam.lr=0.001".to_owned()));
        };
        let parts: Vec<&str> = path.trim().split('.').map(str::trim).collect();
        let value = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
        let value = value.unwrap_or_else(|| Value::String(text.trim().to_owned()));
        match parts.as_slice() {
            ["optimizer", rest @ ..] if !rest.is_empty() => {
                let names: Vec<String> = self.optimizer_names();
                let paths = names.iter().map(|name| [&["optimizers", name.as_str()], rest].concat());
                paths.map(|path| (path, value.clone())).try_for_each(|(path, value)| self.assign(&path, value))
            }
            path => self.assign(path, value),
        }
        .map_err(|part| refused(format!("`{part}` is no section of the file")))
    }

    /// Puts a value at a path. What stands behind an optimizer's name is one option, such as `base.momentum`, but for the parts of `lr`.
    fn assign(&mut self, path: &[&str], value: Value) -> Result<(), String> {
        match path {
            ["optimizers", name, option @ ..] if option.len() > 1 && option[0] != "lr" => {
                assign(&mut self.table, &["optimizers", name, &option.join(".")], value)
            }
            path => assign(&mut self.table, path, value),
        }
    }

    /// Takes another number of epochs, in place of a budget of steps if there is one.
    ///
    /// # Errors
    /// None for any number.
    pub fn set_epochs(&mut self, epochs: u64) -> Result<(), SweepError> {
        self.table.remove("steps");
        self.set(&format!("epochs={epochs}"))
    }

    fn optimizer_names(&self) -> Vec<String> {
        let optimizers = self.table.get("optimizers").and_then(Value::as_table);
        optimizers.into_iter().flat_map(Table::keys).cloned().collect()
    }

    /// The file as TOML, with what was changed.
    pub fn text(&self) -> String {
        self.table.to_string()
    }

    /// The checked request.
    ///
    /// # Errors
    /// The first key or value that no sweep can have.
    pub fn request(&self) -> Result<Request, SweepError> {
        let refused = |problem: String| SweepError::request(self.origin.clone(), problem);
        let raw = Value::Table(self.table.clone()).try_into::<Raw>().map_err(|error| refused(said(error.message())))?;
        let protocol = raw.protocol.as_deref().unwrap_or("standard");
        let optimizers = raw.optimizers.iter().map(|(name, section)| Optimizer::read(name, section));
        let request = Request {
            origin: self.origin.clone(),
            protocol: protocol
                .parse()
                .map_err(|_| refused(format!("protocol = {protocol:?}: use \"standard\" or \"paper\"")))?,
            data: raw.data.unwrap_or_else(|| "sample".to_owned()),
            budget: budget(raw.epochs, raw.steps).map_err(refused)?,
            seeds: seeds(&raw.seeds).map_err(refused)?,
            optimizers: optimizers.collect::<Result<_, _>>().map_err(refused)?,
            batch_sizes: raw.batch_sizes,
            exclude: raw.exclude,
            run: Shared {
                model: raw.model,
                dropout: raw.dropout,
                limit: raw.limit,
                normalize: raw.normalize,
                record: raw.record,
                shuffle: raw.shuffle,
                loss_reduction: raw.loss_reduction,
                shard_size: raw.shard_size,
            },
            cell: raw.cell,
            slurm: raw.slurm,
            tune: raw.tune,
        };
        request.check().map_err(refused)?;
        Ok(request)
    }
}

impl Request {
    fn check(&self) -> Result<(), String> {
        if self.optimizers.is_empty() {
            return Err("optimizers is empty: add a section such as [optimizers.adam] with lr = [1e-3]".to_owned());
        }
        axis::each_once("batch_sizes", &self.batch_sizes)?;
        self.cell.check()?;
        self.slurm.check()?;
        self.tune.check()
    }
}

fn budget(epochs: Option<u64>, steps: Option<u64>) -> Result<Budget, String> {
    match (epochs, steps) {
        (Some(_), Some(_)) => Err("epochs and steps are both set; set one of them".to_owned()),
        (None, None) => Err("neither epochs nor steps is set; add epochs = 5, say".to_owned()),
        (Some(0), _) | (_, Some(0)) => Err("a run trains for 1 epoch or step at the least".to_owned()),
        (Some(epochs), None) => Ok(Budget::Epochs(epochs)),
        (None, Some(steps)) => Ok(Budget::Steps(steps)),
    }
}

fn seeds(value: &Value) -> Result<Seeds, String> {
    let wrong = || format!("seeds = {value}: use a count such as 5, or a list such as [0, 1, 2]");
    let number = |value: &Value| value.as_integer().and_then(|number| u64::try_from(number).ok()).ok_or_else(wrong);
    match value {
        Value::Array(list) => {
            let list: Vec<u64> = list.iter().map(number).collect::<Result<_, _>>()?;
            axis::each_once("seeds", &list)?;
            Ok(Seeds::List(list))
        }
        value => match number(value)? {
            count @ 1..=crate::grid::SEEDS_APART => Ok(Seeds::Count(count)),
            count => Err(format!("seeds = {count}: use 1 to {} runs a cell", crate::grid::SEEDS_APART)),
        },
    }
}

/// Puts a value at a path, whose sections are made where they are missing.
fn assign(table: &mut Table, path: &[&str], value: Value) -> Result<(), String> {
    match path {
        [] => Ok(()),
        [last] => {
            table.insert((*last).to_owned(), value);
            Ok(())
        }
        [first, rest @ ..] => {
            let section = table.entry(*first).or_insert_with(|| Value::Table(Table::new()));
            assign(section.as_table_mut().ok_or_else(|| (*first).to_owned())?, rest, value)
        }
    }
}

/// The origin with the line of an error.
fn place(origin: &str, text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    line.map_or_else(|| origin.to_owned(), |line| format!("{origin}, line {line}"))
}

/// The reader's message in one line; of an unknown key it lists all that are known, of which the nearest is named.
fn said(message: &str) -> String {
    let message = message.lines().collect::<Vec<_>>().join(", ");
    let mut names = message.split('`').skip(1).step_by(2);
    match (message.starts_with("unknown field"), names.next()) {
        (true, Some(unknown)) => {
            let known: Vec<&str> = names.collect();
            let distance = |known: &&str| strsim::damerau_levenshtein(known, unknown);
            let nearest =
                known.iter().min_by_key(|known| distance(known)).filter(|best| 2 * distance(best) <= best.len());
            let hint = nearest.map_or_else(String::new, |nearest| format!(", did you mean `{nearest}`?"));
            format!("unknown key `{unknown}`{hint} Known: {}", known.join(", "))
        }
        _ => message.replace("missing field", "lacks the key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "epochs = 1\nbatch_sizes = [100]\nseeds = 2\n[optimizers.adam]\nlr = [1e-3]\n";

    fn request(text: &str) -> Result<Request, SweepError> {
        SweepFile::parse(text, "sweep.toml")?.request()
    }

    #[track_caller]
    fn check_refused(text: &str, words: &[&str]) {
        let error = request(text).unwrap_err().to_string();
        assert!(error.starts_with("sweep.toml") && !error.contains('\n'), "{error}");
        for word in words {
            assert!(error.contains(word), "`{word}` is missing: {error}");
        }
    }

    #[test]
    fn what_no_sweep_can_be_is_refused_in_one_line() {
        let with = |line: &str| format!("{line}\n{SMALL}");
        let after = |line: &str| format!("{SMALL}{line}\n");
        request(SMALL).unwrap();
        check_refused(&with("epoch = 2"), &["line 1", "unknown key `epoch`", "did you mean `epochs`"]);
        check_refused(&with("steps = 2"), &["set one of them"]);
        check_refused(&SMALL.replace("epochs = 1\n", ""), &["neither epochs nor steps"]);
        check_refused(&SMALL.replace("epochs = 1", "epochs = 0"), &["1 epoch"]);
        check_refused(&SMALL.replace("epochs = 1", "epochs = 1.5"), &["line 1", "expected u64"]);
        check_refused(&SMALL.replace("epochs = 1", "epochs = "), &["line 1"]);
        check_refused(&SMALL.replace("[100]", "[100, 100]"), &["batch_sizes", "named twice"]);
        check_refused(&SMALL.replace("[100]", "[]"), &["batch_sizes", "name at least one"]);
        check_refused(&SMALL.replace("batch_sizes = [100]\n", ""), &["lacks the key `batch_sizes`"]);
        check_refused(&SMALL.replace("seeds = 2", "seeds = 0"), &["seeds = 0", "1 to 1000"]);
        check_refused(&SMALL.replace("seeds = 2", "seeds = [1, 1]"), &["seeds", "named twice"]);
        check_refused(&SMALL.replace("seeds = 2", "seeds = \"many\""), &["seeds", "a count such as 5"]);
        check_refused(&with("protocol = \"papr\""), &["protocol", "papr", "\"paper\""]);
        check_refused(&SMALL.replace("[optimizers.adam]\nlr = [1e-3]\n", "[optimizers]\n"), &["optimizers is empty"]);
        check_refused(&SMALL.replace("[1e-3]", "{ log = [1e-3, 1e-1], point = 3 }"), &["adam", "`point`", "`points`"]);
        check_refused(&SMALL.replace("[1e-3]", "{ log = [0, 1], points = 3 }"), &["adam", "above 0"]);
        check_refused(&SMALL.replace("[1e-3]", "\"fast\""), &["adam", "lr", "a number"]);
        check_refused(&after("[cell]\nthread = 1"), &["`thread`", "did you mean `threads`"]);
        check_refused(&after("[slurm]\npartitions = \"x\""), &["`partitions`", "did you mean `partition`"]);
        check_refused(&after("[tune]\nmethod = \"havling\""), &["havling", "halving"]);
        check_refused(&after("[[exclude]]\nbatch_sise = 3"), &["`batch_sise`", "did you mean `batch_size`"]);
    }

    #[test]
    fn the_command_line_changes_values() {
        let mut file = SweepFile::parse(&format!("{SMALL}[optimizers.sgd]\nlr = [0.1]\n"), "sweep.toml").unwrap();
        file.set("epochs=3").unwrap();
        file.set("data=full").unwrap();
        file.set("optimizer.lr=[0.5, 0.25]").unwrap();
        file.set("cell.attempts = 2").unwrap();
        let request = file.request().unwrap();
        assert_eq!((request.budget, request.data.as_str(), request.cell.attempts), (Budget::Epochs(3), "full", 2));
        assert!(request.optimizers.iter().all(|optimizer| optimizer.rates.values() == [0.5, 0.25]));
        assert!(file.set("epochs.more=1").unwrap_err().to_string().contains("`epochs` is no section"));
        assert!(file.set("epochs").unwrap_err().to_string().contains("KEY=VALUE"));
        file.set("epocs=1").unwrap();
        assert!(file.request().unwrap_err().to_string().contains("did you mean `epochs`"));
    }

    #[test]
    fn a_file_with_its_changes_is_a_file() {
        let mut file = SweepFile::parse(SMALL, "sweep.toml").unwrap();
        file.set("optimizers.adam.lr=[0.01]").unwrap();
        let again = SweepFile::parse(&file.text(), "again.toml").unwrap().request().unwrap();
        assert_eq!(again.optimizers[0].rates.values(), [0.01]);
    }

    #[test]
    fn an_option_may_have_a_dot_in_its_name() {
        let option = |text: &str, set: Option<&str>| {
            let mut file = SweepFile::parse(&format!("{SMALL}[optimizers.sam]\n{text}\n"), "sweep.toml").unwrap();
            set.map_or(Ok(()), |set| file.set(set)).unwrap();
            let again = SweepFile::parse(&file.text(), "again.toml").unwrap().request().unwrap();
            again.optimizers[1].options.iter().find(|(name, _)| name == "base.momentum").cloned()
        };
        let expect = Some(("base.momentum".to_owned(), vec!["0".to_owned(), "0.9".to_owned()]));
        assert_eq!(option("base = \"sgd\"\n\"base.momentum\" = [0, 0.9]", None), expect);
        assert_eq!(option("base.momentum = [0, 0.9]", None), expect);
        assert_eq!(option("base = \"sgd\"", Some("optimizers.sam.base.momentum=[0, 0.9]")), expect);
        // Parts of the rates are no options.
        let mut file = SweepFile::parse(&SMALL.replace("[1e-3]", "{ log = [1e-3, 1], points = 3 }"), "a.toml").unwrap();
        file.set("optimizers.adam.lr.points=2").unwrap();
        assert_eq!(file.request().unwrap().optimizers[0].rates.values(), [1e-3, 1.0]);
    }

    #[test]
    fn optimizers_keep_the_order_of_the_file() {
        let request = request(&format!("{SMALL}[optimizers.sgd]\nlr = 0.1\n")).unwrap();
        let names: Vec<&str> = request.optimizers.iter().map(|optimizer| optimizer.name.as_str()).collect();
        assert_eq!(names, ["adam", "sgd"]);
    }
}
