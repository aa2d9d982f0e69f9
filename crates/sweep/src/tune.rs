//! The search for each optimizer's learning rate and options, with the same budget for all: a grid, random draws, or successive halving.
//!
//! Successive halving (Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016) is
//! synchronous here: all configurations of a rung are trained, then the best go on from their checkpoints. Rungs are fixed beforehand, scores
//! come from files, ties fall to the lower id: the same file always chooses the same, however often it was interrupted.

use crate::cell::Cell;
use crate::engine::local::Tally;
use crate::error::SweepError;
use crate::file::{Method, Optimizer, Rates, Request, SweepFile, Tune, between};
use crate::grid::SEARCH_SEED;
use crate::plan::Plan;
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use seismograd_analysis::{Choice, Search, Trial};
use seismograd_cifar10::Dataset;
use seismograd_trace::Epochs;
use seismograd_train::RunConfig;
use serde::Serialize;
use std::path::Path;

/// A configuration that is tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// The optimizer.
    pub optimizer: String,
    /// Its learning rate.
    pub lr: f64,
    /// Its other options that the file names.
    pub options: Vec<(String, String)>,
}

/// A candidate at a rung.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scored {
    /// The candidate.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Its first cell, which breaks ties.
    pub id: String,
    /// The epochs after which it is compared.
    pub epochs: u64,
    /// The test losses of its cells there; none of one that diverged.
    pub losses: Vec<Option<f64>>,
    /// Whether it goes on, or is chosen in the end.
    pub goes_on: bool,
}

/// What tuning came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// Each optimizer's best.
    pub best: Vec<Candidate>,
    /// Everything that was tried, rung by rung, the best first.
    pub tried: Vec<Scored>,
    /// The same as the report shows it, where nothing but the rate was tuned.
    pub search: Option<Search>,
}

/// Tunes in a directory. `carry` carries those cells of a rung through that are not scored there yet; when cells are left it was stopped, and `None` comes
/// back.
///
/// # Errors
/// Budgets that are not equal, a space too small for its trials, cells that failed, or an optimizer of which every configuration diverged.
pub fn tune(
    request: &Request,
    dataset: &Dataset,
    out: &Path,
    carry: &mut dyn FnMut(&Plan) -> Result<Tally, SweepError>,
) -> Result<Option<Tuned>, SweepError> {
    let mut alive = candidates(request)?;
    let mut tried = Vec::new();
    let rungs = match request.tune.method {
        Method::Halving => request.tune.rungs.as_slice(),
        Method::Grid | Method::Random => &request.tune.rungs[request.tune.rungs.len() - 1..],
    };
    for (rung, &epochs) in rungs.iter().enumerate() {
        let of_candidates = cells(request, dataset, &alive, epochs)?;
        let optimizers = request.optimizers.iter().map(|optimizer| optimizer.name.clone()).collect();
        let cells = of_candidates.iter().flatten().cloned().collect();
        let mut plan = Plan { optimizers, limits: request.cell.clone(), slurm: request.slurm.clone(), cells };
        plan.write(out)?;
        // What was scored here may have gone on to another rung, and is not to be taken up at this one.
        let missing = plan.cells.iter().map(|cell| Ok(loss(out, cell, epochs)?.is_none().then(|| cell.clone())));
        plan.cells = missing.filter_map(Result::transpose).collect::<Result<_, SweepError>>()?;
        if !plan.cells.is_empty() && !is_carried(out, &carry(&plan)?)? {
            return Ok(None);
        }
        let scored = alive.iter().zip(&of_candidates).map(|(candidate, cells)| score(out, candidate, cells, epochs));
        let scored = scored.collect::<Result<Vec<_>, _>>()?;
        let last = rung + 1 == rungs.len();
        let ranked = rank(request, scored, |count| if last { 1 } else { count.div_ceil(request.tune.reduction) })?;
        alive = ranked.iter().filter(|scored| scored.goes_on).map(|scored| scored.candidate.clone()).collect();
        tried.extend(ranked);
    }
    let search = search(request, rungs, &alive, &tried);
    Ok(Some(Tuned { best: alive, tried, search }))
}

impl Tuned {
    /// The file with the best of each optimizer in place of its axes.
    ///
    /// # Errors
    /// None that a tuned file can have.
    pub fn apply(&self, file: &SweepFile) -> Result<SweepFile, SweepError> {
        let mut file = file.clone();
        for Candidate { optimizer, lr, options } in &self.best {
            file.set(&format!("optimizers.{optimizer}.lr=[{lr:?}]"))?;
            options
                .iter()
                .try_for_each(|(name, value)| file.set(&format!("optimizers.{optimizer}.{name}={value:?}")))?;
        }
        Ok(file)
    }
}

impl Scored {
    /// The mean test loss; infinite where a cell has none.
    pub fn mean(&self) -> f64 {
        let sum: Option<f64> = self.losses.iter().copied().sum();
        sum.map_or(f64::INFINITY, |sum| sum / self.losses.len() as f64)
    }
}

/// The configurations of every optimizer, as many of each.
fn candidates(request: &Request) -> Result<Vec<Candidate>, SweepError> {
    let of_each = request.optimizers.iter().map(|optimizer| match request.tune.method {
        Method::Grid => grid(request, optimizer),
        Method::Random | Method::Halving => draw(request, optimizer),
    });
    let of_each = of_each.collect::<Result<Vec<_>, _>>()?;
    if let Some(other) = of_each.iter().find(|of_one| of_one.len() != of_each[0].len()) {
        return Err(request.refuse(format!(
            "[tune]: {} has {} configurations and {} has {}: give them as many, or use method = \"random\"",
            of_each[0][0].optimizer,
            of_each[0].len(),
            other[0].optimizer,
            other.len()
        )));
    }
    Ok(of_each.into_iter().flatten().collect())
}

fn grid(request: &Request, optimizer: &Optimizer) -> Result<Vec<Candidate>, SweepError> {
    let rates = optimizer.rates.values();
    if rates.is_empty() {
        let problem = "method = \"grid\" wants lr as a list, or as { log = [..], points = N }";
        return Err(request.refuse(format!("[optimizers.{}]: {problem}", optimizer.name)));
    }
    let with = |options: Vec<(String, String)>| {
        let candidate =
            move |lr: &f64| Candidate { optimizer: optimizer.name.clone(), lr: *lr, options: options.clone() };
        rates.iter().map(candidate).collect::<Vec<_>>()
    };
    Ok(optimizer.combinations().into_iter().flat_map(with).collect())
}

/// Distinct draws: rates evenly on a logarithmic scale, everything else evenly from its list.
fn draw(request: &Request, optimizer: &Optimizer) -> Result<Vec<Candidate>, SweepError> {
    let refused = |problem: String| request.refuse(format!("[optimizers.{}]: {problem}", optimizer.name));
    let (ends, rates) = (optimizer.rates.clone(), optimizer.rates.values());
    if ends == Rates::Default {
        return Err(refused("tuning wants lr = { log = [LOWEST, HIGHEST] } or a list".to_owned()));
    }
    let options = optimizer.combinations();
    let mut generator = ChaCha8Rng::seed_from_u64(request.tune.draw);
    generator.set_stream(stream(&optimizer.name));
    let mut drawn: Vec<Candidate> = Vec::new();
    let wanted = request.tune.trials;
    for _ in 0..100 * wanted {
        if drawn.len() == wanted {
            break;
        }
        let mut fraction = || (generator.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let lr = match &ends {
            Rates::Log { ends, points: None } => between(*ends, fraction()),
            _ => rates[(fraction() * rates.len() as f64) as usize],
        };
        let options = options[(fraction() * options.len() as f64) as usize].clone();
        let candidate = Candidate { optimizer: optimizer.name.clone(), lr, options };
        if !drawn.contains(&candidate) {
            drawn.push(candidate);
        }
    }
    match drawn.len() == wanted {
        true => Ok(drawn),
        false => Err(refused(format!(
            "[tune] trials = {wanted}, of {} configurations; lower trials, or widen lr",
            drawn.len()
        ))),
    }
}

/// A stream of random numbers of the optimizer's own: what is drawn for one does not depend on the others (FNV-1a of the name).
fn stream(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The cells of each candidate: its batch sizes by its seeds, which are those of the search and of no comparison.
fn cells(request: &Request, dataset: &Dataset, alive: &[Candidate], epochs: u64) -> Result<Vec<Vec<Cell>>, SweepError> {
    let sizes = batch_sizes(request);
    let of_one = |candidate: &Candidate| {
        let mut cells = Vec::new();
        for &size in &sizes {
            let config = request.config(&candidate.optimizer, Some(candidate.lr), &candidate.options, size)?;
            for seed in SEARCH_SEED..SEARCH_SEED + request.tune.seeds {
                let cell = request.cell(RunConfig { seed, ..config.clone() }, dataset)?;
                cells.push(Cell { epochs, ..cell });
            }
        }
        Ok(cells)
    };
    alive.iter().map(of_one).collect()
}

fn batch_sizes(request: &Request) -> Vec<usize> {
    let Tune { batch_sizes, .. } = &request.tune;
    if !batch_sizes.is_empty() {
        return batch_sizes.clone();
    }
    crate::search::extremes(&request.batch_sizes)
}

/// Whether all cells were carried to an end of their own.
///
/// # Errors
/// When some failed: what they would have come to nobody knows, so the others are not compared without them.
fn is_carried(out: &Path, tally: &Tally) -> Result<bool, SweepError> {
    match (&tally.failed[..], tally.left) {
        ([], left) => Ok(left == 0),
        ([(cell, problem), ..], _) => Err(SweepError::directory(
            out,
            format!(
                "{} trials failed, one of them {}: {problem}; the same command tries these again",
                tally.failed.len(),
                cell.name()
            ),
        )),
    }
}

fn score(out: &Path, candidate: &Candidate, cells: &[Cell], epochs: u64) -> Result<Scored, SweepError> {
    let losses = cells.iter().map(|cell| loss(out, cell, epochs)).collect::<Result<_, _>>()?;
    Ok(Scored { candidate: candidate.clone(), id: cells[0].id.clone(), epochs, losses, goes_on: false })
}

/// The test loss after so many epochs, also of a run that has gone on since, wherever that came to; none of one that did not get there.
fn loss(out: &Path, cell: &Cell, epochs: u64) -> Result<Option<f64>, SweepError> {
    let path = cell.directory(out)?.epochs();
    if !path.exists() {
        return Ok(None);
    }
    let row = Epochs::read(&path)?.rows().get(epochs as usize - 1).map(|row| f64::from(row.test_loss));
    Ok(row)
}

/// Each optimizer's candidates, the best first, of which so many go on.
fn rank(request: &Request, scored: Vec<Scored>, go_on: impl Fn(usize) -> usize) -> Result<Vec<Scored>, SweepError> {
    let mut ranked = Vec::new();
    for optimizer in &request.optimizers {
        let mut own: Vec<Scored> =
            scored.iter().filter(|scored| scored.candidate.optimizer == optimizer.name).cloned().collect();
        own.sort_by(|a, b| a.mean().total_cmp(&b.mean()).then_with(|| a.id.cmp(&b.id)));
        let count = go_on(own.len());
        for scored in own.iter_mut().take(count) {
            scored.goes_on = scored.mean().is_finite();
        }
        if !own.iter().any(|scored| scored.goes_on) {
            let problem = "every configuration diverged; try lower learning rates";
            return Err(request.refuse(format!("[optimizers.{}]: {problem}", optimizer.name)));
        }
        ranked.extend(own);
    }
    Ok(ranked)
}

/// The record that a report shows: trials of the first rung, where nothing but the rate was tuned.
fn search(request: &Request, rungs: &[u64], best: &[Candidate], tried: &[Scored]) -> Option<Search> {
    if request.optimizers.iter().any(|optimizer| optimizer.combinations().len() > 1) || request.tune.seeds > 1 {
        return None;
    }
    let sizes = batch_sizes(request);
    let choice = |best: &Candidate| {
        let own =
            tried.iter().filter(|scored| scored.epochs == rungs[0] && scored.candidate.optimizer == best.optimizer);
        let trials: Vec<Trial> = own
            .flat_map(|scored| {
                let trial = |(&batch_size, &test_loss)| Trial { lr: scored.candidate.lr, batch_size, test_loss };
                sizes.iter().zip(&scored.losses).map(trial)
            })
            .collect();
        let at_edge = !trials.iter().any(|trial| trial.lr < best.lr) || !trials.iter().any(|trial| trial.lr > best.lr);
        Choice { optimizer: best.optimizer.clone(), lr: best.lr, at_edge, trials }
    };
    let tune = &request.tune;
    let rule = match tune.method {
        Method::Grid => "the file's grid; the least mean test loss wins".to_owned(),
        Method::Random => format!("{} draws each; the least mean test loss wins", tune.trials),
        Method::Halving => format!(
            "successive halving of {} draws each: compared by mean test loss after {rungs:?} epochs, one in {} goes on",
            tune.trials, tune.reduction
        ),
    };
    let choices = best.iter().map(choice).collect();
    Some(Search { epochs: rungs[0], batch_sizes: sizes, seed: SEARCH_SEED, rule, choices })
}

#[cfg(test)]
mod tests {
    use super::*;
    use seismograd_trace::{EpochRow, Schema};
    use seismograd_train::DataSource;

    fn request(tune: &str) -> Request {
        let text = format!(
            "epochs = 1\nbatch_sizes = [100, 200]\nseeds = 1\n[optimizers.sgd]\nlr = {{ log = [0.01, 1] }}\nmomentum = [0, 0.9]\n\
             [optimizers.adam]\nlr = {{ log = [1e-4, 0.1] }}\n[tune]\n{tune}\n"
        );
        SweepFile::parse(&text, "tune.toml").unwrap().request().unwrap()
    }

    #[test]
    fn draws_are_the_same_each_time_and_an_optimizers_own() {
        let first = candidates(&request("trials = 5")).unwrap();
        assert_eq!(first, candidates(&request("trials = 5")).unwrap());
        assert_ne!(first, candidates(&request("trials = 5\ndraw = 1")).unwrap());
        assert_eq!(first.iter().filter(|candidate| candidate.optimizer == "sgd").count(), 5);
        // More trials keep those that there are.
        let more = candidates(&request("trials = 7")).unwrap();
        assert!(first.iter().all(|candidate| more.contains(candidate)));
        assert!(first.iter().all(|candidate| candidate.lr >= 1e-4 && candidate.lr <= 1.0));
    }

    #[test]
    fn budgets_that_are_not_equal_are_refused() {
        let error = |tune: &str, from: &str, to: &str| {
            let text = SweepFile::parse(
                &format!(
                    "epochs = 1\nbatch_sizes = [100]\nseeds = 1\n[optimizers.sgd]\nlr = [1, 2]\nmomentum = [0, 0.9]\n\
                     [optimizers.adam]\nlr = [1, 2]\n[tune]\n{tune}\n"
                )
                .replace(from, to),
                "tune.toml",
            );
            candidates(&text.unwrap().request().unwrap()).unwrap_err().to_string()
        };
        assert!(error("method = \"grid\"", "", "").contains("sgd has 4 configurations and adam has 2"));
        assert!(error("trials = 3", "", "").contains("trials = 3, of 2 configurations"));
        assert!(error("method = \"grid\"", "lr = [1, 2]\nmom", "mom").contains("wants lr as a list"));
    }

    #[test]
    fn the_least_loss_goes_on_and_ties_fall_to_the_lower_id() {
        let scored = |optimizer: &str, lr: f64, id: &str, losses: &[Option<f64>]| Scored {
            candidate: Candidate { optimizer: optimizer.to_owned(), lr, options: vec![] },
            id: id.to_owned(),
            epochs: 1,
            losses: losses.to_vec(),
            goes_on: false,
        };
        let given = vec![
            scored("sgd", 0.1, "b", &[Some(2.0), Some(2.0)]),
            scored("sgd", 0.2, "a", &[Some(1.0), Some(3.0)]),
            scored("sgd", 0.3, "c", &[Some(1.0), None]),
            scored("adam", 0.1, "d", &[Some(9.0), Some(9.0)]),
        ];
        let ranked = rank(&request(""), given, |count| count.div_ceil(3)).unwrap();
        let order: Vec<(&str, bool)> = ranked.iter().map(|scored| (scored.id.as_str(), scored.goes_on)).collect();
        assert_eq!(order, [("a", true), ("b", false), ("c", false), ("d", true)]);
        let given = vec![scored("sgd", 0.1, "a", &[None]), scored("adam", 0.1, "b", &[Some(1.0)])];
        assert!(rank(&request(""), given, |_| 1).unwrap_err().to_string().contains("every configuration diverged"));
    }

    #[test]
    fn rungs_are_trained_in_turn_and_a_stop_is_told() {
        let out = tempfile::tempdir().unwrap();
        let dataset = DataSource::Sample.load().unwrap();
        let mut rungs = Vec::new();
        let mut carry = |plan: &Plan| {
            rungs.push((plan.cells.len(), plan.cells[0].epochs));
            Ok(Tally { left: 1, ..Tally::default() })
        };
        assert_eq!(tune(&request("trials = 3"), &dataset, out.path(), &mut carry).unwrap(), None);
        assert_eq!(rungs, [(2 * 3 * 2, 1)]);
    }

    #[test]
    fn what_comes_of_a_run_later_changes_no_rung_behind_it() {
        let out = tempfile::tempdir().unwrap();
        let dataset = DataSource::Sample.load().unwrap();
        let request = request("trials = 3\nrungs = [1, 2]");
        let mut rungs = Vec::new();
        let mut tuned = || {
            let mut carry = |plan: &Plan| {
                rungs.push(plan.cells.len());
                for cell in &plan.cells {
                    // The last digits of an id stand for a loss; what was best by it gets nowhere in the second epoch.
                    let directory = cell.directory(out.path()).unwrap();
                    std::fs::create_dir_all(directory.root()).unwrap();
                    let mut epochs = Epochs::new(Schema::new([]).unwrap());
                    let test_loss = f32::from(u8::from_str_radix(&cell.id[6..], 16).unwrap());
                    epochs.push(EpochRow { epoch: 1, test_loss, ..EpochRow::default() });
                    if plan.cells[0].epochs == 2 && cell.config.optimizer == "sgd" {
                        epochs.push(EpochRow { epoch: 2, test_loss, ..EpochRow::default() });
                    }
                    epochs.write(&directory.epochs()).unwrap();
                }
                Ok(Tally::default())
            };
            tune(&request, &dataset, out.path(), &mut carry).map_err(|error| error.to_string())
        };
        let first = tuned();
        assert!(first.as_ref().is_err_and(|problem| problem.contains("[optimizers.adam]: every")), "{first:?}");
        assert_eq!(tuned(), first);
        // Both batch sizes of every trial, those of the best of each optimizer, and these again where nothing was found.
        assert_eq!(rungs, [12, 4, 2]);
    }

    #[test]
    fn nothing_is_chosen_without_the_trials_that_failed() {
        let out = tempfile::tempdir().unwrap();
        let dataset = DataSource::Sample.load().unwrap();
        let mut carry =
            |plan: &Plan| Ok(Tally { failed: vec![(plan.cells[0].clone(), "no luck".to_owned())], ..Tally::default() });
        let error = tune(&request("trials = 3"), &dataset, out.path(), &mut carry).unwrap_err().to_string();
        assert!(error.contains("1 trials failed") && error.contains("no luck; the same command"), "{error}");
    }

    #[test]
    fn the_best_take_the_place_of_the_axes() {
        let text = "epochs = 1\nbatch_sizes = [100]\nseeds = 1\n[optimizers.sgd]\nlr = { log = [0.1, 1] }\nmomentum = [0, 0.9]\n";
        let file = SweepFile::parse(text, "tune.toml").unwrap();
        let best = Candidate {
            optimizer: "sgd".to_owned(),
            lr: 0.5,
            options: vec![("momentum".to_owned(), "0.9".to_owned())],
        };
        let tuned = Tuned { best: vec![best], tried: vec![], search: None };
        let plan = tuned.apply(&file).unwrap().request().unwrap().plan(&DataSource::Sample.load().unwrap()).unwrap();
        let [cell] = plan.cells.as_slice() else { panic!("one cell") };
        assert_eq!((cell.config.lr, cell.config.options[0].1.as_str()), (0.5, "0.9"));
    }
}
