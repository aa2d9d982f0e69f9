//! The paper's CNN.

use crate::{Builder, Conv2d, Dropout, Flatten, Initialization, Linear, MaxPool2d, Model, Relu, Sequential};

/// The CNN of Ando, Fukuhara and Takefuji (2023), 314,922 parameters: three times two 3x3 convolutions of 32 channels and a 2x2 max
/// pooling, then 512 hidden units with dropout, on 32x32 images of 3 channels. He-normal weights, zero biases.
///
/// # Panics
/// When `dropout` is not in [0, 1).
#[track_caller]
pub fn paper_cnn(dropout: f64) -> Model {
    paper_cnn_of_size(PaperCnnSize { width: 32, side: 32 }, dropout)
}

/// What [`paper_cnn_of_size`] may vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaperCnnSize {
    /// Channels of every convolution.
    pub width: usize,
    /// Height and width of the images.
    pub side: usize,
}

/// [`paper_cnn`] with another number of channels, or for larger or smaller images.
///
/// # Panics
/// When `dropout` is not in [0, 1), or the pooled images would be empty.
#[track_caller]
pub fn paper_cnn_of_size(PaperCnnSize { width, side }: PaperCnnSize, dropout: f64) -> Model {
    assert!(side >= 8, "paper CNN: images of side {side} are pooled to nothing");
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
        .add("fc1", |builder| Linear::new(builder, (side / 8).pow(2) * width, 512))
        .add("relu7", |_| Relu)
        .add("dropout", |builder| Dropout::new(builder, dropout))
        .add("fc2", |builder| Linear::new(builder, 512, 10))
        .build();
    builder.finish(layers, "fc2").with_head("flatten")
}
