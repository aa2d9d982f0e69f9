//! Optimizers over ordered lists of tensors, with PyTorch's definitions and defaults.
