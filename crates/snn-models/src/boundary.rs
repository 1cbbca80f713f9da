//! What may stand where a part of a network ends: a change of the number of time steps (the temporal transformer of SSNN),
//! and an auxiliary classifier.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::layers::{Conv, ConvInit, Current, Layers};

/// The temporal transformer: how the T steps of a part become the T' of the next, each channel and pixel by itself.
///
/// # Source
/// SSNN (Ding et al., 2024) has one between stages and does not print what is inside. These are an independent
/// re-implementation from the abstract; constants ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Transformer {
    /// A trained T' x T matrix, which starts as `avg` and does not decay. Its output is no spikes: what follows multiplies.
    #[default]
    Linear,
    /// Each new step is the mean of the old ones that it covers, in shares where it covers a part of one.
    Avg,
    /// The first T' steps.
    First,
    /// The last T' steps.
    Last,
    /// `linear`, and neurons on its output, so that what follows sees spikes.
    #[serde(rename = "linear+lif")]
    LinearLif,
}

impl Transformer {
    /// Whether the matrix is trained.
    pub(crate) fn is_trained(self) -> bool {
        match self {
            Self::Linear | Self::LinearLif => true,
            Self::Avg | Self::First | Self::Last => false,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `W[s, t]`, the share of new step `s` that the old step `t` covers, row by row; every row sums to 1.
pub(crate) fn resampling(to: usize, from: usize) -> Vec<f32> {
    let ratio = from as f64 / to.max(1) as f64;
    let covered = |s: usize, t: usize| {
        let (start, end) = (s as f64 * ratio, (s + 1) as f64 * ratio);
        (end.min((t + 1) as f64) - start.max(t as f64)).max(0.0) / ratio
    };
    (0..to).flat_map(|s| (0..from).map(move |t| covered(s, t) as f32)).collect()
}

/// What stands before the linear layer of an auxiliary classifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// The mean over the pixels.
    #[default]
    Linear,
    /// A 3x3 convolution of stride 2 that keeps the channels, norm and neurons, and the mean over the pixels.
    Conv,
}

/// The scores of the auxiliary classifier `name` on the map `x`.
pub(crate) fn head<L: Layers>(
    layers: &mut L,
    name: &str,
    kind: Head,
    x: &L::X,
    classes: usize,
) -> Result<L::X> {
    let part = |part: &str| format!("heads.{name}.{part}");
    let pooled = match kind {
        Head::Linear => layers.global_avg_pool(x)?,
        Head::Conv => {
            let conv = Conv::square(layers.channels(x), 3, 2, ConvInit::KaimingUniform);
            let y = layers.conv(&part("conv"), x, conv)?;
            let norm = Current::Norm { name: part("bn"), x: &y, weight: 1.0 };
            let spikes = layers.neuron(&part("lif"), &[norm])?;
            layers.global_avg_pool(&spikes)?
        }
    };
    layers.linear(&format!("heads.{name}"), &pooled, classes)
}

#[cfg(test)]
mod tests {
    use super::resampling;

    #[test]
    fn new_steps_average_the_steps_that_they_cover() {
        assert_eq!(resampling(2, 4), [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5]);
        let close = |got: &[f32], want: &[f32]| {
            assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-4), "{got:?} {want:?}");
        };
        let third = [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0, 0.0, 0.0];
        close(&resampling(4, 6)[..6], &third);
        close(&resampling(4, 6)[6..12], &[0.0, 1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0, 0.0]);
        close(&resampling(6, 8)[8..16], &[0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let identity = resampling(3, 3);
        assert_eq!(identity, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    }
}
