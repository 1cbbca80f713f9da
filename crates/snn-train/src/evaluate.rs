//! A model's measures on a data set.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use snn_data::{Augment, Dataset, Loader, LoaderConfig, Order};
use snn_models::{Mode, Model};
use snn_ops::{Tape, buffer};

use snn_records::Metrics;

use crate::{Examples, Result, metrics::Meter};

/// Samples of a batch in evaluation, in runs and by default everywhere: with the same batches, the same model gives
/// the same figures to the bit.
pub const EVAL_BATCH: usize = 64;

/// Runs `model` over all of `dataset`, in order and unchanged.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) when a sample cannot be read, [`Error::Model`](crate::Error::Model) when the
/// samples do not fit the model.
///
/// # Determinism
/// A function of the model, the data, `batch` and the engine; not of the number of threads.
pub fn evaluate(model: &Model, dataset: &Arc<Dataset>, batch: usize) -> Result<Metrics> {
    whole(model, dataset, batch, Tape::off)
}

/// Runs `model` over all of `dataset` as [`Model::predict`] runs it, whose answers are the ones counted here.
///
/// # Errors
/// As [`evaluate`].
///
/// # Determinism
/// A function of the model, the data and the engine: neither the batch nor the number of threads changes an answer.
pub fn evaluate_exact(model: &Model, dataset: &Arc<Dataset>, batch: usize) -> Result<Metrics> {
    whole(model, dataset, batch, Tape::exact)
}

fn whole(
    model: &Model,
    dataset: &Arc<Dataset>,
    batch: usize,
    tape: fn() -> Tape,
) -> Result<Metrics> {
    let metrics = pass(model, dataset, (batch, 1), tape, &AtomicBool::new(false))?;
    Ok(metrics.unwrap_or_else(|| Meter::default().finish()))
}

/// [`evaluate`] that gives up, with no metrics, as soon as `stop` is set.
pub(crate) fn evaluate_until(
    model: &Model,
    dataset: &Arc<Dataset>,
    batch: usize,
    workers: usize,
    stop: &AtomicBool,
) -> Result<Option<Metrics>> {
    pass(model, dataset, (batch, workers), Tape::off, stop)
}

fn pass(
    model: &Model,
    dataset: &Arc<Dataset>,
    (batch, workers): (usize, usize),
    tape: fn() -> Tape,
    stop: &AtomicBool,
) -> Result<Option<Metrics>> {
    let config = LoaderConfig {
        batch,
        order: Order::Stored,
        drop_last: false,
        workers,
        seed: 0,
        augment: Augment::default(),
    };
    let loader = Loader::new(Arc::clone(dataset), config)?;
    let n_classes = model.config().num_classes;
    let mut meter = Meter::default();
    for batch in loader.epoch(0, 0) {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let examples = Examples::new(batch?)?;
        let output = model.forward(&mut tape(), &examples.x, Mode::Eval)?;
        let read = buffer::Read::new("logits", output.logits.tensor())?;
        if let buffer::Data::F32(logits) = read.data() {
            meter.push(logits, &examples.host_labels, n_classes)?;
        }
    }
    Ok(Some(meter.finish()))
}
