//! Run configuration, the sharded training step, evaluation, checkpoints and resume.
