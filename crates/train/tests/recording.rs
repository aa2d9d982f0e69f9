//! What is recorded of every layer while the paper's CNN trains, against statistics of the tensors as wholes.
//!
//! A recorder gets glimpses: most of what it sees is overwritten in the pass that computes it. Here a second observer keeps everything.

use rayon::ThreadPoolBuilder;
use seismograd_autodiff::{Observer, Port, Site, Tensor};
use seismograd_cifar10::Normalization;
use seismograd_nn::{Model, Reduction, State};
use seismograd_record::statistics::{COUNT, summarize, summarize_sampled};
use seismograd_record::{Recorder, Wiring};
use seismograd_trace::Statistic;
use seismograd_train::{Batch, DataSource, Labels, Pass, Protocol, RunConfig, Shards};
use std::collections::BTreeMap;

/// The elements at the outputs of scopes, by scope and quantity.
#[derive(Default)]
struct Everything(BTreeMap<(String, &'static str), Vec<f32>>);

impl Everything {
    fn keep(&mut self, site: Site<'_>, quantity: &'static str, tensor: &Tensor) {
        if site.port == Port::Output {
            self.0.insert((site.scope.to_owned(), quantity), tensor.as_slice().to_vec());
        }
    }
}

impl Observer for Everything {
    fn value(&mut self, site: Site<'_>, value: &Tensor) {
        self.keep(site, "value", value);
    }

    fn gradient(&mut self, site: Site<'_>, gradient: &Tensor) {
        self.keep(site, "gradient", gradient);
    }
}

/// A model, its initial numbers, and a batch of real images.
struct Step {
    model: Model,
    state: State,
}

const BATCH: u32 = 30;
const SHARDS: Shards = Shards { size: 13, seed: 0, step: 1 };

impl Step {
    fn new(model: &str) -> Step {
        let mut config = RunConfig::new(Protocol::Standard, "adam", None, &[]).unwrap();
        config.model = model.to_owned();
        let model = config.model().unwrap();
        let mut state = model.initialise(3);
        // Biases that have left zero, some of them far: layers that are mostly open, and mostly shut.
        for (at, bias) in state.parameters.iter_mut().filter(|tensor| tensor.rank() == 1).enumerate() {
            let level = [0.02, 0.5, -0.5][at % 3];
            bias.as_mut_slice().iter_mut().enumerate().for_each(|(i, b)| *b = level + 0.01 * (i as f32).sin());
        }
        Step { model, state }
    }

    /// The step's gradients, and what its observers saw, in the order of the batch.
    fn run<O: Observer + Send>(
        &self,
        observer: impl Fn(std::ops::Range<usize>) -> O + Sync,
    ) -> (Vec<Tensor>, Vec<Vec<O>>) {
        let data = DataSource::Sample.load().unwrap();
        let indices: Vec<u32> = (0..BATCH).collect();
        let batch = Batch::Split { split: &data.train, indices: &indices, normalization: Normalization::Unit };
        let State { parameters, buffers } = &self.state;
        let (model, reduction) = (&self.model, Reduction::Mean);
        let pass = Pass { model, parameters, buffers, batch: &batch, shards: SHARDS, labels: Labels::True, reduction };
        let result = pass.run(observer);
        (result.gradients, result.observers)
    }

    fn recorder(&self) -> Recorder {
        let model = &self.model;
        let wiring =
            Wiring { output_layer: model.output_layer(), scopes: model.scopes(), parameters: model.parameter_names() };
        Recorder::new(&"all".parse().unwrap(), &wiring).unwrap()
    }

    /// A row of the trace, of a step that updates nothing.
    fn row(&self, recorder: &Recorder) -> Vec<f32> {
        let (gradients, watches) = self.run(|samples| recorder.watch(samples, BATCH as usize));
        let parameters = &self.state.parameters;
        let activations = recorder.activations(&watches).unwrap();
        recorder.row(activations, recorder.gradients(&gradients), &recorder.snapshot(parameters), parameters)
    }
}

fn assert_close(found: f32, expect: f32, size: f32, what: &str) {
    assert!((found - expect).abs() <= 3e-6 * size, "{what}: {found}, {expect}");
}

/// The columns of one signal, against the statistics of its elements.
fn check_signal(columns: &[f32], elements: &[f32], name: &str) {
    let (exact, sampled) = (summarize(elements), summarize_sampled(elements));
    let of = |statistic: Statistic| exact[statistic as usize];
    let spread = of(Statistic::Std) + of(Statistic::Mean).abs();
    for statistic in Statistic::ALL {
        let (found, expect) = (columns[statistic as usize], of(statistic));
        let what = format!("{name} {statistic:?}");
        match statistic {
            Statistic::Min | Statistic::Max | Statistic::ZeroFraction => assert_eq!(found, expect, "{what}"),
            _ if statistic.probability().is_some() => assert_eq!(found, sampled[statistic as usize], "{what}"),
            Statistic::Mean => assert_close(found, expect, spread, &what),
            Statistic::Skewness => assert_close(found, expect, of(Statistic::Kurtosis), &what),
            _ => assert_close(found, expect, expect, &what),
        }
    }
}

fn check(model: &str) {
    let step = Step::new(model);
    let recorder = step.recorder();
    let row = step.row(&recorder);
    let (gradients, everything) = step.run(|_| Everything::default());
    assert_eq!(gradients, step.run(|samples| recorder.watch(samples, BATCH as usize)).0, "recording changes no bit");
    let mut signals: BTreeMap<(String, &str), Vec<f32>> = BTreeMap::new();
    for (signal, elements) in everything.into_iter().flatten().flat_map(|seen| seen.0) {
        signals.entry(signal).or_default().extend(elements);
    }
    let mut checked = 0;
    for ((scope, quantity), elements) in &signals {
        let name = format!("{}__{quantity}__{}", scope.replace('.', "_"), Statistic::ALL[0].name());
        // The output layer has names of its own, and tensors that are kept as wholes.
        if let Some(first) = recorder.schema().position(&name) {
            check_signal(&row[first..first + COUNT], elements, &name);
            checked += 1;
        }
    }
    assert!(checked >= 20, "{checked} signals of {}", signals.len());
}

#[test]
fn what_is_recorded_of_every_layer_are_the_statistics_of_its_elements() {
    check("paper_cnn");
}

#[test]
fn the_same_where_no_relu_follows_a_convolution() {
    check("smooth_cnn");
}

#[test]
fn threads_change_no_bit_of_what_is_recorded() {
    let step = Step::new("paper_cnn");
    let recorder = step.recorder();
    let bits = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| step.row(&recorder)).into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(bits(1), bits(3));
}
