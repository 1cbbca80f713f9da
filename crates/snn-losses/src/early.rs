//! SSNN: classifiers on the way answer for themselves.

use candle_core::Tensor;

use crate::{Answers, Loss, Result, Targets, divergence::check_weight, supervised::supervised};

/// What SSNN's early classifiers add: the cross entropy of each.
///
/// # Equation
/// ```text
/// E_i  = (1/T_i) sum_t e_it          the scores of classifier i
/// loss = weight sum_i CE(E_i, y)
/// ```
///
/// # Source
/// SSNN (Ding et al., 2024): an independent re-implementation from the abstract; constants ours. The paper trains its
/// early classifiers on the labels and does not print their weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Early {
    /// Weight of each classifier's cross entropy.
    pub weight: f64,
    /// The classifiers, [`Answers::heads`].
    pub classifiers: usize,
}

impl Early {
    pub(crate) fn check(&self) -> Result<()> {
        check_weight("lambda_ec", self.weight)
    }

    pub(crate) fn value(&self, answers: &Answers, targets: &Targets) -> Result<Vec<Tensor>> {
        let heads = answers.heads.values().filter(|_| self.weight > 0.0);
        heads
            .map(|scores| Ok((supervised(&Loss::CrossEntropy, scores, targets)? * self.weight)?))
            .collect()
    }

    pub(crate) fn uniform(&self, entropy: f64) -> f64 {
        self.weight * self.classifiers as f64 * entropy
    }
}
