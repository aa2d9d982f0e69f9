//! Dense `f32` tensors of dynamic rank, with broadcasting, reductions, matrix products and convolutions.
//!
//! A [`Tensor`] is contiguous, in row-major order, and cheap to clone: clones share their elements until one of them is
//! written to. Images are `[n, h, w, c]`, channels innermost.
//!
//! Work that is large is cut into pieces of a fixed size and spread over rayon's threads; every reduction has one fixed
//! order. So results have the same bits for any number of threads.
//!
//! This crate knows no gradients: those are `seismograd-autodiff`'s.
//!
//! ```
//! use seismograd_tensor::Tensor;
//!
//! let x = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
//! let row = Tensor::new(&[3], vec![10.0, 20.0, 30.0]);
//! assert_eq!((&x + &row).as_slice(), [11.0, 22.0, 33.0, 14.0, 25.0, 36.0]);
//! assert_eq!(x.sum(&[1]).as_slice(), [6.0, 15.0]);
//! assert_eq!(x.matmul(&x.transpose(&[1, 0])).as_slice(), [14.0, 32.0, 32.0, 77.0]);
//! ```

mod convolution;
mod elementwise;
pub mod fixed;
pub mod linalg;
mod matmul;
mod parallel;
mod pooling;
mod reduce;
mod structure;
mod tensor;

pub use convolution::{
    Activation, Conv2d, Glimpse, conv2d, conv2d_geometry, conv2d_input_gradient, conv2d_input_gradient_seen,
    conv2d_rectified_seen, conv2d_weight_gradient,
};
pub use matmul::{Side, gram, matmul};
pub use pooling::{Pool2d, avg_pool2d, avg_pool2d_gradient, max_pool2d, max_pool2d_gradient, max_pool2d_gradient_seen};
pub use seismograd_kernels::{moments, order, softmax};
pub use tensor::Tensor;
