//! Gradient clipping, by the norm of all gradients together (Pascanu et al. 2013, algorithm 1) or element by element, as PyTorch's
//! `clip_grad_norm_` and `clip_grad_value_`.

use crate::{Checked, Objective, Optimizer, StepError, Wrapper};
use seismograd_tensor::Tensor;

pub(crate) mod norm {
    use super::*;
    use crate::hyperparameters::hyperparameters;

    hyperparameters! {
        /// Hyper-parameters of clipping by the norm, not checked yet.
        pub struct ClipNorm around "sgd" => 0: "clip_norm",
            "gradients scaled down to a norm of max_norm where theirs, all together, is larger",
            "Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1",
            None, Rotations;
        /// The largest norm.
        max_norm: f64 = 1.0, positive;
    }

    impl Wrapper<0> for Checked<ClipNorm> {
        const SLOTS: [&'static str; 0] = [];

        fn name(&self) -> &'static str {
            ENTRY.name
        }

        fn step(
            &self,
            _: u64,
            base: &mut dyn Optimizer,
            parameters: &mut [Tensor],
            gradients: &[Tensor],
            _: &mut [[Tensor; 0]],
            batch: &mut dyn Objective,
        ) -> Result<(), StepError> {
            let norm = gradients.iter().map(|g| g.dot(g)).sum::<f64>().sqrt();
            let scale = self.max_norm / (norm + 1e-6);
            if scale >= 1.0 {
                return base.step(parameters, gradients, batch);
            }
            let clipped: Vec<_> = gradients.iter().map(|g| g * scale as f32).collect();
            base.step(parameters, &clipped, batch)
        }
    }
}

pub(crate) mod value {
    use super::*;
    use crate::hyperparameters::hyperparameters;

    hyperparameters! {
        /// Hyper-parameters of clipping by value, not checked yet.
        pub struct ClipValue around "sgd" => 0: "clip_value",
            "gradients clipped element by element to at most clip_value",
            "as torch.nn.utils.clip_grad_value_; Mikolov, Statistical language models based on neural networks, 2012",
            None, Elements;
        /// The largest absolute value.
        clip_value: f64 = 0.1, positive;
    }

    impl Wrapper<0> for Checked<ClipValue> {
        const SLOTS: [&'static str; 0] = [];

        fn name(&self) -> &'static str {
            ENTRY.name
        }

        fn step(
            &self,
            _: u64,
            base: &mut dyn Optimizer,
            parameters: &mut [Tensor],
            gradients: &[Tensor],
            _: &mut [[Tensor; 0]],
            batch: &mut dyn Objective,
        ) -> Result<(), StepError> {
            let bound = self.clip_value as f32;
            let clipped: Vec<_> = gradients.iter().map(|g| g.map(|g| g.clamp(-bound, bound))).collect();
            base.step(parameters, &clipped, batch)
        }
    }
}
