//! One training step: forward, loss, backward, the check that everything is finite, update.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use rayon::prelude::*;
use snn_losses::{Mixed, Objective, Targets};
use snn_models::{Mode, Model};
use snn_ops::buffer;

use crate::{
    Error, Examples, Recompute, Result,
    error::{INPUT, LOSS},
    metrics,
    optim::Optimizer,
};

/// What a step is taken with, besides the batch.
#[derive(Clone, Copy, Debug)]
pub struct StepConfig<'a> {
    /// What is minimized: the loss with its constants of this epoch.
    pub objective: &'a Objective,
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
    let StepConfig { objective, lr, step, recompute } = config;
    let diverged = |what: String| Error::Diverged { step, what };
    if !lr.is_finite() {
        return Err(diverged(format!("the learning rate is {lr}")));
    }
    let mut tape = recompute.tape();
    let output = model.forward(&mut tape, &examples.x, Mode::Train)?;
    let logits = Var::from_tensor(output.logits.tensor())?;
    let mixed = examples.mixed.as_ref();
    let mixed = mixed.map(|(labels, weights)| Mixed { labels, weights });
    let targets = Targets { labels: &examples.labels, mixed };
    let value = objective.value(&logits.as_tensor().into(), &targets)?;
    let loss = f64::from(value.to_scalar::<f32>()?);
    if !loss.is_finite() {
        return Err(diverged(blame(examples, output.logits.tensor(), loss)?));
    }
    let seed = match value.backward()?.remove(&logits) {
        Some(seed) => seed.contiguous()?,
        None => logits.zeros_like()?,
    };
    let mut gradients = BTreeMap::new();
    tape.backward([(&output.logits, seed)], &mut |name, gradient| {
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
    let running = model.folded(&[&output.statistics])?;
    for (name, tensor) in &running {
        if !sum_of_squares(tensor)?.is_finite() {
            let what = format!("{name} is not finite");
            return Err(diverged(blamed_input(examples)?.unwrap_or(what)));
        }
    }
    optimizer.step(model.params_mut(), &gradients, lr)?;
    model.set_buffers(running);
    let (labels, n_classes) = (&examples.host_labels, model.config().num_classes);
    let correct = buffer::with_f32("logits", logits.as_tensor(), |logits| {
        Ok(metrics::count_correct(logits, labels, n_classes))
    })?;
    Ok(StepOutput { loss, correct, grad_norm: squares.sqrt() })
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
