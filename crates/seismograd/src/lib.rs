//! An instrument that records the tremors of training and says which optimizer caused them.
//!
//! This crate is a facade: each module is one of the workspace's crates under its short name, and nothing else is here.
//! Who needs one of them alone depends on that one, such as `seismograd-autodiff`, and gets nothing else.
//!
//! ```
//! use seismograd::{autodiff::Graph, optim::{Adam, Optimizer}, tensor::Tensor};
//!
//! // Adam walks down to the minimum of (x - 3)^2.
//! let mut x = [Tensor::scalar(0.0)];
//! let mut adam = Adam { lr: 0.1, ..Adam::default() }.build()?;
//! for _ in 0..300 {
//!     let mut graph = Graph::new();
//!     let (at, three) = (graph.leaf(x[0].clone()), graph.constant(Tensor::scalar(3.0)));
//!     let away = graph.sub(at, three);
//!     let loss = graph.mul(away, away);
//!     let gradient = graph.backward(loss).take(at).expect("the loss depends on x");
//!     adam.step(&mut x, &[gradient], &mut ())?;
//! }
//! assert!((x[0].item() - 3.0).abs() < 0.01);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use seismograd_analysis as analysis;
pub use seismograd_autodiff as autodiff;
pub use seismograd_cifar10 as cifar10;
pub use seismograd_cifar10_sample as cifar10_sample;
pub use seismograd_kernels as kernels;
pub use seismograd_nn as nn;
pub use seismograd_optim as optim;
pub use seismograd_record as record;
pub use seismograd_report as report;
pub use seismograd_sweep as sweep;
pub use seismograd_tensor as tensor;
pub use seismograd_trace as trace;
pub use seismograd_train as train;
