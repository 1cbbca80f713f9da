//! What a method adds to the loss.

use candle_core::Tensor;

use crate::{Answers, Early, Result, StrongWeak, Targets, Trt, Tssd};

/// The terms of a method, added to the base loss by [`Objective::with`](crate::Objective::with).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Terms {
    /// SSNN's early classifiers.
    Early(Early),
    /// Temporal-spatial self-distillation.
    Tssd(Tssd),
    /// Temporal reversed training.
    Trt(Trt),
    /// Self-distillation between time steps.
    StrongWeak(StrongWeak),
}

impl Terms {
    /// Refuses constants that are out of their range.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) naming the constant and its range.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Early(terms) => terms.check(),
            Self::Tssd(terms) => terms.check(),
            Self::Trt(terms) => terms.check(),
            Self::StrongWeak(terms) => terms.check(),
        }
    }

    /// The summands. A view that a term needs and that is not among the answers is an error.
    pub(crate) fn value(&self, answers: &Answers, targets: &Targets) -> Result<Vec<Tensor>> {
        match self {
            Self::Early(terms) => terms.value(answers, targets),
            Self::Tssd(terms) => terms.value(answers, targets),
            Self::Trt(terms) => terms.value(answers, targets),
            Self::StrongWeak(terms) => terms.value(answers),
        }
    }

    /// Their sum where every answer is uniform, whose cross entropy is `entropy`.
    pub(crate) fn uniform(&self, entropy: f64) -> f64 {
        match self {
            Self::Early(terms) => terms.uniform(entropy),
            Self::Tssd(terms) => terms.uniform(entropy),
            Self::Trt(terms) => terms.uniform(entropy),
            Self::StrongWeak(_) => 0.0,
        }
    }
}
