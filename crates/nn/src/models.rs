//! Models, and their names.

mod paper_cnn;
mod resnet;
mod smooth_cnn;

pub use paper_cnn::{PaperCnnSize, paper_cnn, paper_cnn_of_size};
pub use resnet::resnet20;
pub use smooth_cnn::smooth_cnn;

use crate::Model;

/// The names that [`by_name`] knows.
pub const NAMES: [&str; 3] = ["paper_cnn", "smooth_cnn", "resnet20"];

/// Whether the model of this name has a dropout layer.
pub fn has_dropout(name: &str) -> bool {
    name == "paper_cnn"
}

/// No model has this name.
#[derive(Debug, thiserror::Error)]
#[error("no model is called {name}; {} are {}", hint(*nearest), NAMES.join(", "))]
pub struct UnknownModel {
    name: String,
    nearest: Option<&'static str>,
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| "there".to_owned(), |nearest| format!("did you mean {nearest}? There"))
}

/// The model of this name. `dropout` is used by those that have a dropout layer.
///
/// # Errors
/// When no model has the name.
pub fn by_name(name: &str, dropout: f64) -> Result<Model, UnknownModel> {
    match name {
        "paper_cnn" => Ok(paper_cnn(dropout)),
        "smooth_cnn" => Ok(smooth_cnn()),
        "resnet20" => Ok(resnet20()),
        _ => {
            let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
            let nearest = NAMES.into_iter().min_by_key(distance).filter(|best| 2 * distance(best) <= best.len());
            Err(UnknownModel { name: name.to_owned(), nearest })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Forward, Graph, Mode, Moment, Tensor};

    #[test]
    fn every_model_trains_on_a_batch_of_images() {
        for name in NAMES {
            let model = by_name(name, 0.5).expect("a known name");
            let state = model.initialise(1);
            let mut graph = Graph::new();
            let images = Tensor::new(&[2, 32, 32, 3], (0..6144).map(|at| (at % 251) as f32 / 251.0).collect());
            let images = graph.constant(images);
            let moment = Moment { seed: 0, step: 0, first_sample: 0 };
            let mut forward = Forward::new(&mut graph, &state, Mode::Train(moment));
            let logits = model.forward(&mut forward, images);
            let parameters = forward.parameters().to_vec();
            assert_eq!(graph.value(logits).shape(), [2, 10], "{name}");
            let loss = graph.cross_entropy(logits, &[0, 9], Default::default());
            let gradients = graph.backward(loss);
            for (parameter, name) in parameters.into_iter().zip(model.parameter_names()) {
                let gradient = gradients.of(parameter).unwrap_or_else(|| panic!("{name} has no gradient"));
                assert!(gradient.as_slice().iter().all(|x| x.is_finite()), "{name}");
            }
        }
    }

    #[test]
    fn the_paper_cnn_is_the_papers() {
        let model = paper_cnn(0.5);
        assert_eq!(model.parameter_count(), 314_922);
        let shapes: Vec<&[usize]> = model.parameter_shapes().collect();
        let named: Vec<_> = model.parameter_names().iter().zip(shapes).collect();
        assert_eq!(named.len(), 16);
        assert_eq!(named[0], (&"conv1.weight".to_owned(), &[32, 3, 3, 3][..]));
        assert_eq!(named[11], (&"conv6.bias".to_owned(), &[32][..]));
        assert_eq!(named[12], (&"fc1.weight".to_owned(), &[512, 512][..]));
        assert_eq!(named[14], (&"fc2.weight".to_owned(), &[10, 512][..]));
        assert!(!model.mixes_samples());
    }

    #[test]
    fn siblings_share_names_and_shapes() {
        let (paper, smooth) = (paper_cnn(0.0), smooth_cnn());
        assert_eq!(paper.parameter_names(), smooth.parameter_names());
        assert!(paper.parameter_shapes().eq(smooth.parameter_shapes()));
    }

    #[test]
    fn the_resnet_needs_the_whole_batch() {
        let model = resnet20();
        assert!(model.mixes_samples());
        // He et al. 2015, table 6: 0.27 million.
        assert_eq!(model.parameter_count(), 269_722);
    }

    #[test]
    fn an_unknown_model_gets_the_nearest() {
        let message = by_name("papercnn", 0.5).err().expect("unknown").to_string();
        assert_eq!(
            message,
            "no model is called papercnn; did you mean paper_cnn? There are paper_cnn, smooth_cnn, resnet20"
        );
    }
}
