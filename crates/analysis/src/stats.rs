//! Statistics over numbers and labels: tests between groups of runs, effect sizes with their intervals, and a map of runs.
//!
//! A row is a run, `in_first` says which runs belong to the first group, and every test permutes those labels. Nothing here reads a
//! file, knows what a column means or decides what a result is called. Every figure is deterministic to the bit on every platform: the
//! transcendental functions are `libm`'s, random labelings are drawn from ChaCha8, and sums run in a fixed order.
//!
//! Misuse by the programmer (lengths that differ, an empty group, a number that is not finite) panics and says so; callers set runs
//! aside that have no finite features before they come here.
//!
//! ```
//! use seismograd_analysis::stats::{distance::Distances, energy, permutation::Permutations};
//!
//! let rows: Vec<Vec<f64>> = [0.0, 0.1, 0.3, 0.2, 2.0, 2.1, 2.4, 2.2].map(|x| vec![x]).to_vec();
//! let in_first = [true, true, true, true, false, false, false, false];
//! let test = energy::test(&Distances::euclidean(&rows), &in_first, &Permutations::default());
//! assert!(test.exact);
//! // The groups are apart, so only this labeling and its mirror image are as extreme: 2 of C(8, 4).
//! assert_eq!(test.p, 2.0 / 70.0);
//! assert_eq!(test.least_p, test.p);
//! ```

pub mod binomial;
pub mod cliff;
pub mod distance;
mod eigen;
pub mod energy;
pub mod holm;
pub mod ks;
pub mod max_t;
pub mod mds;
pub mod permanova;
pub mod permutation;
pub mod robust;
mod special;
