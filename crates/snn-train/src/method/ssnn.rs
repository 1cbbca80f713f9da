//! SSNN, the shrinking SNN (Ding et al., AAAI 2024).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snn_data::MAX_T_STEPS;
use snn_losses::Early;
use snn_models::{Mode, ModelConfig, Names, Request, Transformer};

use super::{Answered, Taken, refuse};
use crate::Result;

/// `[method]` with `kind = "ssnn"`: stages of fewer and fewer steps with a temporal transformer between them, and early
/// classifiers, which are trained on the labels and left out of what is exported.
///
/// Stages end at the network's boundaries, those of `vgg9` and `vgg_snn` after each pooling. With `[8, 6, 4, 2]` the average
/// is 5 steps, and the work that of 5 steps throughout.
///
/// # Source
/// An independent re-implementation from the abstract; constants ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ssnn {
    /// Time steps of each stage, none more than the one before; the first is the samples' own. All stages have the samples'
    /// when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 1, max = MAX_T_STEPS)))]
    pub stage_steps: Vec<usize>,
    /// How the steps of one stage become those of the next.
    pub transformer: Transformer,
    /// Weight of the cross entropy of each early classifier, one after every stage but the last; with 0 there are none.
    #[schemars(range(min = 0.0))]
    pub lambda_ec: f64,
}

impl Default for Ssnn {
    fn default() -> Self {
        Self { stage_steps: Vec::new(), transformer: Transformer::Linear, lambda_ec: 1.0 }
    }
}

impl Ssnn {
    pub(super) fn check(&self, t_steps: usize) -> Result<()> {
        let shown = || format!("{:?}", self.stage_steps);
        if let Some(pair) = self.stage_steps.windows(2).find(|pair| pair[1] > pair[0]) {
            let allowed = format!(
                "steps that do not grow from stage to stage: {} follows {}",
                pair[1], pair[0]
            );
            return Err(refuse("stage_steps", shown(), allowed));
        }
        if self.stage_steps.is_empty() && self.lambda_ec == 0.0 {
            let allowed = "steps for each stage, or early classifiers (lambda_ec above 0): without both nothing is changed";
            return Err(refuse("stage_steps", shown(), allowed.into()));
        }
        match self.stage_steps.first() {
            Some(&first) if first != t_steps => {
                let allowed = format!(
                    "{t_steps} for the first stage, which has the samples' own steps (data.t_steps or model.t_steps)"
                );
                Err(refuse("stage_steps", shown(), allowed))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn ask(&self, config: &mut ModelConfig, names: &Names) -> Result<()> {
        let stages = &names.boundaries;
        let name = config.architecture.name();
        if stages.len() < 2 {
            let allowed = "a network of several stages, such as vgg9".into();
            return Err(refuse("kind", format!("ssnn with {name}"), allowed));
        }
        if !self.stage_steps.is_empty() && self.stage_steps.len() != stages.len() {
            let allowed = format!("{} numbers, for {} of {name}", stages.len(), stages.join(", "));
            return Err(refuse("stage_steps", format!("{:?}", self.stage_steps), allowed));
        }
        let after = self.stage_steps.iter().skip(1).copied();
        config.steps = stages.iter().cloned().zip(after).collect();
        config.transformer = self.transformer;
        config.heads = self.early(names).to_vec();
        Ok(())
    }

    /// The stages after which an early classifier stands.
    fn early<'a>(&self, names: &'a Names) -> &'a [String] {
        let all = names.boundaries.split_last().map_or(&[][..], |(_, all)| all);
        if self.lambda_ec > 0.0 { all } else { &[] }
    }

    pub(super) fn terms(&self, names: &Names) -> Early {
        Early { weight: self.lambda_ec, classifiers: self.early(names).len() }
    }

    pub(super) fn answers(&self, taken: &mut Taken<'_>) -> Result<Answered> {
        let request = Request { heads: self.lambda_ec > 0.0, ..Request::new(Mode::Train) };
        Ok(taken.pass(&request)?.into())
    }
}
