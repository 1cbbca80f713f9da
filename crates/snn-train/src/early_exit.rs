//! What stopping early comes to: in an evaluation of all steps it is seen where each sample would have stopped.

use snn_records::EarlyExit;

/// The margins of a card's curve.
pub const EXIT_MARGINS: [f64; 6] = [0.1, 0.3, 0.5, 0.7, 0.9, 0.99];

/// How sure the answers of samples were after each step, by [`snn_models::margin`] of the mean logits, and whether they
/// were right: 16 bytes for each sample and step.
#[derive(Clone, Debug, Default)]
pub struct Margins {
    /// Sample after sample, step after step.
    steps: Vec<(f64, bool)>,
    samples: usize,
}

impl Margins {
    /// Adds a sample's next step. One whose logits are not finite is not sure at all.
    pub(crate) fn push(&mut self, margin: Option<f64>, is_right: bool) {
        self.steps.push((margin.unwrap_or(f64::NEG_INFINITY), is_right));
    }

    /// Ends a sample.
    pub(crate) fn end(&mut self) {
        self.samples += 1;
    }

    /// For each sample, in the order of the pass, the steps that it takes until its margin is at least `margin`, and whether
    /// its answer is right there.
    pub fn stops(&self, margin: f64) -> impl Iterator<Item = (usize, bool)> {
        let t_steps = self.steps.len().checked_div(self.samples).unwrap_or(0).max(1);
        self.steps.chunks_exact(t_steps).map(move |steps| {
            let at = steps.iter().position(|(sure, _)| *sure >= margin);
            let at = at.unwrap_or(steps.len() - 1);
            (at + 1, steps[at].1)
        })
    }

    /// Mean steps and accuracy where samples stop at `margin`.
    pub fn at(&self, margin: f64) -> EarlyExit {
        let (mut steps, mut right) = (0, 0);
        for (taken, is_right) in self.stops(margin) {
            steps += taken;
            right += usize::from(is_right);
        }
        let n = self.samples.max(1) as f64;
        EarlyExit { margin, mean_steps: steps as f64 / n, top1: 100.0 * right as f64 / n }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stop_at_the_first_step_that_is_sure_enough() {
        let mut margins = Margins::default();
        // Sure and right at once; sure and wrong at 2, right at 3; never sure, right at the end.
        for sample in [
            [(Some(0.9), true), (Some(0.1), false), (Some(0.2), false)],
            [(Some(0.1), false), (Some(0.5), false), (Some(0.6), true)],
            [(None, false), (Some(0.2), false), (Some(0.3), true)],
        ] {
            sample.into_iter().for_each(|(margin, is_right)| margins.push(margin, is_right));
            margins.end();
        }
        assert_eq!(margins.stops(0.5).collect::<Vec<_>>(), [(1, true), (2, false), (3, true)]);
        let exit = margins.at(0.5);
        assert_eq!((exit.mean_steps, exit.top1), (2.0, 100.0 * 2.0 / 3.0));
        let all = margins.at(1.0);
        assert_eq!((all.mean_steps, all.top1), (3.0, 100.0 * 2.0 / 3.0));
        assert_eq!(margins.at(0.0).mean_steps, (1 + 1 + 2) as f64 / 3.0);
        assert_eq!(Margins::default().at(0.5).mean_steps, 0.0);
    }
}
