//! The learning rate over the epochs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No count in a recipe may exceed this.
pub(crate) const MOST: usize = 1 << 24;

/// `[schedule]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// Epochs of the run, unless it has phases, which say their own. The authors' trainer has 600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST))]
    pub epochs: Option<usize>,
    /// Epochs of linear warm-up.
    #[schemars(range(max = MOST))]
    pub warmup_epochs: usize,
    /// Where the warm-up starts.
    #[schemars(range(min = 0.0))]
    pub warmup_lr: f64,
    /// Where the cosine ends.
    #[schemars(range(min = 0.0))]
    pub min_lr: f64,
    /// What follows the warm-up.
    pub kind: ScheduleKind,
    /// Change the rate with every step; the authors' trainer changes it with every epoch. Short runs
    /// end better when the rate has really come down.
    pub per_step: bool,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            epochs: None,
            warmup_epochs: 5,
            warmup_lr: 1e-6,
            min_lr: 1e-5,
            kind: ScheduleKind::Cosine,
            per_step: false,
        }
    }
}

/// The shape of the learning rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// Half a cosine from the base to the least rate.
    #[default]
    Cosine,
    /// The base rate.
    Constant,
}

impl ScheduleConfig {
    /// The epoch that the rate is taken at, for a step of `steps` in an epoch.
    pub(crate) fn position(&self, epoch: usize, step: usize, steps: usize) -> f64 {
        let part = if self.per_step { step as f64 / steps.max(1) as f64 } else { 0.0 };
        epoch as f64 + part
    }
}

/// The learning rate at `epoch` of `epochs`, counted from 0; a run that has phases counts those of each alone.
///
/// # Equation
/// ```text
/// e < warmup_epochs:  warmup_lr + e (base - warmup_lr) / warmup_epochs
/// else, cosine:       min_lr + (base - min_lr) (1 + cos(pi e / epochs)) / 2, past the last epoch min_lr
/// else, constant:     base
/// ```
///
/// # Source
/// The scheduler of the authors' released trainer (timm's cosine). As there, the rate changes once an epoch unless
/// the recipe asks for [every step](ScheduleConfig::per_step), the first epoch runs at `warmup_lr`, and the warm-up is not subtracted from the cosine's epochs. That trainer makes
/// its base rate `5e-3 * batch / 1024` (6.25e-4 at batch 128) before it builds the schedule; here `base` is used as
/// the recipe writes it, whatever the batch.
pub fn learning_rate(schedule: &ScheduleConfig, base: f64, epoch: f64, epochs: f64) -> f64 {
    let ScheduleConfig { warmup_epochs, warmup_lr, min_lr, kind, .. } = *schedule;
    if epoch < warmup_epochs as f64 {
        return warmup_lr + epoch * (base - warmup_lr) / warmup_epochs as f64;
    }
    match kind {
        ScheduleKind::Constant => base,
        // Past its end the cosine would rise again.
        ScheduleKind::Cosine if epoch >= epochs => min_lr,
        ScheduleKind::Cosine => {
            let angle = std::f64::consts::PI * epoch / epochs;
            min_lr + 0.5 * (base - min_lr) * (1.0 + angle.cos())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(kind: ScheduleKind) -> ScheduleConfig {
        let per_step = false;
        ScheduleConfig {
            epochs: Some(600),
            warmup_epochs: 5,
            warmup_lr: 1e-6,
            min_lr: 1e-5,
            kind,
            per_step,
        }
    }

    #[test]
    fn cosine_has_the_released_trainers_values() {
        let base = 5e-3 * 128.0 / 1024.0;
        let expected = [
            (0, 1e-6),
            (1, 1.258e-4),
            (4, 5.002e-4),
            (5, 6.249e-4),
            (100, 5.838e-4),
            (300, 3.175e-4),
            (599, 1.0004e-5),
        ];
        for (epoch, lr) in expected {
            let got = learning_rate(&paper(ScheduleKind::Cosine), base, f64::from(epoch), 600.0);
            assert!((got - lr).abs() < 1.1e-4 * lr, "epoch {epoch}: {got} {lr}");
        }
    }

    #[test]
    fn constant_holds_the_base_after_the_warmup() {
        let schedule = paper(ScheduleKind::Constant);
        assert_eq!(learning_rate(&schedule, 0.1, 0.0, 600.0), 1e-6);
        assert_eq!(learning_rate(&schedule, 0.1, 5.0, 600.0), 0.1);
        let none = ScheduleConfig { warmup_epochs: 0, ..schedule };
        assert_eq!(learning_rate(&none, 0.1, 0.0, 600.0), 0.1);
    }

    #[test]
    fn past_the_last_epoch_the_rate_stays_where_it_ended() {
        let schedule = paper(ScheduleKind::Cosine);
        for epoch in [600.0, 600.5, 601.0, 900.0, 1e9] {
            assert_eq!(learning_rate(&schedule, 0.1, epoch, 600.0), schedule.min_lr, "{epoch}");
        }
        assert!(learning_rate(&schedule, 0.1, 599.0, 600.0) > schedule.min_lr);
        let schedule = paper(ScheduleKind::Constant);
        assert_eq!(learning_rate(&schedule, 0.1, 601.0, 600.0), 0.1);
    }

    #[test]
    fn steps_move_the_rate_only_when_asked() {
        let by_epoch = paper(ScheduleKind::Cosine);
        let by_step = ScheduleConfig { per_step: true, ..by_epoch.clone() };
        assert_eq!(by_epoch.position(3, 5, 10), 3.0);
        assert_eq!(by_step.position(3, 5, 10), 3.5);
        let half = learning_rate(&by_step, 1.0, by_step.position(2, 1, 2), 600.0);
        assert!((half - 0.5).abs() < 1e-5, "half way up: {half}");
        assert!(learning_rate(&by_step, 1.0, 599.999, 600.0) < 1.001e-5);
    }
}
