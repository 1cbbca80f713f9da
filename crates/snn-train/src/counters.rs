//! Where a run stands: the part of its state that is not tensors.

use serde::{Deserialize, Serialize};
use snn_records::Metrics;

/// A function of the number of steps taken, so that an interrupted and an uninterrupted run agree on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counters {
    /// Optimizer steps taken in all.
    pub(crate) step: u64,
    /// The phase in progress, counted from 0; a checkpoint of format 1 knows none.
    #[serde(default)]
    pub(crate) phase: usize,
    /// The epoch in progress, counted from 0 over the whole run: as many epochs are evaluated and logged.
    pub(crate) epoch: usize,
    /// Steps taken in this epoch.
    pub(crate) step_in_epoch: usize,
    /// Sum of the losses of this epoch's samples.
    pub(crate) loss_sum: f64,
    /// This epoch's samples that were answered rightly.
    pub(crate) correct: usize,
    /// This epoch's samples.
    pub(crate) seen: usize,
    /// The best test accuracy of this phase's epochs before, and its epoch.
    pub(crate) best: Option<(f64, usize)>,
}

impl Counters {
    pub(crate) fn add_step(&mut self, loss: f64, correct: usize, n: usize) {
        self.step += 1;
        self.step_in_epoch += 1;
        self.loss_sum += loss * n as f64;
        self.correct += correct;
        self.seen += n;
    }

    /// Mean loss and accuracy in percent of this epoch.
    pub(crate) fn means(&self) -> (f64, f64) {
        let n = self.seen.max(1) as f64;
        (self.loss_sum / n, 100.0 * self.correct as f64 / n)
    }

    /// The next epoch. The first of equal accuracies stays the best.
    pub(crate) fn end_epoch(&mut self, test: Option<&Metrics>) {
        let best = match (self.best, test) {
            (Some(best), Some(test)) if test.top1 > best.0 => Some((test.top1, self.epoch)),
            (None, Some(test)) => Some((test.top1, self.epoch)),
            (best, _) => best,
        };
        let Self { step, phase, epoch, .. } = *self;
        *self = Self { step, phase, epoch: epoch + 1, best, ..Self::default() };
    }

    /// The next phase, whose answers are to other samples: no epoch of it is the best yet.
    pub(crate) fn end_phase(&mut self) {
        self.phase += 1;
        self.best = None;
    }
}
