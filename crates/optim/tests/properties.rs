//! Properties that hold of the optimizers for any parameters and gradients.

use proptest::prelude::*;
use seismograd_optim::{Adam, AdamW, Optimizer, Sgd};
use seismograd_tensor::Tensor;

fn vector(values: &[f32]) -> Tensor {
    Tensor::new(&[values.len()], values.to_vec())
}

/// The parameters after steps on the given gradients.
fn trajectory(mut optimizer: impl Optimizer, start: &[f32], gradients: &[Vec<f32>]) -> Vec<f32> {
    let mut parameters = [vector(start)];
    for gradient in gradients {
        optimizer.step(&mut parameters, &[vector(gradient)], &mut ()).unwrap();
    }
    parameters[0].as_slice().to_vec()
}

fn scaled(gradients: &[Vec<f32>], factor: f32) -> Vec<Vec<f32>> {
    gradients.iter().map(|gradient| gradient.iter().map(|g| g * factor).collect()).collect()
}

fn close(found: &[f32], expect: &[f32], tolerance: f32) -> bool {
    found.iter().zip(expect).all(|(found, expect)| (found - expect).abs() <= tolerance * expect.abs().max(1.0))
}

/// Four parameters and five gradients for them, none of which is nearly zero: Adam's epsilon is then negligible.
fn problem() -> impl Strategy<Value = (Vec<f32>, Vec<Vec<f32>>)> {
    let size = prop_oneof![-2.0f32..-0.1, 0.1f32..2.0];
    (prop::collection::vec(-1.0f32..1.0, 4), prop::collection::vec(prop::collection::vec(size, 4), 5))
}

fn sgd() -> impl Strategy<Value = Sgd> {
    (0.0..0.5f64, 0.0..0.95f64, any::<bool>()).prop_map(|(lr, momentum, nesterov)| {
        let nesterov = nesterov && momentum > 0.0;
        Sgd { lr, momentum, nesterov, ..Sgd::default() }
    })
}

fn adam() -> impl Strategy<Value = Adam> {
    (0.0..0.1f64, 0.0..0.95f64, 0.0..0.999f64, any::<bool>()).prop_map(|(lr, beta1, beta2, epsilon_hat)| Adam {
        lr,
        betas: (beta1, beta2),
        epsilon_hat,
        ..Adam::default()
    })
}

proptest! {
    #[test]
    fn zero_gradients_move_nothing_but_by_decay(start in prop::collection::vec(-1.0f32..1.0, 4), sgd in sgd(), adam in adam()) {
        let zeros = vec![vec![0.0; 4]; 3];
        prop_assert_eq!(&trajectory(sgd.build().unwrap(), &start, &zeros), &start);
        prop_assert_eq!(&trajectory(adam.build().unwrap(), &start, &zeros), &start);
        // Decoupled decay takes the same share each time.
        let adamw = AdamW { lr: 0.1, weight_decay: 0.5, ..AdamW::default() };
        let expect: Vec<f32> = start.iter().map(|p| p * 0.95 * 0.95 * 0.95).collect();
        prop_assert!(close(&trajectory(adamw.build().unwrap(), &start, &zeros), &expect, 1e-6));
        // Coupled decay goes through Adam's averages, which forget its size: the first step is lr long, whatever the decay.
        let far: Vec<f32> = start.iter().map(|p| p + p.signum()).collect();
        let expect: Vec<f32> = far.iter().map(|p| p - 0.1 * p.signum()).collect();
        for weight_decay in [0.01, 1.0] {
            let adam = Adam { lr: 0.1, weight_decay, ..Adam::default() };
            prop_assert!(close(&trajectory(adam.build().unwrap(), &far, &zeros[..1]), &expect, 1e-6));
        }
    }

    #[test]
    fn without_decay_adamw_is_adam((start, gradients) in problem(), adam in adam()) {
        let adam = Adam { epsilon_hat: false, ..adam };
        let adamw = AdamW { lr: adam.lr, betas: adam.betas, eps: adam.eps, weight_decay: 0.0 };
        let found = trajectory(adamw.build().unwrap(), &start, &gradients);
        prop_assert_eq!(found, trajectory(adam.build().unwrap(), &start, &gradients));
    }

    /// Powers of two change no digit of the averages; without epsilon they cancel to the bit.
    #[test]
    fn adam_ignores_the_losss_scale((start, gradients) in problem(), adam in adam(), exponent in -20..20i32, c in 1.0f32..100.0) {
        let run = |eps: f64, factor: f32| {
            trajectory(Adam { eps, ..adam }.build().unwrap(), &start, &scaled(&gradients, factor))
        };
        prop_assert_eq!(run(0.0, 2f32.powi(exponent)), run(0.0, 1.0));
        // Roots are at least 0.1 sqrt(1 - beta2), epsilon at most 3.2e-6 of them; five steps are at most 20 lr long each.
        prop_assert!(close(&run(1e-8, c), &run(1e-8, 1.0), 5e-5));
    }

    #[test]
    fn sgds_update_is_linear_in_the_losss_scale((_, gradients) in problem(), sgd in sgd(), exponent in -20..20i32) {
        // From zero, the parameters are the updates.
        let run = |factor: f32| trajectory(sgd.build().unwrap(), &[0.0; 4], &scaled(&gradients, factor));
        let factor = 2f32.powi(exponent);
        prop_assert_eq!(run(factor), run(1.0).into_iter().map(|update| factor * update).collect::<Vec<_>>());
    }

    #[test]
    fn elements_and_parameters_do_not_mix((start, gradients) in problem(), sgd in sgd(), adam in adam()) {
        let weight_decay = 0.1;
        check_permuted(|| Sgd { weight_decay, ..sgd }.build().unwrap(), &start, &gradients)?;
        check_permuted(|| Adam { weight_decay, ..adam }.build().unwrap(), &start, &gradients)?;
        check_permuted(|| AdamW { weight_decay, ..AdamW::default() }.build().unwrap(), &start, &gradients)?;
    }
}

/// Reversed elements, and elements as parameters of their own, take the same steps.
fn check_permuted<O: Optimizer>(
    build: impl Fn() -> O,
    start: &[f32],
    gradients: &[Vec<f32>],
) -> Result<(), TestCaseError> {
    let expect = trajectory(build(), start, gradients);
    let reversed = |values: &[f32]| -> Vec<f32> { values.iter().rev().copied().collect() };
    let gradients_reversed: Vec<_> = gradients.iter().map(|gradient| reversed(gradient)).collect();
    prop_assert_eq!(reversed(&trajectory(build(), &reversed(start), &gradients_reversed)), expect.clone());

    let split = |values: &[f32]| -> Vec<Tensor> { values.iter().map(|&value| Tensor::scalar(value)).collect() };
    let (mut optimizer, mut parameters) = (build(), split(start));
    for gradient in gradients {
        optimizer.step(&mut parameters, &split(gradient), &mut ()).unwrap();
    }
    prop_assert_eq!(parameters, split(&expect));
    Ok(())
}
