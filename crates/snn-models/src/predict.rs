//! Answers for people: classes and probabilities.

use candle_core::{DType, Tensor};
use snn_ops::{Tape, buffer};

use crate::forward::Input;
use crate::request::Mode;
use crate::{Error, Model, Result};

/// A network's answer to one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class with the largest mean score; the first of equals.
    pub class: usize,
    /// The class of each step alone.
    pub per_step: Vec<usize>,
    /// Softmax of the mean scores: a probability for each class.
    pub probabilities: Vec<f64>,
}

impl Prediction {
    /// The probability of its class.
    pub fn probability(&self) -> f64 {
        self.probabilities.get(self.class).copied().unwrap_or(0.0)
    }

    /// The `k` most probable classes with their probabilities, the most probable first.
    pub fn top(&self, k: usize) -> Vec<(usize, f64)> {
        let mut order: Vec<_> = self.probabilities.iter().copied().enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        order.truncate(k);
        order
    }

    /// `steps` are the scores of each step.
    fn new<'a>(mut steps: impl Iterator<Item = &'a [f32]>) -> Option<Self> {
        let mut seen = Seen::default();
        steps.try_for_each(|step| seen.push(step))?;
        seen.answer()
    }
}

/// The steps of a sample so far.
#[derive(Default)]
pub(crate) struct Seen {
    sum: Vec<f64>,
    per_step: Vec<usize>,
}

impl Seen {
    /// Adds the scores of a step; none where one is not finite.
    pub(crate) fn push(&mut self, step: &[f32]) -> Option<()> {
        let step: Vec<f64> = step.iter().map(|&v| f64::from(v)).collect();
        self.per_step.push(largest(&step)?);
        self.sum.resize(step.len(), 0.0);
        self.sum.iter_mut().zip(&step).for_each(|(sum, v)| *sum += v);
        Some(())
    }

    /// The mean scores.
    pub(crate) fn mean(&self) -> Vec<f64> {
        self.sum.iter().map(|v| v / self.per_step.len() as f64).collect()
    }

    /// What these steps say.
    pub(crate) fn answer(self) -> Option<Prediction> {
        let mean = self.mean();
        let Self { per_step, .. } = self;
        let class = largest(&mean)?;
        let powers: Vec<f64> = mean.iter().map(|v| (v - mean[class]).exp()).collect();
        let total: f64 = powers.iter().sum();
        let probabilities = powers.iter().map(|p| p / total).collect();
        Some(Prediction { class, per_step, probabilities })
    }
}

/// The first of the largest entries; none where one is not finite.
fn largest(scores: &[f64]) -> Option<usize> {
    let mut best = None;
    for (i, &score) in scores.iter().enumerate() {
        if !score.is_finite() {
            return None;
        }
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((i, score));
        }
    }
    best.map(|(i, _)| i)
}

/// Refuses an input or scores, saying why.
pub(crate) fn refuse(why: &str) -> Error {
    Error::Config { field: "input".into(), why: why.into() }
}

/// Why scores cannot be read.
pub(crate) const NOT_FINITE: &str = "gives scores that are not finite; look for such weights";

/// The elements of an input as f32. Neurons would take a NaN for a current that does not reach their threshold.
pub(crate) fn finite(input: &Input) -> Result<Tensor> {
    let x = input.tensor().to_dtype(DType::F32)?.contiguous()?;
    match buffer::with_f32("input", &x, |x| Ok(x.iter().all(|v| v.is_finite())))? {
        true => Ok(x),
        false => Err(refuse("holds a number that is not finite; look for NaN or infinity in it")),
    }
}

impl Model {
    /// The answers to a batch, each the same to the bit as alone.
    ///
    /// # Errors
    /// As [`Model::forward`]; [`Error::Config`] when the input or the scores are not finite.
    pub fn predict(&self, input: &Input) -> Result<Vec<Prediction>> {
        finite(input)?;
        let output = self.forward(&mut Tape::exact(), input, Mode::Eval)?;
        let logits = output.logits.tensor();
        let &[_, n, classes] = logits.dims() else { return Ok(Vec::new()) };
        let answers = buffer::with_f32("logits", logits, |logits| {
            let sample = |i: usize| {
                logits.chunks_exact(n * classes).map(move |step| &step[i * classes..][..classes])
            };
            Ok((0..n).map(|i| Prediction::new(sample(i))).collect::<Option<Vec<_>>>())
        })?;
        answers.ok_or_else(|| refuse(NOT_FINITE))
    }
}
