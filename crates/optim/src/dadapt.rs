//! D-Adaptation of Adam: Defazio and Mishchenko (2023), algorithm 5 (DAdaptAdam), as in the authors' package.
//!
//! A lower bound `d` on the distance to the solution takes the learning rate's place; it is found from the gradients:
//!
//! ```text
//! n = sum of d lr g . s / (sqrt(v) + eps)                       before the averages change
//! m = beta1 m + (1 - beta1) d lr g,  v = beta2 v + (1 - beta2) g^2
//! s = sqrt(beta2) s + (1 - sqrt(beta2)) d lr g
//! r = sqrt(beta2) r + (1 - sqrt(beta2)) n
//! d = max(d, min(r / ((1 - sqrt(beta2)) |s|_1), growth_rate d))
//! p = p - m / (sqrt(v) + eps)
//! ```

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, JointRule, Objective, Shared, Step, StepError};
use seismograd_tensor::Tensor;

hyperparameters! {
    /// Hyper-parameters of D-Adaptation, not checked yet; the default is the authors'.
    pub struct DAdaptAdam => Joint<3, 2>: "dadapt_adam",
        "D-Adaptation of Adam (Defazio and Mishchenko 2023): finds its learning rate; lr only multiplies it",
        "Defazio and Mishchenko, Learning-rate-free learning by D-Adaptation, ICML 2023, algorithm 5",
        Some(0), Elements;
    /// What the found learning rate is multiplied by; a schedule's shape.
    lr: f64 = 1.0, not_negative;
    /// Decay rates of the averages of the gradient and of its square.
    betas: (f64, f64) = (0.9, 0.999), betas;
    /// Added to the root of the average square.
    eps: f64 = 1e-8, positive;
    /// Weight decay, coupled unless `decouple`.
    weight_decay: f64 = 0.0, not_negative;
    /// Whether weight decay shrinks the parameter rather than joining the gradient.
    decouple: bool = false, flag;
    /// Whether to correct the averages' bias as Adam does.
    use_bias_correction: bool = false, flag;
    /// The first estimate of the distance.
    d0: f64 = 1e-6, positive;
    /// How many times larger the estimate may become in a step.
    growth_rate: f64 = f64::INFINITY, growth;
}

impl JointRule<3, 2> for Checked<DAdaptAdam> {
    const SLOTS: [&'static str; 3] = ["s", "exp_avg", "exp_avg_sq"];
    const SCALARS: [&'static str; 2] = ["d", "numerator_weighted"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start_scalars(&self) -> [f64; 2] {
        [self.d0, 0.0]
    }

    fn update(
        &self,
        step: Step,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        Shared { slots, scalars: [d, weighted] }: Shared<'_, 3, 2>,
        _: &mut dyn Objective,
    ) -> Result<(), StepError> {
        if step.lr == 0.0 {
            return Ok(());
        }
        let (beta1, beta2) = self.betas;
        let corrections = correction(beta2, step.number).sqrt() / correction(beta1, step.number);
        let dlr = *d * step.lr * if self.use_bias_correction { corrections } else { 1.0 };
        let root = beta2.sqrt();
        let (coupled, decoupled) =
            if self.decouple { (0.0, dlr * self.weight_decay) } else { (self.weight_decay, 0.0) };
        let [coupled, decoupled, eps] = [coupled, decoupled, self.eps].map(|x| x as f32);
        let [(keep1, _), (keep2, take2), (keep_s, _)] = [beta1, beta2, root].map(keep_take);
        let [take1, take_s] = [dlr * (1.0 - beta1), dlr * (1.0 - root)].map(|x| x as f32);
        let (mut numerator, mut length) = (0.0, 0.0);
        for ((parameter, gradient), [s, m, v]) in parameters.iter().zip(gradients).zip(&mut *slots) {
            let coupled_gradient;
            let gradient = if coupled > 0.0 {
                coupled_gradient = gradient.zip(parameter, |g, p| g + coupled * p);
                &coupled_gradient
            } else {
                gradient
            };
            numerator += dlr * gradient.dot(&s.zip(v, |s, v| s / (v.sqrt() + eps)));
            m.update(gradient, [v, s], |m, g, [v, s]| {
                (keep1 * m + take1 * g, [keep2 * v + take2 * (g * g), keep_s * s + take_s * g])
            });
            length += s.sum_abs();
        }
        *weighted = root * *weighted + (1.0 - root) * numerator;
        if length == 0.0 {
            return Ok(());
        }
        *d = d.max((*weighted / ((1.0 - root) * length)).min(*d * self.growth_rate));
        for (parameter, [_, m, v]) in parameters.iter_mut().zip(slots) {
            parameter.update(m, [v], |p, m, [v]| (p - (decoupled * p + m / (v.sqrt() + eps)), [v]));
        }
        Ok(())
    }
}
