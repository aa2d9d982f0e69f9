//! Optimizers alone, on one parameter each, beside PyTorch's fused ones and Python implementations of those that PyTorch has not.

use super::child::Work;
use super::{Process, Programs, centre, known, ratio};
use serde_json::{Value, json};

/// An optimizer's updates of one parameter.
#[derive(Clone)]
struct Update {
    name: &'static str,
    /// Options of ours, and what they are set to; the other's are as they are.
    settings: &'static [(&'static str, &'static str)],
    shape: Vec<usize>,
    threads: usize,
}

impl Update {
    /// Whether it makes one pass over the elements, and so takes as long at each step.
    fn is_elementwise(&self) -> bool {
        self.shape.len() == 1
    }
}

impl Work for Update {
    fn request(&self) -> Value {
        // Those of matrices do their long work every tenth step. Of large ones enough that the median is of threads that have both processors: those of a
        // program that has slept share one for the first 20 ms or so.
        let steps = if !self.is_elementwise() || self.shape[0] < 1_000_000 { 20 } else { 12 };
        let Update { name, settings, shape, threads } = self;
        json!({ "optimizer": {
            "name": name, "settings": settings, "shape": shape, "steps": steps, "threads": threads,
        } })
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn has_peer(&self) -> bool {
        true
    }

    fn summary(&self, ms: Vec<f64>) -> f64 {
        if self.is_elementwise() { super::median(ms) } else { ms.iter().sum::<f64>() / ms.len() as f64 }
    }
}

/// Parameters of the paper's CNN, and as many as no cache holds.
const SIZES: [usize; 2] = [314_922, 25_000_000];

/// Optimizers of matrices with settings. PyTorch's Muon computes in bfloat16: ours does in fixed point, and in `f32` if told to.
const MATRICES: [(&str, &[(&str, &str)]); 4] =
    [("muon", &[]), ("muon", &[("fixed_point_from", "1000")]), ("shampoo", &[]), ("soap", &[])];

/// Races and prints; what was found.
pub(super) fn race(programs: &mut Programs, wanted: usize, threads: usize) -> anyhow::Result<Value> {
    let elementwise = SIZES.into_iter().flat_map(|size| {
        ["sgd", "adam", "adamw"].map(|name| Update { name, settings: &[], shape: vec![size], threads })
    });
    let matrices = MATRICES.map(|(name, settings)| Update { name, settings, shape: vec![512, 512], threads });
    let mut rows = Vec::new();
    println!(
        "| optimizer | parameter | ms a step | PyTorch fused | ratio | as installed | ratio |\n|---|---|---|---|---|---|---|"
    );
    for works in [elementwise.collect(), matrices.to_vec()] {
        let measured = programs.measure(&works, wanted, Process::OfAllRounds)?;
        for (Update { name, settings, shape, .. }, times) in works.iter().zip(&measured.times) {
            let [ours, tuned, default] = times.each_ref().map(|times| centre(times));
            let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
            let sides = sides.join(" x ");
            let shown = |ms: f64| known(ms).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3}"));
            let (fused, installed) = (ratio(tuned, ours), ratio(default, ours));
            let label: String = settings.iter().map(|(option, value)| format!(", {option}={value}")).collect();
            println!(
                "| {name}{label} | {sides} | {ours:.3} | {} | {fused} | {} | {installed} |",
                shown(tuned),
                shown(default)
            );
            rows.push(json!({
                "name": name, "settings": settings, "shape": shape, "ours_ms": ours, "torch_tuned_ms": known(tuned),
                "torch_default_ms": known(default), "rounds_kept": measured.kept,
            }));
        }
    }
    Ok(json!({ "threads": threads, "torch": programs.version, "optimizers": rows }))
}
