//! `[method]`: what a training asks of a network and of its answers beyond the loss of one pass.
//!
//! A method is options of the network, the views that a step takes of its samples, and terms that are added to the loss. A
//! file each; the loop knows none of them.

mod answers;
mod ssnn;
mod strong_weak;
mod trt;
mod tssd;

pub(crate) use answers::{Answered, Taken};
pub use ssnn::Ssnn;
pub use strong_weak::{StrongWeak, Teacher};
pub use trt::{HybridHead, HybridLoss, TimeOrder, Trt};
pub use tssd::Tssd;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snn_losses::Terms;
use snn_models::{Architecture, ModelConfig, Names};

use crate::{Error, Result};

/// `[method]`: independent re-implementations from the papers' abstracts; constants ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Method {
    /// Shrinking SNN: fewer steps from stage to stage, and early classifiers.
    Ssnn(Ssnn),
    /// Temporal-spatial self-distillation.
    Tssd(Tssd),
    /// Temporal reversed training.
    Trt(Trt),
    /// Self-distillation between the surest and the least sure time step.
    StrongWeak(StrongWeak),
}

impl Method {
    /// The name that recipes and results use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ssnn(_) => "ssnn",
            Self::Tssd(_) => "tssd",
            Self::Trt(_) => "trt",
            Self::StrongWeak(_) => "strong-weak",
        }
    }

    /// Refuses a network or a number of steps that it does not suit.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the key.
    pub(crate) fn check(&self, architecture: Architecture, t_steps: usize) -> Result<()> {
        match self {
            Self::Ssnn(method) => method.check(t_steps)?,
            Self::Tssd(method) => method.check(t_steps)?,
            Self::StrongWeak(_) if t_steps < 2 => {
                let allowed = "2 time steps or more, of which one teaches another".into();
                return Err(refuse("kind", "strong-weak with 1".into(), allowed));
            }
            Self::Trt(_) | Self::StrongWeak(_) => {}
        }
        // The names of parts do not depend on the samples.
        let mut config = ModelConfig::new(architecture, 2);
        config.t_steps = t_steps;
        self.ask(&mut config)?;
        self.terms(&config.names()?).check().map_err(of_terms)
    }

    /// Sets the options that it asks of the network.
    ///
    /// # Errors
    /// [`Error::Setting`] when the network has no such part, or cannot run such steps.
    pub(crate) fn ask(&self, config: &mut ModelConfig) -> Result<()> {
        let names = config.names()?;
        match self {
            Self::Ssnn(method) => method.ask(config, &names),
            Self::Tssd(method) => method.ask(config, &names),
            Self::Trt(method) => {
                method.ask(config, &names);
                Ok(())
            }
            Self::StrongWeak(_) => Ok(()),
        }
    }

    /// The further numbers of frames that it wants of recordings, where they are cut into `t_steps`.
    pub(crate) fn framings(&self, t_steps: usize) -> Vec<usize> {
        match self {
            Self::Tssd(method) => method.framings(t_steps),
            Self::Ssnn(_) | Self::Trt(_) | Self::StrongWeak(_) => Vec::new(),
        }
    }

    /// The steps of its further passes by the key that sets them, where samples have `t_steps`.
    pub(crate) fn steps(&self, t_steps: usize) -> Option<(&'static str, usize)> {
        match self {
            Self::Tssd(method) => method.steps(t_steps).map(|n| ("method.teacher_steps", n)),
            Self::Ssnn(_) | Self::Trt(_) | Self::StrongWeak(_) => None,
        }
    }

    /// What it adds to the loss.
    pub(crate) fn terms(&self, names: &Names) -> Terms {
        match self {
            Self::Ssnn(method) => Terms::Early(method.terms(names)),
            Self::Tssd(method) => Terms::Tssd(method.terms()),
            Self::Trt(method) => Terms::Trt(method.terms()),
            Self::StrongWeak(method) => Terms::StrongWeak(method.terms()),
        }
    }

    /// The answers to a batch, in all views.
    pub(crate) fn answers(&self, taken: &mut Taken<'_>) -> Result<Answered> {
        match self {
            Self::Ssnn(method) => method.answers(taken),
            Self::Tssd(method) => method.answers(taken),
            Self::Trt(method) => method.answers(taken),
            Self::StrongWeak(_) => taken.plain(),
        }
    }
}

/// Terms know their own constants, not where a recipe has them.
fn of_terms(error: snn_losses::Error) -> Error {
    match error {
        snn_losses::Error::Config { field, got, allowed } => {
            refuse(field, got.to_string(), allowed.into())
        }
        other => Error::Loss(other),
    }
}

/// The error of a key of the table.
fn refuse(key: &str, got: String, allowed: String) -> Error {
    Error::Setting { field: format!("method.{key}"), got, allowed }
}
