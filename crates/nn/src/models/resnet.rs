//! A small residual network with batch normalisation.

use crate::{
    AvgPool2d, BatchNorm2d, Builder, Conv2d, Flatten, Forward, Initialization, Layer, Linear, Model, Relu, Sequential,
    Tensor, Var,
};

/// ResNet-20 for CIFAR-10 (He et al. 2015, section 4.2): three stages of three blocks with 16, 32 and 64 channels, shortcuts without
/// parameters (option A), 269,722 parameters. Names are those of torchvision's residual networks.
pub fn resnet20() -> Model {
    let mut builder = Builder::new(Initialization::KaimingNormal);
    let mut layers = Sequential::new(&mut builder)
        .add("conv1", |builder| Conv2d::without_bias(builder, [3, 16], 3, 1, 1))
        .add("bn1", |builder| BatchNorm2d::new(builder, 16))
        .add("relu", |_| Relu);
    for (stage, channels) in [[16, 16], [16, 32], [32, 64]].into_iter().enumerate() {
        layers = layers.add(&format!("layer{}", stage + 1), |builder| self::stage(builder, channels));
    }
    let layers = layers
        .add("avgpool", |_| AvgPool2d::new(8))
        .add("flatten", |_| Flatten)
        .add("fc", |builder| Linear::new(builder, 64, 10))
        .build();
    builder.finish(layers, "fc")
}

/// Three blocks; where the channels grow, the first one halves the image.
fn stage(builder: &mut Builder, [channels_in, channels]: [usize; 2]) -> Sequential {
    Sequential::new(builder)
        .add("0", |builder| Block::new(builder, [channels_in, channels]))
        .add("1", |builder| Block::new(builder, [channels, channels]))
        .add("2", |builder| Block::new(builder, [channels, channels]))
        .build()
}

/// Two convolutions beside a shortcut: `relu(body(x) + shortcut(x))`.
struct Block {
    body: Sequential,
    /// Channels of zeros that the shortcut appends, while it takes every second pixel.
    widening: usize,
}

impl Block {
    fn new(builder: &mut Builder, [channels_in, channels]: [usize; 2]) -> Block {
        let stride = if channels == channels_in { 1 } else { 2 };
        let body = Sequential::new(builder)
            .add("conv1", |builder| Conv2d::without_bias(builder, [channels_in, channels], 3, stride, 1))
            .add("bn1", |builder| BatchNorm2d::new(builder, channels))
            .add("relu", |_| Relu)
            .add("conv2", |builder| Conv2d::without_bias(builder, [channels, channels], 3, 1, 1))
            .add("bn2", |builder| BatchNorm2d::new(builder, channels))
            .build();
        Block { body, widening: channels - channels_in }
    }

    fn shortcut(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        if self.widening == 0 {
            return x;
        }
        // A window of one pixel with stride 2 keeps every second pixel.
        let halved = AvgPool2d::strided(1, 2, 0).forward(forward, x);
        let graph = forward.graph();
        let mut shape = graph.value(halved).shape().to_vec();
        shape[3] = self.widening;
        let zeros = graph.constant(Tensor::zeros(&shape));
        graph.concatenate(&[halved, zeros], 3)
    }
}

impl Layer for Block {
    fn forward(&self, forward: &mut Forward<'_>, x: Var) -> Var {
        let body = self.body.forward(forward, x);
        let shortcut = self.shortcut(forward, x);
        let sum = forward.graph().add(body, shortcut);
        forward.graph().relu(sum)
    }

    fn mixes_samples(&self) -> bool {
        self.body.mixes_samples()
    }
}
