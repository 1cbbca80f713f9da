//! TRT: what is seen backwards in time should be answered alike, and both rates together too.

use candle_core::Tensor;

use crate::{
    Answers, Loss, Result, Targets,
    divergence::{check_temperature, check_weight, divergence},
    supervised::supervised,
};

/// What temporal reversed training adds.
///
/// # Equation
/// ```text
/// O, Or, Oh = mean over their steps of the answers' logits and of the views `reversed` and `hybrid`
/// loss = consistency KL(O || Or) + hybrid CE(Oh, y)
/// ```
/// with [`divergence`] for KL, whose gradient flows to both. The view `hybrid` are the scores of the products of both
/// passes' firing rates.
///
/// # Source
/// TRT (Zuo et al., 2024): an independent re-implementation from the abstract; constants ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trt {
    /// Weight of the consistency; 0 leaves it out.
    pub consistency: f64,
    /// Weight of the hybrid's loss; 0 leaves it out.
    pub hybrid: f64,
    /// Softens the answers that are compared.
    pub temperature: f64,
    /// O is a teacher, which no gradient of a comparison reaches.
    pub detach: bool,
    /// The consistency is the mean of both directions.
    pub symmetric: bool,
    /// CE(Or, y) is added.
    pub reversed_ce: bool,
    /// The hybrid's loss is KL(O || Oh) rather than its cross entropy.
    pub hybrid_kl: bool,
}

impl Trt {
    /// The view in another order of time.
    pub const REVERSED: &'static str = "reversed";
    /// The view of both passes' rates.
    pub const HYBRID: &'static str = "hybrid";

    pub(crate) fn check(&self) -> Result<()> {
        check_weight("consistency", self.consistency)?;
        check_weight("hybrid", self.hybrid)?;
        check_temperature(self.temperature)
    }

    pub(crate) fn value(&self, answers: &Answers, targets: &Targets) -> Result<Vec<Tensor>> {
        let mut terms = Vec::new();
        let own = answers.logits.mean(0)?;
        let own = if self.detach { own.detach() } else { own };
        if self.consistency > 0.0 {
            let reversed = answers.view(Self::REVERSED)?.mean(0)?;
            let mut kl = divergence(&own, &reversed, self.temperature)?;
            if self.symmetric {
                kl = ((kl + divergence(&reversed, &own, self.temperature)?)? * 0.5)?;
            }
            terms.push((kl * self.consistency)?);
        }
        if self.reversed_ce {
            let reversed = answers.view(Self::REVERSED)?;
            terms.push(supervised(&Loss::CrossEntropy, reversed, targets)?);
        }
        if self.hybrid > 0.0 {
            let hybrid = answers.view(Self::HYBRID)?;
            let loss = match self.hybrid_kl {
                true => divergence(&own, &hybrid.mean(0)?, self.temperature)?,
                false => supervised(&Loss::CrossEntropy, hybrid, targets)?,
            };
            terms.push((loss * self.hybrid)?);
        }
        Ok(terms)
    }

    pub(crate) fn uniform(&self, entropy: f64) -> f64 {
        let reversed = if self.reversed_ce { 1.0 } else { 0.0 };
        let hybrid = if self.hybrid_kl { 0.0 } else { self.hybrid };
        (reversed + hybrid) * entropy
    }
}
