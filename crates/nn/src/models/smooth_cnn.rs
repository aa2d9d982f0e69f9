//! The smooth sibling of the paper's CNN.

use crate::{Builder, Conv2d, Flatten, Initialization, Linear, Model, Sequential, Tanh};

/// The paper's CNN without a kink: tanh for ReLU, convolutions of stride 2 for max pooling, no dropout. Parameters have the same names
/// and shapes. Rounding errors stay small here, so that two implementations can be compared exactly.
pub fn smooth_cnn() -> Model {
    let mut builder = Builder::new(Initialization::XavierNormal);
    let mut layers = Sequential::new(&mut builder);
    for (at, channels_in) in [3, 32, 32, 32, 32, 32].into_iter().enumerate() {
        let stride = 1 + at % 2;
        layers = layers
            .add(&format!("conv{}", at + 1), |builder| Conv2d::new(builder, [channels_in, 32], 3, stride, 1))
            .add(&format!("tanh{}", at + 1), |_| Tanh);
    }
    let layers = layers
        .add("flatten", |_| Flatten)
        .add("fc1", |builder| Linear::new(builder, 512, 512))
        .add("tanh7", |_| Tanh)
        .add("fc2", |builder| Linear::new(builder, 512, 10))
        .build();
    builder.finish(layers, "fc2").with_head("flatten")
}
