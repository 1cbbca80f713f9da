//! What a spike can say: one bit, a fixed-point number of several bits, or a whole number.

use super::config::{LifConfig, Reset};
use crate::{Error, Result, Surrogate};

/// The values of a spike. It is stored as the whole number k, whose unit is [`Levels::unit`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Levels {
    /// 0 or 1.
    #[default]
    Binary,
    /// `k 2^-fraction` for k below `2^(whole + fraction)`: so many bits before and after the point. Bits `(1, 0)` are
    /// [`Levels::Binary`] where `v_threshold` is 1.
    ///
    /// # Source
    /// "Multi-bit spikes" (arXiv:2407.05739): independent re-implementation from the abstract; constants ours.
    Bits {
        /// Bits before the point.
        whole: u8,
        /// Bits after the point.
        fraction: u8,
    },
    /// 0 to this whole number, rounded to the nearest (ties to even) rather than cut.
    ///
    /// # Source
    /// The I-LIF neuron of SpikeYOLO (`yolo_spikformer.py`), in thresholds where `v_threshold` is not 1.
    Counts(u8),
}

impl Levels {
    /// The greatest k.
    pub fn most(self) -> u8 {
        match self {
            Self::Binary => 1,
            Self::Bits { whole, fraction } => (1u16
                .checked_shl(u32::from(whole) + u32::from(fraction)))
            .map_or(u8::MAX, |n| (n - 1).min(u16::from(u8::MAX)) as u8),
            Self::Counts(most) => most,
        }
    }

    /// The value of k = 1.
    pub fn unit(self) -> f32 {
        match self {
            Self::Binary | Self::Counts(_) => 1.0,
            Self::Bits { fraction, .. } => 0.5f32.powi(fraction.into()),
        }
    }

    /// Refuses bits that a spike cannot have, and constants that only neurons of one bit have.
    pub(super) fn check(self, config: &LifConfig) -> Result<()> {
        let refuse = |field: &'static str, why: &str| Err(Error::Config { field, why: why.into() });
        match self {
            Self::Binary => return Ok(()),
            Self::Bits { whole, fraction } => {
                let n = u16::from(whole) + u16::from(fraction);
                if !(1..=8).contains(&n) {
                    let why = format!(
                        "are [{whole}, {fraction}], {n} bits; use 1 to 8 in all, such as [1, 1]"
                    );
                    return Err(Error::Config { field: "bits", why });
                }
            }
            Self::Counts(0) => return refuse("levels", "are 0; use 1 to 255"),
            Self::Counts(_) => {}
        }
        if config.reset != Reset::Soft {
            return refuse("reset", "is hard; spikes of several levels need soft");
        }
        if config.strict {
            return refuse("strict", "is true; spikes of several levels need false");
        }
        if config.surrogate != Surrogate::Rectangle {
            return refuse("surrogate", "must be rectangle for spikes of several levels");
        }
        if config.adaptation.is_some() {
            return refuse("threshold_gain", "adapts the threshold of neurons of one bit alone");
        }
        Ok(())
    }
}
