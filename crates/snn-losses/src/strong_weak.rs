//! Self-distillation between time steps: the surest step and the least sure one.

use candle_core::Tensor;

use crate::{
    Answers, Result,
    batch::log_softmax,
    divergence::{check_temperature, check_weight, divergence},
};

/// What self-distillation between strong and weak time steps adds.
///
/// # Equation
/// ```text
/// con_t = (1/N) sum_n max_c softmax(o_tn)_c       the steps' confidence; s the surest step, w the least sure
/// loss  = weight KL(p(s) || p(w)), or weight KL(p(w) || p(s)),      p(t) = softmax(o_t / temperature)
/// ```
/// without the factor temperature^2 of [`divergence`]; the gradient flows to both. With `cascade` the steps are sorted by
/// confidence, each is the teacher of its neighbor, and the sum is divided by T - 1.
///
/// # Source
/// "Spiking Neural Networks are Inherently Self-Distillers" (Ding et al., 2025), Algorithms 1 and 2, whose temperature is 2
/// and whose weight is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrongWeak {
    /// Weight.
    pub weight: f64,
    /// Softens both.
    pub temperature: f64,
    /// The least sure step teaches the surest.
    pub weak_teaches: bool,
    /// All neighbors in the order of confidence.
    pub cascade: bool,
}

impl StrongWeak {
    pub(crate) fn check(&self) -> Result<()> {
        check_weight("weight", self.weight)?;
        check_temperature(self.temperature)
    }

    pub(crate) fn value(&self, answers: &Answers) -> Result<Vec<Tensor>> {
        let order = by_confidence(answers.logits)?;
        if order.len() < 2 || self.weight == 0.0 {
            return Ok(Vec::new());
        }
        let pairs: Vec<(usize, usize)> = match self.cascade {
            true => order.windows(2).map(|pair| (pair[0], pair[1])).collect(),
            false => vec![(order[0], order[order.len() - 1])],
        };
        let share = self.weight / (pairs.len() as f64 * self.temperature * self.temperature);
        pairs
            .into_iter()
            .map(|(strong, weak)| {
                let (strong, weak) = (answers.logits.get(strong)?, answers.logits.get(weak)?);
                let kl = match self.weak_teaches {
                    true => divergence(&weak, &strong, self.temperature)?,
                    false => divergence(&strong, &weak, self.temperature)?,
                };
                Ok((kl * share)?)
            })
            .collect()
    }
}

/// The steps, the surest first; of equals the earlier one.
fn by_confidence(logits: &Tensor) -> Result<Vec<usize>> {
    let sure = log_softmax(&logits.detach())?.max(2)?.exp()?.mean(1)?;
    let sure = sure.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?;
    let mut order: Vec<usize> = (0..sure.len()).collect();
    order.sort_by(|&a, &b| sure[b].total_cmp(&sure[a]));
    Ok(order)
}
