//! What a training step minimizes: a loss with the constants of its epoch, of a network's answers and a batch's targets.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::{Error, Loss, Ramp, Result, batch::Batch, cross_entropy, label_smoothing, tet, tks};

/// Where a training stands, for constants that change with the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The epoch, counted from 0 within the part of the training that has this loss.
    pub epoch: usize,
    /// Epochs of that part.
    pub epochs: usize,
}

/// What a network answered to a batch of N samples.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// The scores of every step, `[T, N, K]` f32 or f64, differentiable.
    pub logits: &'a Tensor,
    /// Scores of auxiliary heads by name, `[T, N, K]` each; none of today's losses reads them.
    pub heads: &'a BTreeMap<String, Tensor>,
    /// Scores of further views of the samples by name, `[T, N, K]` each; none of today's losses reads them.
    pub views: &'a BTreeMap<String, Tensor>,
}

static NOTHING: BTreeMap<String, Tensor> = BTreeMap::new();

impl<'a> From<&'a Tensor> for Answers<'a> {
    /// The answers of a network that gives logits alone.
    fn from(logits: &'a Tensor) -> Self {
        Self { logits, heads: &NOTHING, views: &NOTHING }
    }
}

/// What the answers to N samples should have been.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The classes, `[N]` u32.
    pub labels: &'a Tensor,
    /// The other half of mixed samples (mixup, CutMix).
    pub mixed: Option<Mixed<'a>>,
}

/// The other half of mixed samples.
#[derive(Clone, Copy, Debug)]
pub struct Mixed<'a> {
    /// The classes of what was mixed into the samples, `[N]` u32.
    pub labels: &'a Tensor,
    /// The weight of each sample's own label, N numbers of 0 to 1; the other label has the rest.
    pub weights: &'a [f64],
}

impl<'a> From<&'a Tensor> for Targets<'a> {
    /// Labels of samples that are not mixed.
    fn from(labels: &'a Tensor) -> Self {
        Self { labels, mixed: None }
    }
}

/// A loss with the constants of one epoch; [`Loss::at`] makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    loss: Loss,
}

impl Loss {
    /// What is computed in an epoch: the loss with the constants that it has there. Of all losses only the two forms of
    /// TKS change with the epochs, by their [`Ramp`].
    pub fn at(&self, position: Position) -> Objective {
        let mut loss = self.clone();
        match &mut loss {
            Loss::Tks { alpha, ramp, .. } | Loss::TksPaper { alpha, ramp, .. } => {
                *alpha = ramp.alpha(*alpha, position.epoch, position.epochs);
                *ramp = Ramp::Constant;
            }
            Loss::CrossEntropy | Loss::LabelSmoothing { .. } | Loss::Tet { .. } => {}
        }
        Objective { loss }
    }
}

impl Objective {
    /// The loss of a batch.
    ///
    /// # Equation
    /// The function that the [`Loss`] names, with this epoch's constants. Of mixed samples, with weight `w_n` for label
    /// `y_n` and `1 - w_n` for `z_n`, and `loss_n` the share of sample n:
    /// ```text
    /// loss = (1/N) sum_n w_n loss_n(y_n) + (1 - w_n) loss_n(z_n)
    /// ```
    /// For CE, LS and TET, which are linear in the label, that is the loss of the mixed label; TKS has a teacher for
    /// each of the two. Where all weights are equal, whole losses are weighed rather than samples, which rounds
    /// differently.
    ///
    /// # Shapes
    /// - returns a scalar of the logits' type
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::Type`] when an argument is not as [`Answers`] and [`Targets`] say;
    /// [`Error::Label`] when a label is K or more; [`Error::Config`] when a constant or a weight is out of its range.
    ///
    /// # Determinism
    /// A function of its arguments: no sum's order depends on the number of threads.
    pub fn value(&self, answers: &Answers, targets: &Targets) -> Result<Tensor> {
        self.loss.check()?;
        let own = Batch::new(answers.logits, targets.labels)?;
        let Some(Mixed { labels, weights }) = targets.mixed else { return self.of_batch(&own) };
        let other = Batch::new(answers.logits, labels)?;
        check_weights(weights, targets.labels.elem_count())?;
        let (first, rest) = (weights[0], 1.0 - weights[0]);
        if weights.iter().all(|weight| *weight == first) {
            let (own, other) = (self.of_batch(&own)?, self.of_batch(&other)?);
            return Ok(((own * first)? + (other * rest)?)?);
        }
        let rest: Vec<f64> = weights.iter().map(|weight| 1.0 - weight).collect();
        let (own, other) = (own.weighted(weights)?, other.weighted(&rest)?);
        Ok((self.of_batch(&own)? + self.of_batch(&other)?)?)
    }

    fn of_batch(&self, batch: &Batch) -> Result<Tensor> {
        match self.loss {
            Loss::CrossEntropy => cross_entropy::value(batch),
            Loss::LabelSmoothing { epsilon } => label_smoothing::value(batch, epsilon),
            Loss::Tet { lambda, mean } => tet::value(batch, lambda, mean),
            Loss::Tks { alpha, temperature, .. } => tks::value(batch, alpha, temperature),
            Loss::TksPaper { alpha, temperature, .. } => {
                tks::value_paper(batch, alpha, temperature)
            }
        }
    }

    /// The loss of a network that answers every one of `n_classes` classes with the same score, 0: what a training that
    /// learns anything falls below.
    pub fn uniform(&self, n_classes: usize) -> f64 {
        let entropy = (n_classes.max(2) as f64).ln();
        match self.loss {
            Loss::CrossEntropy | Loss::LabelSmoothing { .. } => entropy,
            Loss::Tet { lambda, mean } => (1.0 - lambda) * entropy + lambda * mean * mean,
            Loss::Tks { alpha, temperature, .. } | Loss::TksPaper { alpha, temperature, .. } => {
                (1.0 - alpha + alpha * temperature * temperature) * entropy
            }
        }
    }

    /// The weight of the shared knowledge in this epoch; 0 for losses that share none.
    pub fn alpha(&self) -> f64 {
        match self.loss {
            Loss::CrossEntropy | Loss::LabelSmoothing { .. } | Loss::Tet { .. } => 0.0,
            Loss::Tks { alpha, .. } | Loss::TksPaper { alpha, .. } => alpha,
        }
    }

    /// The name of its [`Loss`].
    pub fn name(&self) -> &'static str {
        self.loss.name()
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
