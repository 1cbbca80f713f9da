//! Lines of metrics.jsonl and steps.jsonl.

use serde::{Deserialize, Serialize};

use crate::Metrics;

/// A line of metrics.jsonl. Everything that a clock or the machine decides stands in `clock`; all else is equal for
/// equal runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// The epoch, counted from 0 over the whole run.
    pub epoch: usize,
    /// Epochs of the run.
    pub epochs: usize,
    /// The phase, counted from 0, in a run that has phases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<usize>,
    /// Optimizer steps taken in all.
    pub step: u64,
    /// The learning rate at the epoch's first step.
    pub lr: f64,
    /// The weight of shared knowledge; 0 for losses that share none.
    pub alpha: f64,
    /// Mean loss over the training samples, each measured before the step it was part of.
    pub train_loss: f64,
    /// Accuracy over them in percent.
    pub train_top1: f64,
    /// The test side, in epochs with an evaluation, prepared as the epoch's phase says.
    pub test: Option<Metrics>,
    /// What a clock or the machine decides.
    pub clock: Clock,
}

/// The part of a line that differs between equal runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Wall-clock seconds of the epoch with its evaluation; of its last part where the run was interrupted.
    pub seconds: f64,
    /// Of those, the seconds in which a training step waited for its batch.
    #[serde(default)]
    pub waited: f64,
    /// The largest resident memory so far in MiB; 0 where the operating system does not say.
    pub peak_rss_mb: f64,
}

/// A line of steps.jsonl, which a recipe asks for with `train.log_steps`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepLine {
    /// The optimizer step, counted from 0.
    pub step: u64,
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// The learning rate.
    pub lr: f64,
    /// The batch's loss, before the step.
    pub loss: f64,
    /// Euclidean norm of all gradients together.
    pub grad_norm: f64,
}
