//! A step along a direction that meets the strong Wolfe conditions: Nocedal and Wright (2006), algorithms 3.5 and 3.6, with cubic
//! interpolation and the safeguards of PyTorch's `_strong_wolfe`.

use super::{Point, dot};
use crate::StepError;
use seismograd_tensor::Tensor;

/// The constants of sufficient decrease and of curvature.
const C1: f64 = 1e-4;
const C2: f64 = 0.9;

/// What is known where the search begins, and when it ends.
pub(super) struct Search {
    /// The loss and its derivative along the direction.
    pub loss: f64,
    pub slope: f64,
    /// The direction's largest element: a bracket is narrow when its width times this is below the tolerance.
    pub size: f64,
    pub tolerance: f64,
}

/// A trial along the direction.
#[derive(Clone)]
pub(super) struct Trial {
    pub t: f64,
    pub at: Point,
    slope: f64,
}

type Along<'a> = dyn FnMut(f64) -> Result<Point, StepError> + 'a;

impl Search {
    /// The best trial, and how many evaluations it took: at most one more than `most`.
    pub(super) fn strong_wolfe(
        &self,
        along: &mut Along<'_>,
        t: f64,
        start: Point,
        direction: &[Tensor],
        most: u64,
    ) -> Result<(Trial, u64), StepError> {
        let mut try_at = |t: f64| -> Result<Trial, StepError> {
            let at = along(t)?;
            let slope = dot(&at.gradient, direction);
            Ok(Trial { t, at, slope })
        };
        let start = Trial { t: 0.0, at: start, slope: self.slope };
        let (mut previous, mut trial) = (start.clone(), try_at(t)?);
        let mut rounds = 0;
        // Algorithm 3.5: go on until a minimum lies between the last two trials.
        let mut bracket = loop {
            if rounds >= most {
                break [start, trial];
            }
            let climbs = rounds > 1 && trial.at.loss >= previous.at.loss;
            if self.too_high(&trial) || climbs {
                break [previous, trial];
            }
            if self.flat_enough(&trial) {
                return Ok((trial, rounds + 1));
            }
            if trial.slope >= 0.0 {
                break [previous, trial];
            }
            let (least, largest) = (trial.t + 0.01 * (trial.t - previous.t), trial.t * 10.0);
            let next = cubic(&previous, &trial, least, largest);
            previous = std::mem::replace(&mut trial, try_at(next)?);
            rounds += 1;
        };
        // Algorithm 3.6: narrow the bracket; its first member stays the lower.
        let mut stuck = false;
        order(&mut bracket);
        while rounds < most && (bracket[1].t - bracket[0].t).abs() * self.size >= self.tolerance {
            let (least, largest) = (bracket[0].t.min(bracket[1].t), bracket[0].t.max(bracket[1].t));
            let t = away_from_ends(cubic(&bracket[0], &bracket[1], least, largest), least, largest, &mut stuck);
            let trial = try_at(t)?;
            rounds += 1;
            if self.too_high(&trial) || trial.at.loss >= bracket[0].at.loss {
                bracket[1] = trial;
                order(&mut bracket);
                continue;
            }
            let done = self.flat_enough(&trial);
            if !done && trial.slope * (bracket[1].t - bracket[0].t) >= 0.0 {
                bracket.swap(0, 1);
            }
            bracket[0] = trial;
            if done {
                break;
            }
        }
        let [low, _] = bracket;
        Ok((low, rounds + 1))
    }

    fn too_high(&self, trial: &Trial) -> bool {
        trial.at.loss > self.loss + C1 * trial.t * self.slope
    }

    fn flat_enough(&self, trial: &Trial) -> bool {
        trial.slope.abs() <= -C2 * self.slope
    }
}

/// The lower of the two first.
fn order(bracket: &mut [Trial; 2]) {
    if bracket[0].at.loss > bracket[1].at.loss {
        bracket.swap(0, 1);
    }
}

/// A trial near an end of the bracket is moved a tenth of its width inside, the second time in turn or if it lies outside.
fn away_from_ends(t: f64, least: f64, largest: f64, stuck: &mut bool) -> f64 {
    let margin = 0.1 * (largest - least);
    let near = (largest - t).min(t - least) < margin;
    let move_it = near && (*stuck || t >= largest || t <= least);
    *stuck = near && !move_it;
    match (move_it, (t - largest).abs() < (t - least).abs()) {
        (false, _) => t,
        (true, true) => largest - margin,
        (true, false) => least + margin,
    }
}

/// The minimum of the cubic through two losses and slopes (Nocedal and Wright, equation 3.59), inside of bounds.
fn cubic(a: &Trial, b: &Trial, least: f64, largest: f64) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.at.loss - b.at.loss) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square >= 0.0 {
        let d2 = square.sqrt();
        let t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
        t.max(least).min(largest)
    } else {
        (least + largest) / 2.0
    }
}
