//! SIMD loops over `f32` slices for convolutional networks: convolution, pooling and their gradients.
//!
//! Activations are `[n, h, w, c]`, channels innermost. Everything here runs on the calling thread; whoever
//! calls decides how samples are spread over threads.
//!
//! - [`reference`](mod@reference): the naive truth, in `f64`, that every other body is tested against.
//! - [`vector`](mod@vector): sixteen lanes of `f32` at each instruction-set level. An algorithm is written once over the
//!   [`Vector`](vector::Vector) trait; the trait's array implementation is the portable body.
//! - [`level`](mod@level): the one dispatch file. It picks a level once, at run time.
//!
//! **The same bits at every level.** Lanes run over independent outputs, multiply-add is fused everywhere, and
//! an output's accumulation order depends on the geometry alone, never on the width of a register.
//!
//! ```
//! use seismograd_kernels::{conv, geometry::{Conv2d, Window}};
//!
//! let conv2d = Conv2d {
//!     window: Window { input: [2, 2], kernel: [1, 1], stride: [1, 1], padding: [0, 0] },
//!     channels_in: 1,
//!     channels_out: 1,
//! };
//! let weight = conv::pack_forward(&conv2d, &[3.0]);
//! let mut output = [0.0; 4];
//! conv::forward(&conv2d, &[1.0, 2.0, 3.0, 4.0], &weight, Some(&[0.5]), conv::Activation::Identity, &mut output);
//! assert_eq!(output, [3.5, 6.5, 9.5, 12.5]);
//! ```

pub mod buffer;
pub mod conv;
pub mod double;
pub mod elementwise;
pub mod fixed;
pub mod geometry;
#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod inlined;
pub mod level;
pub mod matmul;
pub mod moments;
pub mod order;
pub mod peak;
pub mod pool;
pub mod reference;
pub mod softmax;
pub mod sums;
pub mod vector;
