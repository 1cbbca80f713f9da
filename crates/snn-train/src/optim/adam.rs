//! Adam and AdamW, in one pass over a parameter.

use rayon::prelude::*;

use super::config::OptimizerConfig;
use super::rule::{CHUNK, Moments, Rule};

/// The constants of one step, rounded to f32 once.
pub(super) struct Adam {
    l2: f32,
    keep: f32,
    b1: [f32; 2],
    b2: [f32; 2],
    rate: f32,
    root: f32,
    eps: f32,
}

impl Adam {
    /// `l2` is the share of the parameter that is added to its gradient, `keep` the share of it that stays.
    pub(super) fn new(config: &OptimizerConfig, step: u64, lr: f64, l2: f64, keep: f64) -> Self {
        let [b1, b2] = config.betas;
        let power = step.min(i32::MAX as u64) as i32;
        Self {
            l2: l2 as f32,
            keep: keep as f32,
            // The complement in f64: in f32, 1 - 0.999 is wrong in the fifth digit.
            b1: [b1 as f32, (1.0 - b1) as f32],
            b2: [b2 as f32, (1.0 - b2) as f32],
            rate: (lr / (1.0 - b1.powi(power))) as f32,
            root: (1.0 - b2.powi(power)).sqrt() as f32,
            eps: config.eps as f32,
        }
    }
}

impl Rule for Adam {
    fn apply(&self, values: &mut [f32], gradient: &[f32], moments: &mut Moments) {
        let Self { l2, keep, b1, b2, rate, root, eps } = *self;
        let Moments { first, second } = moments;
        let chunks = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
        let state = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
        chunks.zip(state).for_each(|((p, g), (m, v))| {
            for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                let g = g + l2 * *p;
                *m = b1[0] * *m + b1[1] * g;
                *v = b2[0] * *v + b2[1] * g * g;
                *p = *p * keep - rate * *m / (v.sqrt() / root + eps);
            }
        });
    }
}
