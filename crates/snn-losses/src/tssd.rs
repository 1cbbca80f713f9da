//! TSSD: a run of more steps teaches, and the last answer teaches a classifier on the way.

use candle_core::Tensor;

use crate::{
    Answers, Loss, Result, Targets,
    divergence::{check_temperature, check_weight, divergence},
    supervised::supervised,
};

/// What temporal-spatial self-distillation adds.
///
/// # Equation
/// ```text
/// O_s, O_t, w = mean over their steps of the answers' logits, of the view `teacher`, and of the head
/// loss = alpha KL(sg(O_t) || O_s) + beta KL(sg(O_s) || w)
/// ```
/// with [`divergence`] for KL and sg stopping the gradient; and, where asked for, CE(O_t, y) and CE(w, y).
///
/// # Source
/// TSSD (Zuo et al., 2024): an independent re-implementation from the abstract; constants ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tssd {
    /// Weight of the temporal half; 0 leaves it out.
    pub alpha: f64,
    /// Weight of the spatial half; 0 leaves it out.
    pub beta: f64,
    /// Softens teachers and students.
    pub temperature: f64,
    /// The teacher's own cross entropy is added.
    pub teacher_ce: bool,
    /// The weak classifier's own cross entropy is added.
    pub weak_ce: bool,
}

impl Tssd {
    /// The view of more steps.
    pub const TEACHER: &'static str = "teacher";

    pub(crate) fn check(&self) -> Result<()> {
        check_weight("alpha", self.alpha)?;
        check_weight("beta", self.beta)?;
        check_temperature(self.temperature)
    }

    pub(crate) fn value(&self, answers: &Answers, targets: &Targets) -> Result<Vec<Tensor>> {
        let mut terms = Vec::new();
        let student = answers.logits.mean(0)?;
        if self.alpha > 0.0 {
            let teacher = answers.view(Self::TEACHER)?.detach().mean(0)?;
            let kl = divergence(&teacher, &student, self.temperature)?;
            terms.push((kl * self.alpha)?);
        }
        if self.teacher_ce {
            let teacher = answers.view(Self::TEACHER)?;
            terms.push(supervised(&Loss::CrossEntropy, teacher, targets)?);
        }
        for weak in answers.heads.values() {
            if self.beta > 0.0 {
                let kl = divergence(&student.detach(), &weak.mean(0)?, self.temperature)?;
                terms.push((kl * self.beta)?);
            }
            if self.weak_ce {
                terms.push(supervised(&Loss::CrossEntropy, weak, targets)?);
            }
        }
        Ok(terms)
    }

    pub(crate) fn uniform(&self, entropy: f64) -> f64 {
        [self.teacher_ce, self.weak_ce].into_iter().filter(|on| *on).count() as f64 * entropy
    }
}
