//! One training step: forward, loss, backward, the check that everything is finite, update.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use rayon::prelude::*;
use snn_losses::{Answers, Mixed, Objective, Targets};
use snn_models::Model;
use snn_ops::{Value, buffer};

use crate::method::Taken;
use crate::{
    Error, Examples, Method, Recompute, Result,
    error::{INPUT, LOSS},
    metrics,
    optim::Optimizer,
};

/// What a step is taken with, besides the batch.
#[derive(Clone, Copy, Debug)]
pub struct StepConfig<'a> {
    /// What is minimized: the loss with its constants of this epoch, and the method's terms.
    pub objective: &'a Objective,
    /// Which views of the batch are taken; one pass over it as it is when absent.
    pub method: Option<&'a Method>,
    /// Where the views' random numbers come from, with `step`.
    pub seed: u64,
    /// The learning rate.
    pub lr: f64,
    /// Steps taken before this one; errors name it.
    pub step: u64,
    /// What the backward pass computes again.
    pub recompute: Recompute,
}

/// What a step says about its batch, measured before the update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOutput {
    /// The loss.
    pub loss: f64,
    /// Samples that were answered rightly.
    pub correct: usize,
    /// Euclidean norm of all gradients together.
    pub grad_norm: f64,
}

/// Trains on one batch.
///
/// Weights, running statistics and the optimizer change together, and only when the loss, every gradient and every
/// new statistic is finite.
///
/// # Errors
/// [`Error::Diverged`] naming the first tensor that is not finite; [`Error::Model`] and [`Error::Loss`] when the batch
/// does not fit the model.
///
/// # Determinism
/// The gradients' norm is summed in name order over pieces that do not depend on the number of threads.
pub fn train_step(
    model: &mut Model,
    optimizer: &mut Optimizer,
    examples: &Examples,
    config: StepConfig,
) -> Result<StepOutput> {
    let StepConfig { objective, method, seed, lr, step, recompute } = config;
    let diverged = |what: String| Error::Diverged { step, what };
    if !lr.is_finite() {
        return Err(diverged(format!("the learning rate is {lr}")));
    }
    let mut tape = recompute.tape();
    let mut taken = Taken { model, tape: &mut tape, examples, seed, step };
    let answered = match method {
        Some(method) => method.answers(&mut taken)?,
        None => taken.plain()?,
    };
    let mut leaves = Leaves::default();
    let logits = leaves.take(&answered.logits)?;
    let (heads, views) = (leaves.all(&answered.heads)?, leaves.all(&answered.views)?);
    let mixed = examples.mixed.as_ref();
    let mixed = mixed.map(|(labels, weights)| Mixed { labels, weights });
    let targets = Targets { labels: &examples.labels, mixed };
    let answers = Answers { logits: &logits, heads: &heads, views: &views };
    let value = objective.value(&answers, &targets)?;
    let mut loss = f64::from(value.to_scalar::<f32>()?);
    let mut seeds = leaves.seeds(&value)?;
    for penalty in answered.penalties.values() {
        loss += f64::from(penalty.tensor().sum_all()?.to_scalar::<f32>()?);
        seeds.push((penalty, penalty.tensor().ones_like()?));
    }
    if !loss.is_finite() {
        return Err(diverged(blame(examples, &logits, loss)?));
    }
    let mut gradients = BTreeMap::new();
    tape.backward(seeds, &mut |name, gradient| {
        gradients.insert(name.to_string(), gradient);
        Ok(())
    })?;
    // A parameter that no gradient reached still decays, as it would in a run where one did.
    for (name, param) in model.params() {
        if !gradients.contains_key(name) {
            gradients.insert(name.clone(), param.zeros_like()?);
        }
    }
    let mut squares = 0.0;
    for (name, gradient) in &gradients {
        let square = sum_of_squares(gradient)?;
        if !square.is_finite() {
            // What is not finite in the input vanishes in the spikes, and comes back in the gradients.
            let what = format!("the gradient of {name} is not finite");
            return Err(diverged(blamed_input(examples)?.unwrap_or(what)));
        }
        squares += square;
    }
    let statistics: Vec<_> = answered.statistics.iter().collect();
    let running = model.folded(&statistics)?;
    for (name, tensor) in &running {
        if !sum_of_squares(tensor)?.is_finite() {
            let what = format!("{name} is not finite");
            return Err(diverged(blamed_input(examples)?.unwrap_or(what)));
        }
    }
    optimizer.step(model.params_mut(), &gradients, lr)?;
    model.set_buffers(running);
    let (labels, n_classes) = (&examples.host_labels, model.config().num_classes);
    let correct = buffer::with_f32("logits", &logits, |logits| {
        Ok(metrics::count_correct(logits, labels, n_classes))
    })?;
    Ok(StepOutput { loss, correct, grad_norm: squares.sqrt() })
}

/// The answers as candle's variables, whose gradients seed the tape.
#[derive(Default)]
struct Leaves<'a>(Vec<(&'a Value, Var)>);

impl<'a> Leaves<'a> {
    /// The scores, to be differentiated where the tape wants their gradient.
    fn take(&mut self, value: &'a Value) -> Result<Tensor> {
        if !value.wants_gradient() {
            return Ok(value.tensor().clone());
        }
        let var = Var::from_tensor(value.tensor())?;
        let scores = var.as_tensor().clone();
        self.0.push((value, var));
        Ok(scores)
    }

    fn all(&mut self, values: &'a BTreeMap<String, Value>) -> Result<BTreeMap<String, Tensor>> {
        values.iter().map(|(name, value)| Ok((name.clone(), self.take(value)?))).collect()
    }

    /// The gradients of `loss` that reach one of them.
    fn seeds(self, loss: &Tensor) -> Result<Vec<(&'a Value, Tensor)>> {
        let mut gradients = loss.backward()?;
        let seeds = self.0.into_iter();
        let seeds = seeds.filter_map(|(value, var)| Some((value, gradients.remove(&var)?)));
        seeds.map(|(value, seed)| Ok((value, seed.contiguous()?))).collect()
    }
}

/// Which tensor made the loss what it is.
fn blame(examples: &Examples, logits: &Tensor, loss: f64) -> Result<String> {
    if let Some(what) = blamed_input(examples)? {
        return Ok(what);
    }
    match sum_of_squares(logits)?.is_finite() {
        true => Ok(format!("{LOSS} is {loss}")),
        false => Ok("the logits hold a number that is not finite".into()),
    }
}

/// The input, where it holds a number that is not finite.
fn blamed_input(examples: &Examples) -> Result<Option<String>> {
    let is_finite = sum_of_squares(examples.x.tensor())?.is_finite();
    Ok((!is_finite).then(|| format!("{INPUT} holds a number that is not finite")))
}

fn sum_of_squares(tensor: &Tensor) -> Result<f64> {
    // DETERMINISM: fixed pieces, added in their order.
    const PIECE: usize = 1 << 14;
    Ok(buffer::with_f32("finite check", tensor, |values| {
        let pieces: Vec<f64> = values
            .par_chunks(PIECE)
            .map(|piece| piece.iter().map(|&v| f64::from(v) * f64::from(v)).sum())
            .collect();
        Ok(pieces.iter().sum())
    })?)
}
