//! What a spike can say: one bit, a fixed-point number of several bits, or a whole number.

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
}
