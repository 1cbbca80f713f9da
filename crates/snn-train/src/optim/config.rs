//! `[optimizer]`: which rule, with which constants.

use serde::{Deserialize, Serialize};

/// The optimizers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay.
    #[default]
    Adamw,
    /// Adam; weight decay is added to the gradient.
    Adam,
    /// Momentum; weight decay is added to the gradient.
    Sgd,
}

impl OptimizerKind {
    /// Whether the state holds a mean squared gradient.
    pub(super) fn has_second(self) -> bool {
        match self {
            OptimizerKind::Adamw | OptimizerKind::Adam => true,
            OptimizerKind::Sgd => false,
        }
    }

    /// The name that recipes and checkpoints use.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerKind::Adamw => "adamw",
            OptimizerKind::Adam => "adam",
            OptimizerKind::Sgd => "sgd",
        }
    }
}

/// `[optimizer]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Which one; default `adamw`.
    pub kind: OptimizerKind,
    /// Base learning rate, above 0, used as written; default 6.25e-4, the paper's `5e-3 * batch / 1024` at batch 128.
    pub lr: f64,
    /// Weight decay, 0 to 1; default 0.01 for `adamw` and 0 for the others. One-dimensional parameters (norms and
    /// biases) have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// `sgd`: 0 or more and below 1; default 0.9.
    pub momentum: f64,
    /// `adamw`, `adam`: decay of the two moments; default 0.9 and 0.999.
    pub betas: [f64; 2],
    /// `adamw`, `adam`: added to the denominator; default 1e-8.
    pub eps: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adamw,
            lr: 6.25e-4,
            weight_decay: None,
            momentum: 0.9,
            betas: [0.9, 0.999],
            eps: 1e-8,
        }
    }
}

impl OptimizerConfig {
    /// The weight decay in force.
    pub fn weight_decay(&self) -> f64 {
        let adamw = self.kind == OptimizerKind::Adamw;
        self.weight_decay.unwrap_or(if adamw { 0.01 } else { 0.0 })
    }
}
