//! The paper's CNN.

use crate::{Builder, Conv2d, Dropout, Flatten, Initialization, Linear, MaxPool2d, Model, Relu, Sequential};

/// The CNN of Ando, Fukuhara and Takefuji (2023), 314,922 parameters: three times two 3x3 convolutions of 32 channels and a 2x2 max
/// pooling, then 512 hidden units with dropout, on 32x32 images of 3 channels. He-normal weights, zero biases.
///
/// # Panics
/// When `dropout` is not in [0, 1).
#[track_caller]
pub fn paper_cnn(dropout: f64) -> Model {
    paper_cnn_of_width(32, dropout)
}

/// [`paper_cnn`] with another number of channels.
///
/// # Panics
/// When `dropout` is not in [0, 1).
#[track_caller]
pub fn paper_cnn_of_width(width: usize, dropout: f64) -> Model {
    let mut builder = Builder::new(Initialization::KaimingNormal);
    let mut layers = Sequential::new(&mut builder);
    for (block, channels_in) in [3, width, width].into_iter().enumerate() {
        let (first, second) = (2 * block + 1, 2 * block + 2);
        layers = layers
            .add(&format!("conv{first}"), |builder| Conv2d::new(builder, [channels_in, width], 3, 1, 1))
            .add(&format!("relu{first}"), |_| Relu)
            .add(&format!("conv{second}"), |builder| Conv2d::new(builder, [width, width], 3, 1, 1))
            .add(&format!("relu{second}"), |_| Relu)
            .add(&format!("pool{}", block + 1), |_| MaxPool2d::new(2));
    }
    let layers = layers
        .add("flatten", |_| Flatten)
        .add("fc1", |builder| Linear::new(builder, 16 * width, 512))
        .add("relu7", |_| Relu)
        .add("dropout", |builder| Dropout::new(builder, dropout))
        .add("fc2", |builder| Linear::new(builder, 512, 10))
        .build();
    builder.finish(layers, "fc2").with_head("flatten")
}
