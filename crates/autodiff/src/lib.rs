//! Reverse-mode automatic differentiation over a Wengert list, observable at every node.
//!
//! A [`Graph`] is an arena of nodes in the order they were computed, which is a topological order; a [`Var`] is a node's
//! index. Each operation is one module of `ops`, its forward and backward side by side: a rule returns contributions,
//! and only the graph accumulates them and undoes broadcasting. Named scopes mark sites, and an [`Observer`] sees the value
//! and the gradient at each of them without changing either.
//!
//! This crate knows no layers, parameters or losses by name: those are `seismograd-nn`'s.
//!
//! ```
//! use seismograd_autodiff::Graph;
//! use seismograd_tensor::Tensor;
//!
//! let mut graph = Graph::new();
//! let x = graph.leaf(Tensor::scalar(3.0));
//! let square = graph.mul(x, x);
//! let y = graph.sum(square, &[]);
//! assert_eq!(graph.value(y).item(), 9.0);
//! assert_eq!(graph.backward(y).of(x).unwrap().item(), 6.0);
//! ```

mod backward;
mod glance;
mod graph;
mod observer;
mod ops;

#[cfg(test)]
mod check;

pub use backward::Gradients;
pub use graph::{Backward, Context, Graph, Var};
pub use observer::{Flow, Observer, Passage, Port, Site};
pub use ops::{BatchNorm, CrossEntropy, OPERATIONS, Reduction, Window};
pub use seismograd_tensor::{Glimpse, Side, Tensor};
