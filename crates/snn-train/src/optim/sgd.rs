//! SGD with momentum, in one pass over a parameter.

use rayon::prelude::*;

use super::config::OptimizerConfig;
use super::rule::{CHUNK, Moments, Rule};

/// The constants of one step, rounded to f32 once.
pub(super) struct Sgd {
    l2: f32,
    momentum: f32,
    rate: f32,
}

impl Sgd {
    /// `l2` is the share of the parameter that is added to its gradient.
    pub(super) fn new(config: &OptimizerConfig, lr: f64, l2: f64) -> Self {
        Self { l2: l2 as f32, momentum: config.momentum as f32, rate: lr as f32 }
    }
}

impl Rule for Sgd {
    fn apply(&self, values: &mut [f32], gradient: &[f32], moments: &mut Moments) {
        let Self { l2, momentum, rate } = *self;
        let chunks = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
        chunks.zip(moments.first.par_chunks_mut(CHUNK)).for_each(|((p, g), m)| {
            for ((p, &g), m) in p.iter_mut().zip(g).zip(m) {
                *m = momentum * *m + (g + l2 * *p);
                *p -= rate * *m;
            }
        });
    }
}
