//! How the weight of knowledge sharing grows with the epochs.

/// How alpha goes from the first to the last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Ramp {
    /// As the released trainer has it: `alpha e / E` for `e = 0..E-1`, so that the end of the ramp is never reached.
    Released,
    /// As the paper has it: `alpha e / (E - 1)`, the whole alpha in the last epoch, also when E is 1.
    Paper,
    /// The whole alpha from the first epoch on.
    Constant,
}

impl Ramp {
    /// The weight in `epoch` of `epochs`, counted from 0, where `end` is that of the ramp's end; an epoch past the last
    /// is the last.
    ///
    /// ```
    /// use snn_losses::Ramp;
    /// assert_eq!(Ramp::Released.alpha(0.7, 0, 2), 0.0);
    /// assert_eq!(Ramp::Released.alpha(0.7, 1, 2), 0.35);
    /// assert_eq!(Ramp::Paper.alpha(0.7, 1, 2), 0.7);
    /// ```
    pub fn alpha(self, end: f64, epoch: usize, epochs: usize) -> f64 {
        let last = epochs.saturating_sub(1);
        let epoch = epoch.min(last) as f64;
        match self {
            Ramp::Released => end * epoch / epochs.max(1) as f64,
            Ramp::Paper if last == 0 => end,
            Ramp::Paper => end * epoch / last as f64,
            Ramp::Constant => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ramp;

    #[test]
    fn ramps_start_at_zero_and_grow_linearly() {
        for epoch in 0..600 {
            let e = epoch as f64;
            assert_eq!(Ramp::Released.alpha(0.7, epoch, 600), 0.7 * e / 600.0);
            assert_eq!(Ramp::Paper.alpha(0.7, epoch, 600), 0.7 * e / 599.0);
        }
    }

    #[test]
    fn one_epoch_is_all_ramp_on_paper_and_none_in_the_release() {
        assert_eq!((Ramp::Released.alpha(0.3, 0, 1), Ramp::Paper.alpha(0.3, 0, 1)), (0.0, 0.3));
        assert_eq!((Ramp::Released.alpha(0.3, 0, 0), Ramp::Paper.alpha(0.3, 9, 3)), (0.0, 0.3));
    }
}
