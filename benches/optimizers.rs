//! Steps of the optimizers in bytes a second and in percent of a triad (`a = b + s a`) on as much memory in the same run: an element-wise
//! optimizer reads parameter, gradient and state once and writes parameter and state, and nothing else. Those of matrices compute more than they
//! read.
//!
//! ```text
//! cargo bench -p benches --bench optimizers
//! cargo bench -p benches --bench optimizers -- paper_cnn
//! ```

mod shared;

use seismograd_kernels::level::Level;
use seismograd_optim::{Optimizer, registry};
use seismograd_tensor::Tensor;
use shared::{Yardsticks, bench, criterion, floats, triad};
use std::time::Duration;

/// Optimizers that make one pass.
const ELEMENTWISE: [&str; 20] = [
    "sgd",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "amsgrad",
    "adamw",
    "adamax",
    "nadam",
    "radam",
    "rprop",
    "asgd",
    "signum",
    "lion",
    "yogi",
    "adabelief",
    "adan",
    "schedule_free_adamw",
    "adopt",
    "ademamix",
];

/// Optimizers of matrices, on one of 512 x 512.
const MATRICES: [&str; 5] = ["muon", "muon fixed_point_from=1000", "shampoo", "soap", "psgd_kron"];

fn main() -> anyhow::Result<()> {
    println!("Level {}, {} threads\n", Level::from_environment()?, rayon::current_num_threads());
    steps("paper_cnn", &ELEMENTWISE, &[314_922]);
    // Too many for any cache.
    steps("beyond_caches", &ELEMENTWISE, &[25_000_000]);
    steps("matrix", &MATRICES, &[512, 512]);
    Ok(())
}

/// Steps of some optimizers, each on one parameter: at their defaults, but for the options behind a name.
fn steps(group: &str, names: &[&str], shape: &[usize]) {
    let len = shape.iter().product();
    let triad = triad(len);
    println!("{group}: a triad over {len} elements reaches {triad:.1} GB/s\n");
    let mut criterion = criterion(Yardsticks { peak: None, triad: Some(triad) }, 20, Duration::from_millis(600));
    for name in names {
        let work = floats(((3.0 + 2.0 * state_of_an_element(name, shape)) * len as f64) as usize);
        let prepare = || Stepped::new(name, shape);
        bench(&mut criterion, [group, name], work, prepare, Stepped::step);
    }
}

/// Numbers of state that an optimizer keeps for each of a parameter, told from a parameter that is small on every side.
fn state_of_an_element(name: &str, shape: &[usize]) -> f64 {
    let small: Vec<usize> = shape.iter().map(|side| *side.min(&512)).collect();
    let state = Stepped::new(name, &small).optimizer.state();
    let kept: usize = state.tensors.iter().map(|(_, tensor)| tensor.len()).sum();
    kept as f64 / small.iter().product::<usize>() as f64
}

/// An optimizer with the parameter that it updates and the gradient, the same at each step.
struct Stepped {
    optimizer: Box<dyn Optimizer>,
    parameters: [Tensor; 1],
    gradients: [Tensor; 1],
}

impl Stepped {
    /// After the first step, which makes the state.
    fn new(name: &str, shape: &[usize]) -> Stepped {
        let mut words = name.split(' ');
        let name = words.next().expect("a name");
        let options: Vec<_> = words.filter_map(|word| word.split_once('=')).collect();
        let options: Vec<_> = options.into_iter().map(|(option, value)| (option.into(), value.into())).collect();
        let optimizer = registry::build(name, None, &options).expect("such an optimizer");
        let mut new = Stepped { optimizer, parameters: [filled(shape, 0.1)], gradients: [filled(shape, 0.01)] };
        new.step();
        new
    }

    fn step(&mut self) {
        self.optimizer.step(&mut self.parameters, &self.gradients, &mut ()).expect("nothing is asked");
    }
}

/// Numbers that are neither zero nor denormal.
fn filled(shape: &[usize], scale: f32) -> Tensor {
    let len = shape.iter().product();
    Tensor::new(shape, (0..len).map(|at: usize| ((at * 7919 % 2003) as f32 / 1001.0 - 1.0003) * scale).collect())
}
