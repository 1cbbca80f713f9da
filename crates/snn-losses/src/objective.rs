//! What a training step minimizes: a loss with the constants of its epoch, of a network's answers and a batch's targets.

use candle_core::Tensor;

use crate::{Answers, Loss, Ramp, Result, Targets, Terms, supervised::supervised};

/// Where a training stands, for constants that change with the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The epoch, counted from 0 within the part of the training that has this loss.
    pub epoch: usize,
    /// Epochs of that part.
    pub epochs: usize,
}

/// A loss with the constants of one epoch, which [`Loss::at`] makes, and what a method adds to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    loss: Loss,
    terms: Option<Terms>,
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
        Objective { loss, terms: None }
    }
}

impl Objective {
    /// The loss with the terms of a method added to it.
    pub fn with(self, terms: Option<Terms>) -> Self {
        Self { terms, ..self }
    }

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
    /// differently. The terms of a method are added in their order; their cross entropies are of mixed labels likewise.
    ///
    /// # Shapes
    /// - returns a scalar of the logits' type
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) and [`Error::Type`](crate::Error::Type) when an argument is not as [`Answers`] and [`Targets`] say;
    /// [`Error::Label`](crate::Error::Label) when a label is K or more; [`Error::Config`](crate::Error::Config) when a
    /// constant or a weight is out of its range; [`Error::Answer`](crate::Error::Answer) when a term's view is missing.
    ///
    /// # Determinism
    /// A function of its arguments: no sum's order depends on the number of threads.
    pub fn value(&self, answers: &Answers, targets: &Targets) -> Result<Tensor> {
        let mut value = supervised(&self.loss, answers.logits, targets)?;
        if let Some(terms) = &self.terms {
            terms.check()?;
            for term in terms.value(answers, targets)? {
                value = (value + term)?;
            }
        }
        Ok(value)
    }

    /// The loss of a network that answers every one of `n_classes` classes with the same score, 0: what a training that
    /// learns anything falls below.
    pub fn uniform(&self, n_classes: usize) -> f64 {
        let entropy = (n_classes.max(2) as f64).ln();
        let terms = self.terms.as_ref().map_or(0.0, |terms| terms.uniform(entropy));
        terms
            + match self.loss {
                Loss::CrossEntropy | Loss::LabelSmoothing { .. } => entropy,
                Loss::Tet { lambda, mean } => (1.0 - lambda) * entropy + lambda * mean * mean,
                Loss::Tks { alpha, temperature, .. }
                | Loss::TksPaper { alpha, temperature, .. } => {
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
