//! An optimizer's path over a function, at the best of some learning rates.

use crate::functions::{Batch, Function, place, tensor};
use seismograd_optim::registry;

/// Steps of a path.
pub const STEPS: usize = 150;

/// The rates tried: four a decade from 1e-4 to 100.
fn rates() -> impl Iterator<Item = f64> {
    let digits = [1.0, 2.0, 3.0, 6.0];
    (-4..2)
        .flat_map(move |power| digits.map(|digit| format!("{digit}e{power}").parse().expect("a number")))
        .chain([100.0])
}

/// What would pull a path away from the minima, or leave the point unmoved.
fn options(name: &str) -> Vec<(String, String)> {
    let entry = registry::find(name).expect("a name of the registry");
    let has = |option: &str| entry.options.iter().any(|spec| spec.name == option);
    let set = [("weight_decay", "0"), ("t0", "100"), ("decay", "0.9"), ("clip_value", "1")];
    let mut set: Vec<(String, String)> = set
        .iter()
        .filter(|(option, _)| has(option))
        .map(|(option, value)| ((*option).into(), (*value).into()))
        .collect();
    match name {
        // One iteration a step, so that a step is a point of the path.
        "lbfgs" => set.extend([("max_iter", "1"), ("strong_wolfe", "true")].map(|(a, b)| (a.into(), b.into()))),
        "shampoo" | "soap" => set.push(("precondition_frequency".into(), "1".into())),
        "weight_decay" => set = vec![("weight_decay".into(), "0.01".into())],
        _ => {}
    }
    set
}

/// The path that ends lowest, and its learning rate in words.
pub fn best(name: &str, function: &Function) -> (Vec<(f64, f64)>, String) {
    let height = |&(x, y): &(f64, f64)| (function.landscape.height)(x, y);
    let tried = rates().map(|rate| (path(name, rate, function), rate));
    let best = tried.min_by(|(a, _), (b, _)| {
        // The mean over the second half: a path that only passes by has not arrived.
        let worth = |height: f64| if height.is_finite() { height.max(1e-9).ln() } else { f64::INFINITY };
        let score = |path: &[(f64, f64)]| path[STEPS / 2..].iter().map(|place| worth(height(place))).sum::<f64>();
        score(a).total_cmp(&score(b))
    });
    let (path, rate) = best.expect("there are rates");
    (path, format!("lr {}", registry::spelling(rate)))
}

/// The places before and after each step: those that the model would be evaluated at.
fn path(name: &str, rate: f64, function: &Function) -> Vec<(f64, f64)> {
    let mut optimizer = registry::build(name, Some(rate), &options(name)).expect("checked options");
    let mut parameters = vec![tensor(function.start.map(f64::from))];
    let mut path = vec![(f64::from(function.start[0]), f64::from(function.start[1]))];
    for _ in 0..STEPS {
        let found = function.evaluate(&parameters);
        let mut batch = Batch { function, loss: found.loss };
        if optimizer.step(&mut parameters, &found.gradients, &mut batch).is_err() {
            break;
        }
        let shown = optimizer.evaluation_parameters(&parameters);
        let [x, y] = place(shown.as_deref().unwrap_or(&parameters));
        path.push((x, y));
    }
    path.resize(STEPS + 1, (f64::NAN, f64::NAN));
    path
}
