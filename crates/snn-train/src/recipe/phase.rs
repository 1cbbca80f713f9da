//! `[[phase]]`: parts of a run with settings of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snn_data::{Augment, FrameBy, MAX_SIZE, MAX_T_STEPS};
use snn_losses::Loss;

use crate::schedule::{MOST, ScheduleKind};

/// `[[phase]]`. A run with phases goes through them in their order; each has the recipe's settings but for those that it
/// names. Weights and the optimizer's state go from one to the next.
///
/// The schedule counts the epochs of its phase. What a loss changes with the epochs counts those of all phases that have
/// equal losses. The evaluations of a phase prepare the test samples as the phase says, and show them for its steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Phase {
    /// Length in epochs; a phase has `epochs` or `steps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST))]
    pub epochs: Option<usize>,
    /// Length in optimizer steps; the last epoch is shorter where they fill no whole ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST))]
    pub steps: Option<usize>,
    /// Forget the optimizer's state when the phase starts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("default" = false))]
    pub reset: bool,
    /// In place of the recipe's `[data]`.
    #[serde(skip_serializing_if = "is_default")]
    pub data: PhaseData,
    /// In place of the recipe's `[model]`.
    #[serde(skip_serializing_if = "is_default")]
    pub model: PhaseModel,
    /// In place of the recipe's `[loss]`, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// In place of the recipe's `[optimizer]`.
    #[serde(skip_serializing_if = "is_default")]
    pub optimizer: PhaseOptimizer,
    /// In place of the recipe's `[schedule]`.
    #[serde(skip_serializing_if = "is_default")]
    pub schedule: PhaseSchedule,
    /// In place of the recipe's `[train]`.
    #[serde(skip_serializing_if = "is_default")]
    pub train: PhaseTrain,
}

/// `data` of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseData {
    /// Side in pixels that samples are resized to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_SIZE))]
    pub size: Option<usize>,
    /// Recordings: the frames that each is cut into.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_T_STEPS))]
    pub t_steps: Option<usize>,
    /// How events are cut into frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_by: Option<FrameBy>,
    /// What is done to training samples, in place of the recipe's `data.augment`, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
}

/// `model` of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseModel {
    /// Still samples: the time steps T for which each is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_T_STEPS))]
    pub t_steps: Option<usize>,
}

/// `optimizer` of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseOptimizer {
    /// Base learning rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: Option<f64>,
    /// Weight decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: Option<f64>,
}

/// `schedule` of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseSchedule {
    /// Epochs of linear warm-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MOST))]
    pub warmup_epochs: Option<usize>,
    /// Where the warm-up starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub warmup_lr: Option<f64>,
    /// Where the cosine ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub min_lr: Option<f64>,
    /// What follows the warm-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ScheduleKind>,
    /// Change the rate with every step rather than every epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_step: Option<bool>,
}

/// `train` of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseTrain {
    /// Samples of a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST))]
    pub batch: Option<usize>,
    /// Steps of an epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST))]
    pub steps_per_epoch: Option<usize>,
    /// Evaluate every that many epochs of the phase, and after its last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST))]
    pub eval_every: Option<usize>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
