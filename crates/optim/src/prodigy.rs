//! Prodigy: Mishchenko and Defazio (2023), algorithm 4 (the Adam version), as in the authors' package.
//!
//! An estimate `d` of the distance to the solution takes the learning rate's place; `p0` are the first parameters:
//!
//! ```text
//! n = beta3 n + d / d0 d lr g . (p0 - p)
//! m = beta1 m + (1 - beta1) d g,  v = beta2 v + (1 - beta2) d^2 g^2
//! s = beta3 s + d / d0 d lr g                                   safeguard_warmup: without lr
//! d = min(largest n / |s|_1 so far, growth_rate d)
//! p = p - d lr [m / (sqrt(v) + d eps) + weight_decay p]         the d of the step before in front
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, JointRule, Objective, Shared, Step, StepError};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of Prodigy, not checked yet; the default is the authors'.
    pub struct Prodigy => Joint<4, 3>: "prodigy",
        "Prodigy (Mishchenko and Defazio 2023): finds its learning rate, faster than D-Adaptation",
        "Mishchenko and Defazio, Prodigy: an expeditiously adaptive parameter-free learner, ICML 2024, algorithm 4",
        Some(0), Elements;
    /// What the found learning rate is multiplied by; a schedule's shape.
    lr: f64 = 1.0, not_negative;
    /// Decay rates of the averages of the gradient and of its square.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Decay rate of the estimate's sums; 0 is the root of the second of `betas`.
    beta3: f64 = 0.0, unit;
    /// Added to the root of the average square, times the estimate.
    eps: f64 = 1e-8, not_negative;
    /// Weight decay, decoupled unless `decouple` is false.
    weight_decay: f64 = 0.0, not_negative;
    /// Whether weight decay shrinks the parameter rather than joining the gradient.
    decouple: bool = true, flag;
    /// Whether to correct the averages' bias as Adam does.
    use_bias_correction: bool = false, flag;
    /// Whether the learning rate is kept out of the estimate's denominator, for a warm-up.
    safeguard_warmup: bool = false, flag;
    /// The first estimate of the distance.
    d0: f64 = 1e-6, positive;
    /// What estimates are multiplied by.
    d_coef: f64 = 1.0, positive;
    /// How many times larger the estimate may become in a step.
    growth_rate: f64 = f64::INFINITY, growth;
}

impl JointRule<4, 3> for Checked<Prodigy> {
    const SLOTS: [&'static str; 4] = ["s", "p0", "exp_avg", "exp_avg_sq"];
    const SCALARS: [&'static str; 3] = ["d", "d_max", "d_numerator"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        if slot == "p0" { parameter.clone() } else { Tensor::zeros(parameter.shape()) }
    }

    fn start_scalars(&self) -> [f64; 3] {
        [self.d0, self.d0, 0.0]
    }

    fn update(
        &self,
        step: Step,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        Shared { slots, scalars: [d, largest, numerator] }: Shared<'_, 4, 3>,
        _: &mut dyn Objective,
    ) -> Result<(), StepError> {
        if step.lr == 0.0 {
            return Ok(());
        }
        let (beta1, beta2) = self.betas;
        let beta3 = if self.beta3 == 0.0 { beta2.sqrt() } else { self.beta3 };
        let corrections = correction(beta2, step.number).sqrt() / correction(beta1, step.number);
        let dlr = *d * step.lr * if self.use_bias_correction { corrections } else { 1.0 };
        let relative = *d / self.d0;
        let coupled = if self.decouple { 0.0 } else { self.weight_decay } as f32;
        let ((keep1, _), (keep2, _), keep3) = (keep_take(beta1), keep_take(beta2), beta3 as f32);
        let take1 = (*d * (1.0 - beta1)) as f32;
        // In two factors, because their product can be below what f32 holds.
        let (d_f32, take2) = (*d as f32, (1.0 - beta2) as f32);
        let take3 = (relative * if self.safeguard_warmup { *d } else { dlr }) as f32;
        let (mut delta, mut length) = (0.0, 0.0);
        for ((parameter, gradient), [s, p0, m, v]) in parameters.iter().zip(gradients).zip(&mut *slots) {
            let coupled_gradient;
            let gradient = if coupled > 0.0 {
                coupled_gradient = gradient.zip(parameter, |g, p| g + coupled * p);
                &coupled_gradient
            } else {
                gradient
            };
            delta += relative * dlr * gradient.dot(&p0.zip(parameter, |p0, p| p0 - p));
            m.update(gradient, [v, s], |m, g, [v, s]| {
                let scaled = d_f32 * g;
                (keep1 * m + take1 * g, [keep2 * v + take2 * (scaled * scaled), keep3 * s + take3 * g])
            });
            length += s.sum_abs();
        }
        if length == 0.0 {
            return Ok(());
        }
        *numerator = beta3 * *numerator + delta;
        let estimate = self.d_coef * *numerator / length;
        if *d == self.d0 {
            *d = d.max(estimate);
        }
        *largest = largest.max(estimate);
        *d = largest.min(*d * self.growth_rate);
        let decoupled = if self.decouple { dlr * self.weight_decay } else { 0.0 } as f32;
        let (dlr, eps) = (dlr as f32, (*d * self.eps) as f32);
        for (parameter, [_, _, m, v]) in parameters.iter_mut().zip(slots) {
            parameter.update(m, [v], |p, m, [v]| {
                let root = v.sqrt() + eps;
                // Where no gradient has come yet both are zero, and eps may be below what f32 holds.
                let ratio = if m == 0.0 { 0.0 } else { m / root };
                (p - (decoupled * p + dlr * ratio), [v])
            });
        }
        Ok(())
    }
}
