//! Every layer and loss against PyTorch, on the cases of `fixtures/layers.safetensors`.
//!
//! The fixture's images are `[n, c, h, w]`, ours `[n, h, w, c]`: what is compared is transposed to ours. Each tensor that a
//! case says is a result has to be computed here, and each case of the index has to be known here or listed in [`LEFT_OUT`].

use safetensors::SafeTensors;
use seismograd_nn::{
    AvgPool2d, BatchNorm2d, Builder, Conv2d, CrossEntropyLoss, Forward, Graph, Initialization, Layer, MaxPool2d, Mode,
    Moment, Reduction, State, Tensor, Var,
};
use serde_json::Value;
use std::fmt::Display;

/// Cases without a counterpart: our GELU is the exact one.
const LEFT_OUT: [&str; 1] = ["gelu_tanh"];

/// The largest difference allowed, as a share of the largest magnitude in the expected tensor.
///
/// Expected values are f64 results rounded to f32; ours are f32, with unit roundoff 2^-24. The longest f32 sum is a
/// convolution's, of 75 products, whose errors add up like a random walk to 9 roundoffs of the largest sum; means and batch
/// statistics are summed in f64, and what follows them is fewer than 9 roundings. Sixteen roundoffs leave room for another
/// order of summation, and a wrong rule is off by thousands of times more.
const TOLERANCE: f32 = 16.0 / (1 << 24) as f32;

/// Named tensors that a case gives, images in our layout.
type Results = Vec<(String, Tensor)>;

struct Case<'f> {
    name: &'f str,
    settings: &'f Value,
    tensors: Vec<&'f str>,
    file: &'f SafeTensors<'f>,
}

impl Case<'_> {
    /// A tensor in our layout; what it is called decides whether it is a batch of images.
    fn tensor(&self, name: impl Display) -> Tensor {
        let name = format!("{}.{name}", self.name);
        let view = self.file.tensor(&name).unwrap();
        let elements = view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        let tensor = Tensor::new(view.shape(), elements.collect());
        if is_image(&name, &tensor) { tensor.transpose(&[0, 2, 3, 1]) } else { tensor }
    }

    fn tensors<const N: usize>(&self, names: [&str; N]) -> Vec<Tensor> {
        names.map(|name| self.tensor(name)).into()
    }

    fn labels(&self) -> Vec<u8> {
        let view = self.file.tensor(&format!("{}.labels", self.name)).unwrap();
        view.data().as_chunks().0.iter().map(|&bytes| u8::try_from(i64::from_le_bytes(bytes)).unwrap()).collect()
    }

    fn integer(&self, setting: &str) -> usize {
        self.settings[setting].as_u64().unwrap() as usize
    }

    /// The names of what PyTorch computed. The evaluated batch normalisation is given its running statistics.
    fn results(&self) -> impl Iterator<Item = &str> {
        let running = self.settings.get("batches").is_some();
        let result = move |name: &str| ["output", "gradient."].iter().any(|start| name.starts_with(start));
        self.tensors.iter().copied().filter(move |name| result(name) || running && name.starts_with("running_"))
    }

    /// What `function` of the input whose name ends with `suffix` gives, and its gradients.
    fn differentiate(
        &self,
        suffix: &str,
        state: &mut State,
        mode: Mode,
        function: impl Fn(&mut Forward<'_>, Var) -> Var,
    ) -> Results {
        let mut graph = Graph::new();
        let input = graph.leaf(self.tensor(format!("input{suffix}")));
        let mut forward = Forward::new(&mut graph, state, mode);
        let output = function(&mut forward, input);
        let parameters = forward.parameters().to_vec();
        let updates = forward.finish();
        let leaves = [("input", input)].into_iter().chain(["weight", "bias"].into_iter().zip(parameters));
        let gradients = graph.backward_from(output, self.tensor(format!("upstream{suffix}")), &mut ());
        let mut results = vec![(format!("output{suffix}"), graph.value(output).clone())];
        for (name, leaf) in leaves {
            results.push((format!("gradient.{name}{suffix}"), gradients.of(leaf).unwrap().clone()));
        }
        state.apply(updates);
        results
    }

    /// The results of a layer that has no parameters.
    fn differentiate_plain(&self, function: impl Fn(&mut Forward<'_>, Var) -> Var) -> Results {
        let mut empty = State { parameters: vec![], buffers: vec![] };
        self.differentiate("", &mut empty, Mode::Evaluate, function)
    }

    fn compute(&self) -> Option<Results> {
        Some(match self.name {
            "conv2d_5x5_stride2_padding1" | "conv2d_1x1_stride2" => conv2d(self),
            "max_pool2d" | "max_pool2d_ties" => max_pool2d(self),
            "avg_pool2d" | "avg_pool2d_odd" => avg_pool2d(self),
            "batch_norm2d_train" => batch_norm2d_train(self),
            "batch_norm2d_eval" => batch_norm2d_evaluate(self),
            "gelu" => self.differentiate_plain(|forward, x| forward.graph().gelu(x)),
            name if name.starts_with("cross_entropy_") => cross_entropy(self),
            _ => return None,
        })
    }
}

fn is_image(name: &str, tensor: &Tensor) -> bool {
    tensor.rank() == 4 && !name.contains("weight")
}

fn builder() -> Builder {
    Builder::new(Initialization::default())
}

fn conv2d(case: &Case<'_>) -> Results {
    let mut state = State { parameters: case.tensors(["weight", "bias"]), buffers: vec![] };
    let &[channels_out, channels_in, kernel, _] = state.parameters[0].shape() else { panic!("a weight has four axes") };
    let (stride, padding) = (case.integer("stride"), case.integer("padding"));
    let layer = Conv2d::new(&mut builder(), [channels_in, channels_out], kernel, stride, padding);
    case.differentiate("", &mut state, Mode::Evaluate, |forward, x| layer.forward(forward, x))
}

fn max_pool2d(case: &Case<'_>) -> Results {
    let layer = MaxPool2d::strided(case.integer("kernel_size"), case.integer("stride"), case.integer("padding"));
    case.differentiate_plain(|forward, x| layer.forward(forward, x))
}

fn avg_pool2d(case: &Case<'_>) -> Results {
    let layer = AvgPool2d::strided(case.integer("kernel_size"), case.integer("stride"), 0);
    case.differentiate_plain(|forward, x| layer.forward(forward, x))
}

fn batch_norm2d_train(case: &Case<'_>) -> Results {
    let parameters = case.tensors(["weight", "bias"]);
    let channels = parameters[0].len();
    let buffers = vec![Tensor::zeros(&[channels]), Tensor::full(&[channels], 1.0), Tensor::scalar(0.0)];
    let mut state = State { parameters, buffers };
    let layer = BatchNorm2d::new(&mut builder(), channels);
    let mut results = Results::new();
    let batches = case.integer("batches");
    for batch in 0..batches {
        let mode = Mode::Train(Moment { seed: 0, step: batch as u64, first_sample: 0 });
        let suffix = format!(".{batch}");
        results.extend(case.differentiate(&suffix, &mut state, mode, |forward, x| layer.forward(forward, x)));
        results.push((format!("running_mean{suffix}"), state.buffers[0].clone()));
        results.push((format!("running_var{suffix}"), state.buffers[1].clone()));
    }
    assert_eq!(state.buffers[2].item(), batches as f32, "num_batches_tracked");
    results
}

fn batch_norm2d_evaluate(case: &Case<'_>) -> Results {
    let buffers = [case.tensors(["running_mean", "running_var"]), vec![Tensor::scalar(3.0)]].concat();
    let mut state = State { parameters: case.tensors(["weight", "bias"]), buffers };
    let before = state.clone();
    let layer = BatchNorm2d::new(&mut builder(), state.parameters[0].len());
    let results = case.differentiate("", &mut state, Mode::Evaluate, |forward, x| layer.forward(forward, x));
    assert_eq!(state, before, "evaluation changes no buffer");
    results
}

fn cross_entropy(case: &Case<'_>) -> Results {
    let reduction = match case.settings["reduction"].as_str() {
        Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        other => panic!("{}: reduction {other:?}", case.name),
    };
    let label_smoothing = case.settings["label_smoothing"].as_f64().unwrap() as f32;
    let loss = CrossEntropyLoss { reduction, label_smoothing };
    case.differentiate_plain(|forward, logits| loss.forward(forward, logits, &case.labels()))
}

/// Says how a result differs from PyTorch's, if it does.
fn disagreement(case: &Case<'_>, name: &str, ours: &Tensor) -> Option<String> {
    let expect = case.tensor(name);
    let label = format!("{}.{name}", case.name);
    if ours.shape() != expect.shape() {
        return Some(format!("{label}: shape {:?}, PyTorch's is {:?}", ours.shape(), expect.shape()));
    }
    let largest = |tensor: &Tensor| tensor.as_slice().iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    let share = largest(&(ours - &expect)) / largest(&expect);
    let finite = ours.as_slice().iter().all(|x| x.is_finite());
    (!finite || share > TOLERANCE).then(|| format!("{label}: off by {share:e} of the largest magnitude"))
}

/// What is wrong with a case: results that differ, or that nobody computed.
fn disagreements(case: &Case<'_>) -> Vec<String> {
    let Some(computed) = case.compute() else {
        return vec![format!("{}: no layer here computes this case", case.name)];
    };
    let ours = |wanted: &str| computed.iter().find(|(name, _)| name == wanted).map(|(_, tensor)| tensor);
    let check = |name: &str| match ours(name) {
        Some(tensor) => disagreement(case, name, tensor),
        None => Some(format!("{}.{name}: not computed", case.name)),
    };
    case.results().filter_map(check).collect()
}

#[test]
fn every_case_agrees_with_pytorch() {
    let bytes = include_bytes!("fixtures/layers.safetensors");
    let file = SafeTensors::deserialize(bytes).unwrap();
    let index: Value = serde_json::from_str(include_str!("fixtures/layers.json")).unwrap();
    let mut wrong = Vec::new();
    for entry in index.as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let tensors = entry["tensors"].as_object().unwrap().keys().map(String::as_str).collect();
        let case = Case { name, settings: &entry["settings"], tensors, file: &file };
        if !LEFT_OUT.contains(&name) {
            wrong.extend(disagreements(&case));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
