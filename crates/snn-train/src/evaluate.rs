//! A model's measures on a data set.

use std::collections::BTreeMap;
use std::sync::Arc;

use snn_data::{Augment, Dataset, Loader, LoaderConfig, Order};
use snn_models::{Input, InputConfig, Mode, Model, Request, WeightLayer};
use snn_ops::{Tape, buffer};
use snn_records::{Metrics, Work};

use crate::activity::Activity;
use crate::early_exit::Margins;
use crate::features::Features;
use crate::metrics::{Answer, Meter};
use crate::{Error, Examples, Result};

/// Samples of a batch in evaluation, in runs and by default everywhere: with the same batches, the same model gives
/// the same figures to the bit.
pub const EVAL_BATCH: usize = 64;

/// How a model is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvalOptions {
    /// Samples of a batch.
    pub batch: usize,
    /// As [`Model::predict`](snn_models::Model::predict) runs it, whose answers are the ones counted then: a sample's
    /// answer does not depend on the batch that it is in.
    pub exact: bool,
    /// Norms use each batch's statistics rather than the running ones. Samples are then taken in one shuffled order, the
    /// same for every model, as those of a class often lie together; figures depend on the batch.
    pub batch_statistics: bool,
    /// Of the frames of a recording the network runs this many, the first ones.
    pub first_steps: Option<usize>,
    /// Whether the spikes of the last layer of neurons come back.
    pub features: bool,
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self {
            batch: EVAL_BATCH,
            exact: false,
            batch_statistics: false,
            first_steps: None,
            features: false,
        }
    }
}

/// What an evaluation found.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The measures.
    pub metrics: Metrics,
    /// The answers, one for each sample, in the data set's order.
    pub answers: Vec<Answer>,
    /// What the layers had to compute for a sample.
    pub work: Work,
    /// Where they were asked for: the spikes of the last layer of neurons averaged over the steps (of several levels, which
    /// one), `[N, F]` in the data set's order, F being channels, rows and columns.
    pub features: Option<Vec<f32>>,
    /// How sure the answers were at each step, in the order of the pass: the data set's, but by batch statistics.
    pub margins: Margins,
}

/// Runs `model` over all of `dataset`, in order and unchanged.
///
/// # Errors
/// [`Error::Data`] when a sample cannot be read, [`Error::Model`] when the
/// samples do not fit the model.
///
/// # Determinism
/// A function of the model, the data, `batch` and the engine; not of the number of threads.
pub fn evaluate(model: &Model, dataset: &Arc<Dataset>, batch: usize) -> Result<Metrics> {
    let options = EvalOptions { batch, ..EvalOptions::default() };
    Ok(evaluate_with(model, dataset, &options)?.metrics)
}

/// Runs `model` over all of `dataset`, unchanged, as `options` say.
///
/// # Errors
/// As [`evaluate`]; [`Error::Setting`] when there are fewer frames than
/// [`EvalOptions::first_steps`].
///
/// # Determinism
/// As [`evaluate`]; with [`EvalOptions::exact`] not of the batch either.
pub fn evaluate_with(
    model: &Model,
    dataset: &Arc<Dataset>,
    options: &EvalOptions,
) -> Result<Evaluation> {
    let ended = pass(model, dataset, options, (1, true), &mut |_| true)?.unwrap_or_default();
    let Passed { meter, activity, order, features } = ended;
    let mut answers: Vec<_> = order.iter().zip(meter.answers().iter().copied()).collect();
    answers.sort_by_key(|(at, _)| *at);
    Ok(Evaluation {
        metrics: measures(&meter, &activity),
        answers: answers.into_iter().map(|(_, answer)| answer).collect(),
        work: activity.work(&weight_layers(model, dataset, options)?),
        features: features.map(|features| features.in_order(&order)),
        margins: meter.margins().clone(),
    })
}

/// [`evaluate`] that tells `watch` how many samples are measured, and gives up, with no metrics, when it answers `false`.
pub(crate) fn evaluate_watched(
    model: &Model,
    dataset: &Arc<Dataset>,
    batch: usize,
    workers: usize,
    watch: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Metrics>> {
    let options = EvalOptions { batch, ..EvalOptions::default() };
    let ended = pass(model, dataset, &options, (workers, false), watch)?;
    Ok(ended.map(|ended| measures(&ended.meter, &ended.activity)))
}

/// Spikes per neuron and step in batch 0 of an epoch of training, by the batch's statistics.
pub(crate) fn training_rates(
    model: &Model,
    loader: &Loader,
    epoch: usize,
) -> Result<BTreeMap<String, f64>> {
    let examples = Examples::new(loader.batch(epoch as u64, 0)?)?;
    let request = Request { counts: true, ..Request::new(Mode::Train) };
    let mut activity = Activity::default();
    activity.add(&model.pass(&mut Tape::off(), &examples.x, &request)?);
    Ok(activity.rates())
}

/// The first sample as a batch of one, unchanged, as an evaluation shows it to the network.
///
/// # Errors
/// [`Error::Data`] when it cannot be read.
pub fn first_sample(dataset: &Arc<Dataset>) -> Result<Input> {
    let config = LoaderConfig {
        batch: 1,
        order: Order::Stored,
        drop_last: false,
        workers: 1,
        seed: 0,
        augment: Augment::default(),
    };
    Ok(Examples::new(Loader::new(Arc::clone(dataset), config)?.batch(0, 0)?)?.x)
}

fn measures(meter: &Meter, activity: &Activity) -> Metrics {
    Metrics { firing_rates: activity.rates(), ..meter.finish() }
}

/// The layers at the size and the steps of these samples.
fn weight_layers(
    model: &Model,
    dataset: &Dataset,
    options: &EvalOptions,
) -> Result<Vec<WeightLayer>> {
    let mut config = model.config().clone();
    let shape = dataset.sample_shape();
    if let [lead @ .., _, height, width] = shape.as_slice() {
        config.input = InputConfig { height: *height, width: *width };
        config.t_steps = match lead {
            [t_steps, ..] => options.first_steps.unwrap_or(*t_steps),
            [] => config.t_steps,
        };
    }
    Ok(Model::weight_layers(&config)?)
}

/// What a pass over a data set found.
#[derive(Default)]
struct Passed {
    meter: Meter,
    activity: Activity,
    /// The samples' places in the data set, in the order of the pass.
    order: Vec<u32>,
    features: Option<Features>,
}

/// What a pass found, with `inputs` also what entered the layers; none when stopped.
fn pass(
    model: &Model,
    dataset: &Arc<Dataset>,
    options: &EvalOptions,
    (workers, inputs): (usize, bool),
    watch: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Passed>> {
    let config = LoaderConfig {
        batch: options.batch,
        order: if options.batch_statistics { Order::Shuffled } else { Order::Stored },
        drop_last: false,
        workers,
        seed: 0,
        augment: Augment::default(),
    };
    let mode = if options.batch_statistics { Mode::Train } else { Mode::Eval };
    let mut found = Passed::default();
    let mut request = Request { counts: true, inputs, ..Request::new(mode) };
    if options.features {
        let features = Features::of(model, dataset.len());
        request.taps = vec![features.layer.clone()];
        found.features = Some(features);
    }
    let loader = Loader::new(Arc::clone(dataset), config)?;
    let n_classes = model.config().num_classes;
    let mut done = 0;
    for batch in loader.epoch(0, 0) {
        if !watch(done) {
            return Ok(None);
        }
        let batch = batch?;
        found.order.extend(&batch.indices);
        let examples = Examples::new(batch)?;
        let x = truncated(examples.x, options.first_steps)?;
        let mut tape = if options.exact { Tape::exact() } else { Tape::off() };
        let output = model.pass(&mut tape, &x, &request)?;
        found.activity.add(&output);
        if let Some(features) = &mut found.features {
            features.add(&output)?;
        }
        let read = buffer::Read::new("logits", output.logits.tensor())?;
        if let buffer::Data::F32(logits) = read.data() {
            found.meter.push(logits, &examples.host_labels, n_classes)?;
        }
        done += examples.host_labels.len();
    }
    Ok(Some(found))
}

/// The first frames alone; a still sample has no others.
fn truncated(x: Input, first_steps: Option<usize>) -> Result<Input> {
    let (Input::Frames(frames), Some(steps)) = (&x, first_steps) else { return Ok(x) };
    let all = frames.dims().first().copied().unwrap_or(0);
    if steps == 0 || steps > all {
        return Err(Error::Setting {
            field: "first steps".into(),
            got: steps.to_string(),
            allowed: format!("1 to {all}, the frames that there are"),
        });
    }
    Ok(Input::Frames(frames.narrow(0, 0, steps)?.contiguous()?))
}
