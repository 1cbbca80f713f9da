//! How the weight of knowledge sharing grows with the epochs.

/// The two ramps of alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ramp {
    /// As the released trainer has it: `alpha_max e / E` for `e = 0..E-1`, so alpha_max is never reached.
    Released,
    /// As the paper has it: `alpha_max e / (E - 1)`, alpha_max in the last epoch; alpha_max when E is 1.
    Paper,
}

impl Ramp {
    /// The weight in `epoch` of `epochs`, counted from 0; an epoch past the last is the last.
    ///
    /// ```
    /// use snn_losses::Ramp;
    /// assert_eq!(Ramp::Released.alpha(0.7, 0, 2), 0.0);
    /// assert_eq!(Ramp::Released.alpha(0.7, 1, 2), 0.35);
    /// assert_eq!(Ramp::Paper.alpha(0.7, 1, 2), 0.7);
    /// ```
    pub fn alpha(self, alpha_max: f64, epoch: usize, epochs: usize) -> f64 {
        let last = epochs.saturating_sub(1);
        let epoch = epoch.min(last) as f64;
        match self {
            Ramp::Released => alpha_max * epoch / epochs.max(1) as f64,
            Ramp::Paper if last == 0 => alpha_max,
            Ramp::Paper => alpha_max * epoch / last as f64,
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
