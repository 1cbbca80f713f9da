//! `[optimizer]`: which rule, with which constants.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The optimizers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Which one.
    pub kind: OptimizerKind,
    /// Base learning rate, used as written. The default is the authors' released trainer's,
    /// `5e-3 * batch / 1024` at batch 128.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f64,
    /// Weight decay; 0.01 for `adamw` and 0 for the others when absent. One-dimensional parameters (norms and
    /// biases) have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: Option<f64>,
    /// `sgd`: what stays of the mean gradient.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub momentum: f64,
    /// `adamw`, `adam`: decay of the two moments.
    #[schemars(transform = below_one)]
    pub betas: [f64; 2],
    /// `adamw`, `adam`: added to the denominator.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps: f64,
}

fn below_one(schema: &mut schemars::Schema) {
    let items = serde_json::json!({"type": "number", "minimum": 0.0, "exclusiveMaximum": 1.0});
    schema.insert("items".into(), items);
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
