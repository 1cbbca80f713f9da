//! What a network is shown of a still sample.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;

/// How a still sample becomes the network's steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Encoding {
    /// Every step sees the sample.
    #[default]
    Direct,
    /// Each of its numbers is one spike, the larger the sooner: [`snn_neuron::latency`] of what the sample's least and
    /// greatest number span.
    Latency,
}

impl Encoding {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// `[N, C, H, W]` to `[1, N, C, H, W]` for all steps, or to `[T, N, C, H, W]`.
    pub(crate) fn frames(self, x: &Tensor, t_steps: usize) -> Result<Tensor> {
        match self {
            Self::Direct => Ok(snn_neuron::direct(x)?),
            Self::Latency => {
                let samples = x.flatten_from(1)?;
                let least = samples.min_keepdim(1)?;
                // A sample of one number only is dark.
                let span = (samples.max_keepdim(1)?.broadcast_sub(&least)? + 1e-12)?;
                let shares = samples.broadcast_sub(&least)?.broadcast_div(&span)?;
                let spikes =
                    snn_neuron::latency(&shares.reshape(x.shape())?.contiguous()?, t_steps)?;
                Ok(spikes.to_dtype(candle_core::DType::F32)?)
            }
        }
    }
}
