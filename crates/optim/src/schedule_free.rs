//! Schedule-Free SGD and AdamW: Defazio et al. (2024), equations 6 to 8 and algorithm 1, as in the authors' package.
//!
//! ```text
//! y = (1 - beta) z + beta x                                where gradients are taken: the trained parameters
//! z = z - lr_t d                                           d: the gradient, or Adam's step without momentum, plus weight_decay y
//! x = (1 - c_t) x + c_t z,   c_t = w_t / (w_1 + ... + w_t),   w_t = t^r (largest lr so far)^weight_lr_power
//! ```
//!
//! Only `y` and `z` are kept: `x = y + (1 - 1 / beta) (z - y)` is what the model is evaluated with.

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, JointRule, Objective, Shared, Step, StepError};
use seismograd_tensor::Tensor;

/// What the two have in common: the averaging's settings.
struct Averaging {
    beta: f64,
    warmup_steps: u64,
    r: f64,
    weight_lr_power: f64,
}

/// How a step moves `y` and `z`.
struct Move {
    /// The learning rate after the warm-up.
    lr: f32,
    /// The share of `z` that joins `y`.
    share: f32,
    /// What the direction is multiplied by before it is added to `y`.
    push: f32,
}

impl Averaging {
    /// The step's numbers; `scalars` are the largest learning rate so far and the sum of the weights.
    fn step(&self, step: Step, [largest, sum]: &mut [f64; 2]) -> Move {
        let (t, warmup) = (step.number as f64, self.warmup_steps as f64);
        let lr = step.lr * if step.number < self.warmup_steps { t / warmup } else { 1.0 };
        *largest = largest.max(lr);
        let weight = libm::pow(t, self.r) * libm::pow(*largest, self.weight_lr_power);
        *sum += weight;
        let share = if *sum > 0.0 { weight / *sum } else { 0.0 };
        Move { lr: lr as f32, share: share as f32, push: (lr * (self.beta * (1.0 - share) - 1.0)) as f32 }
    }

    /// The average, from the trained parameters and `z`.
    fn evaluated(&self, y: &Tensor, z: &Tensor) -> Tensor {
        let weight = (1.0 - 1.0 / self.beta) as f32;
        y.zip(z, |y, z| y + weight * (z - y))
    }
}

impl Move {
    /// The new `y` and `z`.
    #[inline(always)]
    fn apply(&self, y: f32, z: f32, direction: f32) -> (f32, f32) {
        (y + self.share * (z - y) + self.push * direction, z - self.lr * direction)
    }
}

pub(crate) mod sgd {
    use super::*;

    hyperparameters! {
        /// Hyper-parameters of Schedule-Free SGD, not checked yet; the default is the authors'.
        pub struct ScheduleFreeSgd => Joint<1, 2>: "schedule_free_sgd",
            "Schedule-Free SGD (Defazio et al. 2024): averaged iterates take the place of a schedule",
            "Defazio et al., The road less scheduled, NeurIPS 2024, equations 6 to 8",
            Some(1), Rotations;
        /// Learning rate: larger than a schedule's.
        lr: f64 = 1.0, not_negative;
        /// How much of the average the trained parameters hold.
        momentum: f64 = 0.9, inner_share;
        /// Weight decay, at the trained parameters.
        weight_decay: f64 = 0.0, not_negative;
        /// Steps over which the learning rate grows.
        warmup_steps: u64 = 0, count;
        /// The power of the step's number in the average's weights.
        r: f64 = 0.0, not_negative;
        /// The power of the largest learning rate so far in the average's weights.
        weight_lr_power: f64 = 2.0, not_negative;
    }

    impl Checked<ScheduleFreeSgd> {
        fn averaging(&self) -> Averaging {
            let ScheduleFreeSgd { momentum: beta, warmup_steps, r, weight_lr_power, .. } = self.0;
            Averaging { beta, warmup_steps, r, weight_lr_power }
        }
    }

    impl JointRule<1, 2> for Checked<ScheduleFreeSgd> {
        const SLOTS: [&'static str; 1] = ["z"];
        const SCALARS: [&'static str; 2] = ["lr_max", "weight_sum"];

        fn name(&self) -> &'static str {
            ENTRY.name
        }

        fn start(&self, _: &'static str, parameter: &Tensor) -> Tensor {
            parameter.clone()
        }

        fn start_scalars(&self) -> [f64; 2] {
            [0.0, 0.0]
        }

        fn update(
            &self,
            step: Step,
            parameters: &mut [Tensor],
            gradients: &[Tensor],
            Shared { slots, scalars }: Shared<'_, 1, 2>,
            _: &mut dyn Objective,
        ) -> Result<(), StepError> {
            let go = self.averaging().step(step, scalars);
            let decay = self.weight_decay as f32;
            for ((y, g), [z]) in parameters.iter_mut().zip(gradients).zip(slots) {
                y.update(g, [z], |y, g, [z]| {
                    let (new, z) = go.apply(y, z, g + decay * y);
                    (new, [z])
                });
            }
            Ok(())
        }

        fn evaluation_parameter(&self, y: &Tensor, [z]: &[Tensor; 1]) -> Option<Tensor> {
            Some(self.averaging().evaluated(y, z))
        }
    }
}

pub(crate) mod adamw {
    use super::*;

    hyperparameters! {
        /// Hyper-parameters of Schedule-Free AdamW, not checked yet; the default is the authors'.
        pub struct ScheduleFreeAdamW => Joint<2, 2>: "schedule_free_adamw",
            "Schedule-Free AdamW (Defazio et al. 2024): averaged iterates take the place of a schedule",
            "Defazio et al., The road less scheduled, NeurIPS 2024, algorithm 1",
            Some(0), Elements;
        /// Learning rate: larger than a schedule's.
        lr: f64 = 2.5e-3, not_negative;
        /// How much of the average the trained parameters hold, and the decay rate of the average square.
        betas: (f64, f64) = (0.9, 0.999), inner_betas;
        /// Added to the root of the average square.
        eps: f64 = 1e-8, not_negative;
        /// Weight decay, at the trained parameters.
        weight_decay: f64 = 0.0, not_negative;
        /// Steps over which the learning rate grows.
        warmup_steps: u64 = 0, count;
        /// The power of the step's number in the average's weights.
        r: f64 = 0.0, not_negative;
        /// The power of the largest learning rate so far in the average's weights.
        weight_lr_power: f64 = 2.0, not_negative;
    }

    impl Checked<ScheduleFreeAdamW> {
        fn averaging(&self) -> Averaging {
            let ScheduleFreeAdamW { betas: (beta, _), warmup_steps, r, weight_lr_power, .. } = self.0;
            Averaging { beta, warmup_steps, r, weight_lr_power }
        }
    }

    impl JointRule<2, 2> for Checked<ScheduleFreeAdamW> {
        const SLOTS: [&'static str; 2] = ["z", "exp_avg_sq"];
        const SCALARS: [&'static str; 2] = ["lr_max", "weight_sum"];

        fn name(&self) -> &'static str {
            ENTRY.name
        }

        fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
            if slot == "z" { parameter.clone() } else { Tensor::zeros(parameter.shape()) }
        }

        fn start_scalars(&self) -> [f64; 2] {
            [0.0, 0.0]
        }

        fn update(
            &self,
            step: Step,
            parameters: &mut [Tensor],
            gradients: &[Tensor],
            Shared { slots, scalars }: Shared<'_, 2, 2>,
            _: &mut dyn Objective,
        ) -> Result<(), StepError> {
            let go = self.averaging().step(step, scalars);
            let (keep, take) = keep_take(self.betas.1);
            let scale = (1.0 / correction(self.betas.1, step.number).sqrt()) as f32;
            let (eps, decay) = (self.eps as f32, self.weight_decay as f32);
            for ((y, g), [z, v]) in parameters.iter_mut().zip(gradients).zip(slots) {
                y.update(g, [z, v], |y, g, [z, v]| {
                    let v = keep * v + take * (g * g);
                    let (new, z) = go.apply(y, z, g / (scale * v.sqrt() + eps) + decay * y);
                    (new, [z, v])
                });
            }
            Ok(())
        }

        fn evaluation_parameter(&self, y: &Tensor, [z, _]: &[Tensor; 2]) -> Option<Tensor> {
            Some(self.averaging().evaluated(y, z))
        }
    }
}
