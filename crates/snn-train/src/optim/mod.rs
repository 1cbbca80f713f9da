//! Optimizers: their state by parameter name, and the step that takes each parameter to its rule.

mod adam;
mod config;
mod rule;
mod sgd;

use std::collections::{BTreeMap, BTreeSet};

use candle_core::Tensor;
use snn_ops::buffer;

use crate::{Error, Result};

use rule::Rule;

pub use config::{OptimizerConfig, OptimizerKind};
pub use rule::Moments;

/// An optimizer with its state.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    undecayed: BTreeSet<String>,
    steps: u64,
    moments: BTreeMap<String, Moments>,
}

impl Optimizer {
    /// An optimizer before its first step. Weight decay spares one-dimensional parameters (norms and biases) and those
    /// named in `undecayed`.
    pub fn new(config: &OptimizerConfig, undecayed: BTreeSet<String>) -> Self {
        Self { config: config.clone(), undecayed, steps: 0, moments: BTreeMap::new() }
    }

    /// This optimizer after `steps` steps that left `moments`.
    pub fn resume(self, steps: u64, moments: BTreeMap<String, Moments>) -> Self {
        Self { steps, moments, ..self }
    }

    /// Goes on with other constants. The state stays, unless it is to be forgotten or is of another kind of optimizer.
    pub fn configure(&mut self, config: &OptimizerConfig, forget: bool) {
        if forget || config.kind != self.config.kind {
            self.steps = 0;
            self.moments.clear();
        }
        self.config = config.clone();
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
        self.config.kind.has_second()
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
            let decays = param.rank() > 1 && !self.undecayed.contains(name);
            let rule = rule(&self.config, self.steps, lr, decays);
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

/// The rule of step `step`, counted from 1, for a parameter.
fn rule(config: &OptimizerConfig, step: u64, lr: f64, decays: bool) -> Box<dyn Rule> {
    let decay = if decays { config.weight_decay() } else { 0.0 };
    match config.kind {
        OptimizerKind::Adamw => Box::new(adam::Adam::new(config, step, lr, 0.0, 1.0 - lr * decay)),
        OptimizerKind::Adam => Box::new(adam::Adam::new(config, step, lr, decay, 1.0)),
        OptimizerKind::Sgd => Box::new(sgd::Sgd::new(config, lr, decay)),
    }
}

#[cfg(test)]
mod tests;
