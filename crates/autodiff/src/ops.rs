//! The operations, one module each: geometry, forward, reverse rule and check.
//!
//! Adding one touches its own module and the list below. The list's `check` entries make a module without a check a compile error,
//! and the test beside it finds a module that is not in the list.

/// Declares the operations' modules, their names, and a test that runs each module's check.
macro_rules! operations {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// The names of all operations.
        pub const OPERATIONS: &[&str] = &[$(stringify!($name)),*];

        #[cfg(test)]
        mod checks {
            $(
                #[test]
                fn $name() {
                    super::$name::check();
                }
            )*
        }
    };
}

operations! {
    add, avg_pool2d, batch_norm, broadcast, concatenate, conv2d, cross_entropy, div, dropout, exp, gelu, log, log_softmax,
    matmul, max, max_pool2d, mean, mul, neg, relu, reshape, sigmoid, slice, softmax, sqrt, sub, sum, tanh, transpose,
}

pub use batch_norm::BatchNorm;
pub use conv2d::Window;
pub use cross_entropy::{CrossEntropy, Reduction};

#[cfg(test)]
mod tests {
    use super::OPERATIONS;

    #[test]
    fn every_module_is_a_registered_operation() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops");
        let mut modules: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of this module")
            .map(|entry| entry.expect("a readable entry").path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        modules.sort();
        assert_eq!(
            modules, OPERATIONS,
            "a module of src/ops is missing from the list in ops.rs, or the list is not sorted"
        );
    }
}
