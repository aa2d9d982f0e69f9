//! PSGD with Kronecker factors: Li (2018), section 3 and "Preconditioned stochastic gradient descent" (2022 onwards), as in the package
//! kron-torch: the preconditioner that whitens the gradient, learnt along with the parameters.
//!
//! Over the momentum as a matrix `M`, debiased, with triangular factors `Q_l`, `Q_r` and a random probe `V`:
//!
//! ```text
//! A = Q_l (M + noise) Q_r',   B = Q_l^-T V Q_r^-1
//! Q_l = Q_l - precond_lr / |A A' + B B'| triu(A A' - B B') Q_l          Q_r: with A' A and B' B
//! d = Q_l' Q_l M Q_r' Q_r,  at most 1.1 in root mean square
//! p = p - lr (d + weight_decay p)
//! ```
//!
//! The norm is a lower bound of the spectral norm. A tensor of more axes is the squarer of its two matrices (kron-torch compares the sides' signed
//! differences, and takes the longer one: 3072 by 3 for a kernel of 32 by 32 by 3 by 3); vectors, and axes longer than
//! `max_size_triangular`, have diagonal factors. The factors are learnt at every step at first, and ever more rarely after 500.

use crate::hyperparameters::hyperparameters;
use crate::rates::{correction, keep_take};
use crate::{Checked, ConfigError, Joint, JointRule, Objective, Shared, Step, StepError};
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use seismograd_tensor::{Side, Tensor, gram, matmul};

hyperparameters! {
    /// Hyper-parameters of PSGD with Kronecker factors, not checked yet; the default is kron-torch's.
    pub struct PsgdKron: "psgd_kron",
        "PSGD Kron (Li 2018): a learnt preconditioner that whitens the momentum, a triangular factor an axis",
        "Li, Preconditioner on matrix Lie group for SGD, ICLR 2019; Li, arXiv:1512.04202; kron-torch",
        None, Nothing;
    /// Learning rate: 0 or more.
    lr: f64 = 3e-4, not_negative;
    /// Decay rate of the average of gradients.
    momentum: f64 = 0.9, unit;
    /// Decoupled weight decay, times the learning rate.
    weight_decay: f64 = 0.0, not_negative;
    /// The learning rate of the factors, relative to their size.
    precond_lr: f64 = 0.1, not_negative;
    /// The size that the preconditioner's factors begin with.
    precond_init_scale: f64 = 1.0, positive;
    /// The longest axis that has a triangular factor.
    max_size_triangular: u64 = 8192, count;
    /// The seed of the probes.
    seed: u64 = 0, count;
}

/// A probe of this shape for the parameter at this position, at a step: independent standard normal numbers.
type Probes = Box<dyn Fn(u64, usize, &[usize]) -> Tensor + Send>;

/// The update of [`PsgdKron`], with checked hyper-parameters.
pub struct PsgdKronRule {
    options: Checked<PsgdKron>,
    probes: Probes,
}

impl PsgdKron {
    /// The optimizer with these hyper-parameters.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build(self) -> Result<Joint<PsgdKronRule, 3, 1>, ConfigError> {
        self.build_with_probes(move |step, at, shape| normal(self.seed, step, at, shape))
    }

    /// The optimizer with probes from elsewhere: a function of the step, from 1, the parameter's position and its shape.
    ///
    /// # Errors
    /// [`ConfigError::NotAllowed`].
    pub fn build_with_probes(
        self,
        probes: impl Fn(u64, usize, &[usize]) -> Tensor + Send + 'static,
    ) -> Result<Joint<PsgdKronRule, 3, 1>, ConfigError> {
        let options = self.checked()?;
        Ok(Joint::with(PsgdKronRule { options, probes: Box::new(probes) }, self.lr))
    }
}

/// Normal numbers that are a function of (seed, step, position) and of nothing else, by Box and Muller's method.
fn normal(seed: u64, step: u64, at: usize, shape: &[usize]) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(at as u64);
    // No parameter has so many elements that two steps' words meet.
    rng.set_word_pos(u128::from(step) << 36);
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / f64::from(u32::MAX).next_up();
    let elements = (0..shape.iter().product::<usize>()).map(|_| {
        let (radius, angle) = ((-2.0 * libm::log(uniform())).sqrt(), std::f64::consts::TAU * uniform());
        (radius * libm::cos(angle)) as f32
    });
    Tensor::new(shape, elements.collect())
}

/// Rows and columns of the squarer of the two matrices that a tensor can be seen as.
fn matrix_shape(shape: &[usize]) -> [usize; 2] {
    let len: usize = shape.iter().product();
    let [first, .., last] = *shape else { return [len, 1] };
    let ways = [[len / last.max(1), last], [first, len / first.max(1)]];
    let spread = |[rows, columns]: [usize; 2]| rows.abs_diff(columns);
    if shape.len() > 2 && spread(ways[0]) <= spread(ways[1]) { ways[0] } else { ways[1] }
}

/// The product of a factor with a matrix from the left: `Q m` or `Q' m`.
fn apply(q: &Tensor, side: Side, m: &Tensor) -> Tensor {
    if q.rank() == 2 {
        return matmul(q, side, m, Side::Plain);
    }
    let columns = m.shape()[1];
    m * &q.reshape(&[q.len(), 1]).broadcast_to(&[q.len(), columns])
}

/// The same from the right: `m Q'` or, with `Transposed`, `m Q`.
fn apply_right(m: &Tensor, q: &Tensor, side: Side) -> Tensor {
    if q.rank() == 2 { matmul(m, Side::Plain, q, side.flipped()) } else { m * q }
}

/// `Q_l m Q_r'`, or with `twice` `Q_l' Q_l m Q_r' Q_r`.
fn times([left, right]: [&Tensor; 2], m: &Tensor, twice: bool) -> Tensor {
    let mut m = apply(left, Side::Plain, m);
    if twice {
        m = apply(left, Side::Transposed, &m);
    }
    if right.is_empty() {
        return m;
    }
    m = apply_right(&m, right, Side::Plain);
    if twice { apply_right(&m, right, Side::Transposed) } else { m }
}

/// `Q_l^-T v Q_r^-1`.
fn inverse([left, right]: [&Tensor; 2], v: &Tensor) -> Tensor {
    let mut v = if left.rank() == 2 { solve_rows(left, v) } else { apply(&left.map(|q| 1.0 / q), Side::Plain, v) };
    if right.rank() == 2 {
        solve_columns(right, &mut v);
    } else if !right.is_empty() {
        v = &v / right;
    }
    v
}

/// `Q^-T v` by forward substitution, row after row.
fn solve_rows(q: &Tensor, v: &Tensor) -> Tensor {
    let ([n, columns], mut v) = ([q.shape()[0], v.shape()[1]], v.clone());
    let (q, rows) = (q.as_slice(), v.as_mut_slice());
    for k in 0..n {
        let (done, rest) = rows.split_at_mut((k + 1) * columns);
        let row = &mut done[k * columns..];
        row.iter_mut().for_each(|x| *x /= q[k * n + k]);
        for (i, other) in rest.chunks_exact_mut(columns).enumerate() {
            let factor = q[k * n + k + 1 + i];
            other.iter_mut().zip(&*row).for_each(|(other, x)| *other -= factor * x);
        }
    }
    v
}

/// `v Q^-1`, row by row.
fn solve_columns(q: &Tensor, v: &mut Tensor) {
    let (n, q) = (q.shape()[0], q.as_slice());
    for row in v.as_mut_slice().chunks_exact_mut(n) {
        for j in 0..n {
            let (done, rest) = row.split_at_mut(j + 1);
            done[j] /= q[j * n + j];
            let x = done[j];
            rest.iter_mut().zip(&q[j * n + j + 1..(j + 1) * n]).for_each(|(rest, q)| *rest -= x * q);
        }
    }
}

fn largest(tensor: &Tensor) -> f32 {
    tensor.as_slice().iter().fold(0.0, |largest, x| x.abs().max(largest))
}

/// A lower bound of the spectral norm of a symmetric matrix: two steps of power iteration from its longest column.
fn spectral_bound(matrix: &Tensor) -> f64 {
    let (n, scale) = (matrix.shape()[0], largest(matrix));
    if scale == 0.0 {
        return 0.0;
    }
    let a = matrix * (1.0 / scale);
    let squares = |row: &[f32]| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    let lengths: Vec<f64> = a.as_slice().chunks_exact(n).map(squares).collect();
    let longest = (0..n).fold(0, |best, at| if lengths[at] > lengths[best] { at } else { best });
    let x = a.slice(0, longest..longest + 1).matmul(&a);
    let x = &x * (1.0 / x.norm()) as f32;
    matmul(&x, Side::Plain, &a, Side::Transposed).norm() * f64::from(scale)
}

/// Moves a factor against what is left of whitening: `a` and `b` with the factor's axis first.
fn learn(q: &mut Tensor, a: &Tensor, b: &Tensor, lr: f64) {
    let least = f64::from(f32::MIN_POSITIVE);
    if q.rank() == 2 {
        let [one, two] = [a, b].map(|x| gram(x, Side::Plain));
        let scale = (lr / spectral_bound(&(&one + &two)).max(least)) as f32;
        let n = q.shape()[0];
        let mut step = one.into_zip(&two, |one, two| scale * (one - two));
        step.as_mut_slice().chunks_exact_mut(n).enumerate().for_each(|(row, line)| line[..row].fill(0.0));
        *q = &*q - &step.matmul(q);
    } else {
        let [one, two] = [a, b].map(|x| x.map(|x| x * x).sum(&[1]));
        let scale = (lr / f64::from(largest(&(&one + &two))).max(least)) as f32;
        let step = one.into_zip(&two, |one, two| scale * (one - two));
        q.update(&step, [], |q, step, []| (q - step * q, []));
    }
}

impl PsgdKronRule {
    /// Learns both factors from the momentum and a probe.
    fn whiten(&self, [left, right]: [&mut Tensor; 2], m: &Tensor, probe: &Tensor) {
        let noise = (f64::from(f32::EPSILON).sqrt() * m.sum_abs() / m.len().max(1) as f64) as f32;
        let noisy = m.zip(probe, |m, v| m + noise * v);
        let (a, b) = (times([left, right], &noisy, false), inverse([left, right], probe));
        let lr = self.options.precond_lr;
        learn(left, &a, &b, lr);
        if !right.is_empty() {
            learn(right, &a.transpose(&[1, 0]), &b.transpose(&[1, 0]), lr);
        }
    }
}

/// Makes both factors' largest elements alike; their product stays.
fn balance([left, right]: [&mut Tensor; 2]) {
    let norms = [&*left, &*right].map(|q| f64::from(largest(q)));
    let mean = norms[0].sqrt() * norms[1].sqrt();
    (*left, *right) = (&*left * (mean / norms[0]) as f32, &*right * (mean / norms[1]) as f32);
}

impl JointRule<3, 1> for PsgdKronRule {
    const SLOTS: [&'static str; 3] = ["momentum_buffer", "q_left", "q_right"];
    const SCALARS: [&'static str; 1] = ["steps_since_learning"];

    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn start(&self, slot: &'static str, parameter: &Tensor) -> Tensor {
        let (vector, [rows, columns]) = (parameter.rank() < 2, matrix_shape(parameter.shape()));
        let scale =
            if vector { self.options.precond_init_scale } else { self.options.precond_init_scale.sqrt() } as f32;
        let factor = |n: usize| {
            if vector || n == 1 || n as u64 > self.options.max_size_triangular {
                return Tensor::full(&[n], scale);
            }
            let mut identity = Tensor::zeros(&[n, n]);
            identity.as_mut_slice().iter_mut().step_by(n + 1).for_each(|x| *x = scale);
            identity
        };
        match slot {
            "q_left" => factor(rows),
            "q_right" if vector => Tensor::zeros(&[0]),
            "q_right" => factor(columns),
            _ => Tensor::zeros(parameter.shape()),
        }
    }

    fn start_scalars(&self) -> [f64; 1] {
        [0.0]
    }

    fn update(
        &self,
        step: Step,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        Shared { slots, scalars: [since] }: Shared<'_, 3, 1>,
        _: &mut dyn Objective,
    ) -> Result<(), StepError> {
        let probability = libm::exp(-0.001 * ((step.number - 1) as f64 - 500.0)).clamp(0.03, 1.0);
        *since += 1.0;
        let due = *since >= 1.0 / probability;
        if due {
            *since = 0.0;
        }
        let (keep, take) = keep_take(self.options.momentum);
        let debias = (1.0 / correction(self.options.momentum, step.number)) as f32;
        let decay = (step.lr * self.options.weight_decay) as f32;
        let pairs = parameters.iter_mut().zip(gradients).zip(slots).enumerate();
        for (at, ((parameter, gradient), [m, left, right])) in pairs {
            m.update(gradient, [], |m, g, []| (keep * m + take * g, []));
            let shape = matrix_shape(parameter.shape());
            let m = (&*m * debias).reshape(&shape);
            if !right.is_empty() && step.number.is_multiple_of(100) {
                balance([left, right]);
            }
            if due {
                let probe = (self.probes)(step.number, at, parameter.shape()).reshape(&shape);
                self.whiten([left, right], &m, &probe);
            }
            let direction = times([left, right], &m, true);
            let rms = direction.norm() / (direction.len().max(1) as f64).sqrt();
            let lr = (step.lr * (1.1 / (rms + 1e-12)).min(1.0)) as f32;
            parameter.update(&direction, [], |p, d, []| (p - (decay * p + lr * d), []));
        }
        Ok(())
    }
}
