//! Self-distillation between time steps (Ding et al., NeurIPS 2025).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snn_losses::StrongWeak as Terms;

/// `[method]` with `kind = "strong-weak"`: of a batch's time steps the surest teaches the least sure one, or the other way
/// round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StrongWeak {
    /// Weight of the distillation.
    #[schemars(range(min = 0.0))]
    pub weight: f64,
    /// Softens both answers.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub temperature: f64,
    /// Which of the two teaches.
    pub teacher: Teacher,
    /// All steps in the order of their confidence, each the teacher of its neighbor.
    pub cascade: bool,
}

/// Which time step teaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Teacher {
    /// The surest.
    Strong,
    /// The least sure.
    Weak,
}

impl Default for StrongWeak {
    fn default() -> Self {
        Self { weight: 1.0, temperature: 2.0, teacher: Teacher::Strong, cascade: false }
    }
}

impl StrongWeak {
    pub(super) fn terms(&self) -> Terms {
        let Self { weight, temperature, teacher, cascade } = *self;
        Terms { weight, temperature, weak_teaches: teacher == Teacher::Weak, cascade }
    }
}
