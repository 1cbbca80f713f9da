//! Early exit: a sample's steps end where its answer is sure enough.

use candle_core::Tensor;
use snn_ops::buffer;

use crate::forward::Input;
use crate::predict::{NOT_FINITE, Seen, finite, refuse};
use crate::state::State;
use crate::{Error, Model, Prediction, Result};

/// How sure scores are: the softmax probability of the largest less that of the second largest, 0 to 1. None where a
/// score is not finite.
///
/// # Equation
/// `(1 - exp(s2 - s1)) / sum_k exp(sk - s1)`, s1 and s2 being the two largest scores; of one class alone 1.
pub fn margin(scores: &[f64]) -> Option<f64> {
    let (mut first, mut second) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for &score in scores {
        if !score.is_finite() {
            return None;
        }
        (first, second) = if score > first { (score, first) } else { (first, second.max(score)) };
    }
    let total: f64 = scores.iter().map(|score| (score - first).exp()).sum();
    Some((1.0 - (second - first).exp()) / total)
}

impl Model {
    /// The answer to one sample, whose steps end with the first after which [`margin`] of the mean scores is at least
    /// `least`, or with the last one. [`Prediction::per_step`] has as many entries as there were steps; no other is computed.
    /// Answers are those of [`Model::predict`] on so many steps, to the bit.
    ///
    /// # Shapes
    /// - `input`: one sample, `[1, C, H, W]` or `[T, 1, C, H, W]`
    ///
    /// # Errors
    /// [`Error::Config`] for a margin outside 0 to 1, for a network that mixes steps, and when the input or the scores are
    /// not finite; [`Error::Shape`] for another shape.
    pub fn predict_until(&self, input: &Input, least: f64) -> Result<Prediction> {
        if !(0.0..=1.0).contains(&least) {
            let why = format!("is {least}; use 0 to 1");
            return Err(Error::Config { field: "margin".into(), why });
        }
        let x = finite(input)?;
        let (frames, t_steps) = match input {
            Input::Frames(_) => (x.clone(), x.dims().first().copied().unwrap_or(0)),
            Input::Still(_) => {
                let t_steps = self.config().t_steps;
                (self.config().encoding.frames(&x, t_steps)?, t_steps)
            }
        };
        let &[kept, 1, ..] = frames.dims() else {
            let (what, expected) = ("input".into(), "one sample".into());
            return Err(Error::Shape { what, expected, got: input.tensor().dims().to_vec() });
        };
        let (mut state, mut seen) = (State::new(), Seen::default());
        for t in 0..t_steps {
            let scores = self.step(&frame(&frames, t.min(kept - 1))?, &mut state)?;
            let read = buffer::with_f32("logits", &scores, |scores| Ok(seen.push(scores)))?;
            let sure = read.and_then(|()| margin(&seen.mean()));
            if sure.ok_or_else(|| refuse(NOT_FINITE))? >= least {
                break;
            }
        }
        seen.answer().ok_or_else(|| refuse(NOT_FINITE))
    }
}

/// A step's `[1, C, H, W]`.
fn frame(frames: &Tensor, t: usize) -> Result<Tensor> {
    Ok(frames.get(t)?.contiguous()?)
}

#[cfg(test)]
mod tests {
    use super::margin;

    #[test]
    fn margin_is_the_difference_of_the_two_largest_probabilities() {
        let scores = [0.5, 3.0, 2.0, -1.0];
        let total: f64 = scores.iter().map(|v: &f64| v.exp()).sum();
        let hand = (3.0f64.exp() - 2.0f64.exp()) / total;
        assert!((margin(&scores).unwrap() - hand).abs() < 1e-15);
        assert_eq!(margin(&[2.0, 2.0, 1.0]), Some(0.0));
        assert_eq!((margin(&[7.0]), margin(&[f64::NAN, 1.0])), (Some(1.0), None));
    }
}
