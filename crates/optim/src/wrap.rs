//! Wrappers: optimizers around another one.

pub(crate) mod cautious;
pub(crate) mod clip;
pub(crate) mod ema;
pub(crate) mod lookahead;
pub(crate) mod sam;
pub(crate) mod weight_decay;
