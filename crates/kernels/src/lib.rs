//! SIMD loops over f32 slices for convolutional networks: convolution, pooling and their gradients.
