//! What a method's step is taken with, and what comes of it.

use std::collections::BTreeMap;

use snn_models::{Fork, Mode, Model, Output, Request, Statistics};
use snn_ops::{Tape, Value, random};

use crate::{Examples, Result};

/// A batch, and what it is shown to.
pub(crate) struct Taken<'a> {
    pub(crate) model: &'a Model,
    pub(crate) tape: &'a mut Tape,
    pub(crate) examples: &'a Examples,
    /// Where the views' random numbers come from, with `step`.
    pub(crate) seed: u64,
    /// Steps taken before this one.
    pub(crate) step: u64,
}

/// A network's answers to a batch in all views, on the tape where a gradient goes.
pub(crate) struct Answered {
    /// Those that count as its answers.
    pub(crate) logits: Value,
    pub(crate) heads: BTreeMap<String, Value>,
    pub(crate) views: BTreeMap<String, Value>,
    /// Numbers that the network itself adds to the loss, `[1]` each.
    pub(crate) penalties: BTreeMap<String, Value>,
    /// Of the passes that count for the running ones, in their order.
    pub(crate) statistics: Vec<Statistics>,
}

impl From<Output> for Answered {
    fn from(output: Output) -> Self {
        let Output { logits, heads, penalties, statistics, .. } = output;
        let views = BTreeMap::new();
        Self { logits, heads, views, penalties, statistics: vec![statistics] }
    }
}

impl Taken<'_> {
    /// One pass over the samples as they are.
    pub(crate) fn plain(&mut self) -> Result<Answered> {
        Ok(self.pass(&Request::new(Mode::Train))?.into())
    }

    /// A random order of the time steps, that of this training step.
    pub(crate) fn any_order(&self, t_steps: usize) -> Vec<usize> {
        random::permutation(&mut random::stream(self.seed, "views", 0, self.step), t_steps)
    }

    /// The network's tail again, on the spikes of its stem in another order of time.
    pub(crate) fn fork(&self, order: Vec<usize>, joined: bool) -> Fork {
        Fork { after: self.model.stem().into(), order, joined }
    }

    /// One pass over the samples.
    pub(crate) fn pass(&mut self, request: &Request) -> Result<Output> {
        Ok(self.model.pass(self.tape, &self.examples.x, request)?)
    }
}
