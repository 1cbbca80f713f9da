//! A loss against labels, mixed or not.

use candle_core::Tensor;

use crate::{
    Error, Loss, Mixed, Result, Targets, batch::Batch, cross_entropy, label_smoothing, tet, tks,
};

/// The loss of logits `[T, N, K]` against the targets.
pub(crate) fn supervised(loss: &Loss, logits: &Tensor, targets: &Targets) -> Result<Tensor> {
    loss.check()?;
    let own = Batch::new(logits, targets.labels)?;
    let Some(Mixed { labels, weights }) = targets.mixed else { return of_batch(loss, &own) };
    let other = Batch::new(logits, labels)?;
    check_weights(weights, targets.labels.elem_count())?;
    let (first, rest) = (weights[0], 1.0 - weights[0]);
    if weights.iter().all(|weight| *weight == first) {
        let (own, other) = (of_batch(loss, &own)?, of_batch(loss, &other)?);
        return Ok(((own * first)? + (other * rest)?)?);
    }
    let rest: Vec<f64> = weights.iter().map(|weight| 1.0 - weight).collect();
    let (own, other) = (own.weighted(weights)?, other.weighted(&rest)?);
    Ok((of_batch(loss, &own)? + of_batch(loss, &other)?)?)
}

fn of_batch(loss: &Loss, batch: &Batch) -> Result<Tensor> {
    match *loss {
        Loss::CrossEntropy => cross_entropy::value(batch),
        Loss::LabelSmoothing { epsilon } => label_smoothing::value(batch, epsilon),
        Loss::Tet { lambda, mean } => tet::value(batch, lambda, mean),
        Loss::Tks { alpha, temperature, .. } => tks::value(batch, alpha, temperature),
        Loss::TksPaper { alpha, temperature, .. } => tks::value_paper(batch, alpha, temperature),
    }
}

fn check_weights(weights: &[f64], n: usize) -> Result<()> {
    if weights.len() != n || n == 0 {
        let (expected, got) = (format!("[{n}], one weight per sample"), vec![weights.len()]);
        return Err(Error::Shape { what: "mixed weights", expected, got });
    }
    match weights.iter().find(|weight| !(0.0..=1.0).contains(*weight)) {
        Some(&got) => Err(Error::Config { field: "mixed weight", got, allowed: "0 to 1" }),
        None => Ok(()),
    }
}
