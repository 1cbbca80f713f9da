//! The choice of a loss, as a value that a recipe can name.

use candle_core::Tensor;

use crate::{Ramp, Result, cross_entropy, label_smoothing, tet, tks, tks_paper};

/// A loss with its constants.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// Cross entropy of the mean logits: [`cross_entropy`](crate::cross_entropy()).
    CrossEntropy,
    /// The same with a softened label: [`label_smoothing`](crate::label_smoothing()).
    LabelSmoothing {
        /// The weight of the uniform distribution, 0 to 1. 0.1 is usual; the TKS paper does not say.
        epsilon: f64,
    },
    /// Temporal efficient training: [`tet`](crate::tet()).
    Tet {
        /// The weight of the pull, 0 to 1. 0 in the TKS paper's comparison.
        lambda: f64,
        /// Where the logits are pulled to. 1 in TET's own code.
        mean: f64,
    },
    /// Temporal knowledge sharing as released: [`tks`](crate::tks()).
    Tks {
        /// The weight that the ramp approaches, 0 to 1. 0.7 for images, 0.3 for events in the paper.
        tks_alpha_max: f64,
        /// Softens the teacher; positive. 3 for CIFAR, 5 for events, 1 for ImageNet in the paper.
        temperature: f64,
    },
    /// Temporal knowledge sharing as printed: [`tks_paper`](crate::tks_paper()).
    TksPaper {
        /// The weight of the last epoch, 0 to 1.
        tks_alpha_max: f64,
        /// Softens teacher and student; positive.
        temperature: f64,
    },
}

impl Loss {
    /// The loss of a batch.
    ///
    /// # Equation
    /// The function that the variant names. `alpha` is the weight of knowledge sharing in this epoch, from
    /// [`Loss::alpha`]; losses without one ignore it.
    ///
    /// # Shapes
    /// - `logits`: `[T, N, K]` f32 or f64, differentiable; `labels`: `[N]` u32
    /// - returns a scalar of the logits' type
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) and [`Error::Type`](crate::Error::Type) when an argument is not as above;
    /// [`Error::Label`](crate::Error::Label) when a label is K or more; [`Error::Config`](crate::Error::Config) when a
    /// constant is out of its range.
    ///
    /// # Determinism
    /// A function of its arguments: no sum's order depends on the number of threads.
    pub fn compute(&self, logits: &Tensor, labels: &Tensor, alpha: f64) -> Result<Tensor> {
        match *self {
            Loss::CrossEntropy => cross_entropy(logits, labels),
            Loss::LabelSmoothing { epsilon } => label_smoothing(logits, labels, epsilon),
            Loss::Tet { lambda, mean } => tet(logits, labels, lambda, mean),
            Loss::Tks { temperature, .. } => tks(logits, labels, alpha, temperature),
            Loss::TksPaper { temperature, .. } => tks_paper(logits, labels, alpha, temperature),
        }
    }

    /// The weight of knowledge sharing in `epoch` of `epochs`, counted from 0: each form of TKS with its own
    /// [`Ramp`], 0 for the other losses.
    pub fn alpha(&self, epoch: usize, epochs: usize) -> f64 {
        match *self {
            Loss::Tks { tks_alpha_max, .. } => Ramp::Released.alpha(tks_alpha_max, epoch, epochs),
            Loss::TksPaper { tks_alpha_max, .. } => Ramp::Paper.alpha(tks_alpha_max, epoch, epochs),
            _ => 0.0,
        }
    }

    /// The name that recipes, tables and results use: `ce`, `ls`, `tet`, `tks` or `tks-paper`.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::CrossEntropy => "ce",
            Loss::LabelSmoothing { .. } => "ls",
            Loss::Tet { .. } => "tet",
            Loss::Tks { .. } => "tks",
            Loss::TksPaper { .. } => "tks-paper",
        }
    }
}
