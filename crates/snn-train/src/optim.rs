//! AdamW, Adam and SGD with momentum, in one pass over each parameter, with state by name.

use std::collections::BTreeMap;

use candle_core::Tensor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use snn_ops::buffer;

use crate::{Error, Result};

/// The optimizers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay.
    #[default]
    Adamw,
    /// Adam; weight decay is added to the gradient.
    Adam,
    /// Momentum; weight decay is added to the gradient.
    Sgd,
}

impl OptimizerKind {
    /// The name that recipes and checkpoints use.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerKind::Adamw => "adamw",
            OptimizerKind::Adam => "adam",
            OptimizerKind::Sgd => "sgd",
        }
    }
}

/// `[optimizer]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Which one; default `adamw`.
    pub kind: OptimizerKind,
    /// Base learning rate, above 0, used as written; default 6.25e-4, the paper's `5e-3 * batch / 1024` at batch 128.
    pub lr: f64,
    /// Weight decay, 0 to 1; default 0.01 for `adamw` and 0 for the others. One-dimensional parameters (norms and
    /// biases) have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// `sgd`: 0 or more and below 1; default 0.9.
    pub momentum: f64,
    /// `adamw`, `adam`: decay of the two moments; default 0.9 and 0.999.
    pub betas: [f64; 2],
    /// `adamw`, `adam`: added to the denominator; default 1e-8.
    pub eps: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adamw,
            lr: 6.25e-4,
            weight_decay: None,
            momentum: 0.9,
            betas: [0.9, 0.999],
            eps: 1e-8,
        }
    }
}

impl OptimizerConfig {
    /// The weight decay in force.
    pub fn weight_decay(&self) -> f64 {
        let adamw = self.kind == OptimizerKind::Adamw;
        self.weight_decay.unwrap_or(if adamw { 0.01 } else { 0.0 })
    }
}

/// What an optimizer remembers of one parameter: the mean gradient (momentum for `sgd`) and, for the Adams, the
/// mean squared gradient (else empty).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// First moment.
    pub first: Vec<f32>,
    /// Second moment.
    pub second: Vec<f32>,
}

/// An optimizer with its state.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    steps: u64,
    moments: BTreeMap<String, Moments>,
}

/// Elements of a chunk; results do not depend on it, as no sum crosses elements.
const CHUNK: usize = 1 << 15;

impl Optimizer {
    /// An optimizer before its first step.
    pub fn new(config: &OptimizerConfig) -> Self {
        Self { config: config.clone(), steps: 0, moments: BTreeMap::new() }
    }

    /// An optimizer after `steps` steps.
    pub fn resume(
        config: &OptimizerConfig,
        steps: u64,
        moments: BTreeMap<String, Moments>,
    ) -> Self {
        Self { config: config.clone(), steps, moments }
    }

    /// Its constants.
    pub fn config(&self) -> &OptimizerConfig {
        &self.config
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state by parameter name.
    pub fn moments(&self) -> &BTreeMap<String, Moments> {
        &self.moments
    }

    /// Whether the state holds a second moment.
    pub fn has_second(&self) -> bool {
        self.config.kind != OptimizerKind::Sgd
    }

    /// One step of every parameter that has a gradient.
    ///
    /// # Equation
    /// With gradient g, parameter p, step k counted from 1, and b1, b2 = betas:
    /// ```text
    /// adam:   g += weight_decay p
    /// adamw:  p *= 1 - lr weight_decay
    /// both:   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
    ///         p -= lr / (1 - b1^k) m / (sqrt(v) / sqrt(1 - b2^k) + eps)
    /// sgd:    g += weight_decay p;  m = momentum m + g;  p -= lr m
    /// ```
    ///
    /// # Source
    /// PyTorch's `AdamW`, `Adam` and `SGD`, in their order of operations. As in the authors' trainer, weight decay
    /// spares one-dimensional parameters; there that is a filter outside the optimizer.
    ///
    /// A new tensor replaces each parameter, so that a copy of the model taken before the step keeps its weights.
    ///
    /// # Errors
    /// [`Error::Ops`] when a gradient does not have its parameter's shape or a tensor is not f32 on the CPU.
    pub fn step(
        &mut self,
        params: &mut BTreeMap<String, Tensor>,
        gradients: &BTreeMap<String, Tensor>,
        lr: f64,
    ) -> Result<()> {
        let _span = tracing::trace_span!("optimizer").entered();
        self.steps += 1;
        let second = self.has_second();
        for (name, gradient) in gradients {
            let Some(param) = params.get_mut(name) else { continue };
            if param.dims() != gradient.dims() {
                return Err(Error::Ops(snn_ops::Error::Shape {
                    what: "gradient of a parameter",
                    expected: format!("{:?} of {name}", param.dims()),
                    got: gradient.dims().to_vec(),
                }));
            }
            let moments = self.moments.entry(name.clone()).or_insert_with(|| {
                let n = param.elem_count();
                Moments { first: vec![0.0; n], second: vec![0.0; if second { n } else { 0 }] }
            });
            let decays = param.rank() > 1;
            let rule = Rule::new(&self.config, self.steps, lr, decays);
            let mut values = buffer::with_f32("parameter", param, |p| Ok(p.to_vec()))?;
            buffer::with_f32("gradient", gradient, |g| {
                rule.apply(&mut values, g, moments);
                Ok(())
            })?;
            *param = buffer::tensor(values, param.shape().clone())?;
        }
        Ok(())
    }
}

/// The constants of one step, rounded to f32 once.
enum Rule {
    Adam { l2: f32, keep: f32, b1: [f32; 2], b2: [f32; 2], rate: f32, root: f32, eps: f32 },
    Sgd { l2: f32, momentum: f32, rate: f32 },
}

impl Rule {
    fn new(config: &OptimizerConfig, step: u64, lr: f64, decays: bool) -> Self {
        let decay = if decays { config.weight_decay() } else { 0.0 };
        let [b1, b2] = config.betas;
        let power = step.min(i32::MAX as u64) as i32;
        let adam = |l2: f64, keep: f64| Rule::Adam {
            l2: l2 as f32,
            keep: keep as f32,
            // The complement in f64: in f32, 1 - 0.999 is wrong in the fifth digit.
            b1: [b1 as f32, (1.0 - b1) as f32],
            b2: [b2 as f32, (1.0 - b2) as f32],
            rate: (lr / (1.0 - b1.powi(power))) as f32,
            root: (1.0 - b2.powi(power)).sqrt() as f32,
            eps: config.eps as f32,
        };
        match config.kind {
            OptimizerKind::Adamw => adam(0.0, 1.0 - lr * decay),
            OptimizerKind::Adam => adam(decay, 1.0),
            OptimizerKind::Sgd => {
                Rule::Sgd { l2: decay as f32, momentum: config.momentum as f32, rate: lr as f32 }
            }
        }
    }

    fn apply(&self, p: &mut [f32], g: &[f32], moments: &mut Moments) {
        let Moments { first, second } = moments;
        let chunks = p.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK));
        let chunks = chunks.zip(first.par_chunks_mut(CHUNK));
        match *self {
            Rule::Sgd { l2, momentum, rate } => chunks.for_each(|((p, g), m)| {
                for ((p, &g), m) in p.iter_mut().zip(g).zip(m) {
                    *m = momentum * *m + (g + l2 * *p);
                    *p -= rate * *m;
                }
            }),
            Rule::Adam { l2, keep, b1, b2, rate, root, eps } => {
                chunks.zip(second.par_chunks_mut(CHUNK)).for_each(|(((p, g), m), v)| {
                    for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                        let g = g + l2 * *p;
                        *m = b1[0] * *m + b1[1] * g;
                        *v = b2[0] * *v + b2[1] * g * g;
                        *p = *p * keep - rate * *m / (v.sqrt() / root + eps);
                    }
                });
            }
        }
    }
}

#[cfg(test)]
#[path = "optim_tests.rs"]
mod tests;
