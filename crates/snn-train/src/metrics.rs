//! What is measured of a model's answers: top-k accuracy, AURC, and accuracy by time step.

use snn_records::Metrics;

use crate::early_exit::Margins;
use crate::{Error, Result};

/// Whether `label` is among the `k` largest entries of `row`; of equal entries the first counts as larger, and NaN is
/// never among them.
pub fn in_top_k(row: &[f64], label: usize, k: usize) -> bool {
    let Some(&own) = row.get(label).filter(|v| !v.is_nan()) else { return false };
    let ahead = |(i, &v): (usize, &f64)| v > own || (v == own && i < label) || v.is_nan();
    row.iter().enumerate().filter(|&x| ahead(x)).count() < k
}

/// Area under the risk-coverage curve, and its excess over the best ranking of as many errors.
///
/// # Equation
/// Samples sorted by confidence, high to low, ties in their given order; E errors among N:
/// ```text
/// r_k   = (errors among the first k) / k
/// aurc  = (1/N) sum_k r_k
/// eaurc = aurc - (1/N) sum_{i=1..E} i / (N - E + i)
/// ```
///
/// # Source
/// Geifman et al., "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers"; no difference. Both are
/// fractions here; tables give them times 10^3. No sample gives (0, 0).
pub fn aurc(confidence: &[f64], correct: &[bool]) -> (f64, f64) {
    let mut order: Vec<(f64, bool)> =
        confidence.iter().copied().zip(correct.iter().copied()).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let n = order.len();
    if n == 0 {
        return (0.0, 0.0);
    }
    let (mut errors, mut risk) = (0usize, 0.0);
    for (k, (_, correct)) in order.iter().enumerate() {
        errors += usize::from(!correct);
        risk += errors as f64 / (k + 1) as f64;
    }
    let best: f64 = (1..=errors).map(|i| i as f64 / (n - errors + i) as f64).sum();
    (risk / n as f64, (risk - best) / n as f64)
}

/// How many samples of a batch `[T, N, K]` have the label's mean logit as the largest.
pub(crate) fn count_correct(logits: &[f32], labels: &[u32], n_classes: usize) -> usize {
    let frame = labels.len() * n_classes;
    let right = |&(sample_idx, &label): &(usize, &u32)| {
        let mut sum = vec![0.0; n_classes];
        for step in logits.chunks_exact(frame.max(1)) {
            let own = &step[sample_idx * n_classes..][..n_classes];
            sum.iter_mut().zip(own).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        in_top_k(&sum, label as usize, 1)
    };
    labels.iter().enumerate().filter(right).count()
}

/// The answer to a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The sample's class.
    pub label: usize,
    /// The class with the largest mean logit, the first of equals; none where a logit is NaN.
    pub class: Option<usize>,
    /// The largest softmax of the mean logits.
    pub probability: f64,
    /// The largest mean logit.
    pub logit: f64,
}

impl Answer {
    /// Whether it is right.
    pub fn is_correct(&self) -> bool {
        self.class == Some(self.label)
    }
}

/// How often each class was answered to each: rows are labels, columns the answers. An answer without a class is in none.
pub fn confusion(answers: &[Answer], n_classes: usize) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; n_classes]; n_classes];
    for answer in answers {
        let row = counts.get_mut(answer.label);
        if let Some(count) = row.zip(answer.class).and_then(|(row, class)| row.get_mut(class)) {
            *count += 1;
        }
    }
    counts
}

/// Collects the answers of a pass, batch by batch.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    answers: Vec<Answer>,
    correct5: usize,
    per_step: Vec<usize>,
    cumulative: Vec<usize>,
    margins: Margins,
}

impl Meter {
    /// Adds a batch.
    ///
    /// # Shapes
    /// - `logits`: `[T, N, K]` row by row; `labels`: N labels below K
    ///
    /// # Errors
    /// [`Error::Loss`] for a label of K or more; [`Error::Ops`] when the lengths do not fit, or T is not that of the
    /// batches before.
    pub fn push(&mut self, logits: &[f32], labels: &[u32], n_classes: usize) -> Result<()> {
        let frame = labels.len() * n_classes;
        let t_steps = logits.len().checked_div(frame).unwrap_or(0);
        let fits = t_steps * frame == logits.len() && t_steps > 0;
        if !fits || !(self.per_step.is_empty() || self.per_step.len() == t_steps) {
            return Err(Error::Ops(snn_ops::Error::Shape {
                what: "logits of a batch",
                expected: format!("[T, {}, {n_classes}] with T as before", labels.len()),
                got: vec![logits.len()],
            }));
        }
        self.per_step.resize(t_steps, 0);
        self.cumulative.resize(t_steps, 0);
        for (sample_idx, &label) in labels.iter().enumerate() {
            if label as usize >= n_classes {
                let error = snn_losses::Error::Label { label, sample_idx, n_classes };
                return Err(Error::Loss(error));
            }
            self.sample(logits, sample_idx, label as usize, n_classes, frame);
        }
        Ok(())
    }

    fn sample(&mut self, logits: &[f32], idx: usize, label: usize, n_classes: usize, frame: usize) {
        let mut sum = vec![0.0; n_classes];
        for (t, step) in logits.chunks_exact(frame).enumerate() {
            let own = &step[idx * n_classes..][..n_classes];
            let own: Vec<f64> = own.iter().map(|&v| f64::from(v)).collect();
            sum.iter_mut().zip(&own).for_each(|(sum, v)| *sum += v);
            self.per_step[t] += usize::from(in_top_k(&own, label, 1));
            let is_right = in_top_k(&sum, label, 1);
            self.cumulative[t] += usize::from(is_right);
            let mean: Vec<f64> = sum.iter().map(|v| v / (t + 1) as f64).collect();
            self.margins.push(snn_models::margin(&mean), is_right);
        }
        self.margins.end();
        let mean: Vec<f64> = sum.iter().map(|v| v / self.per_step.len() as f64).collect();
        let largest = mean.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = mean.iter().map(|v| (v - largest).exp()).sum();
        let class = (0..n_classes).find(|&class| in_top_k(&mean, class, 1));
        self.answers.push(Answer { label, class, probability: 1.0 / total, logit: largest });
        self.correct5 += usize::from(in_top_k(&mean, label, 5));
    }

    /// The measures of everything that was added.
    pub fn finish(&self) -> Metrics {
        let n = self.answers.len();
        let percent = |count: usize| 100.0 * count as f64 / n.max(1) as f64;
        let all = |f: fn(&Answer) -> f64| self.answers.iter().map(f).collect::<Vec<_>>();
        let correct: Vec<bool> = self.answers.iter().map(Answer::is_correct).collect();
        let (aurc_softmax, eaurc_softmax) = aurc(&all(|a| a.probability), &correct);
        let (aurc_logit, eaurc_logit) = aurc(&all(|a| a.logit), &correct);
        Metrics {
            n,
            top1: percent(correct.iter().filter(|&&c| c).count()),
            top5: percent(self.correct5),
            aurc_softmax: 1e3 * aurc_softmax,
            aurc_logit: 1e3 * aurc_logit,
            eaurc_softmax: 1e3 * eaurc_softmax,
            eaurc_logit: 1e3 * eaurc_logit,
            per_step_top1: self.per_step.iter().map(|&c| percent(c)).collect(),
            cumulative_top1: self.cumulative.iter().map(|&c| percent(c)).collect(),
            ..Metrics::default()
        }
    }

    /// The answers in the order in which they were added.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// How sure the answers were at each step.
    pub fn margins(&self) -> &Margins {
        &self.margins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example_of_aurc_comes_out() {
        let correct = [true, true, false, true, false];
        let (area, excess) = aurc(&[0.9, 0.8, 0.7, 0.6, 0.5], &correct);
        assert!((area - 0.196_666_7).abs() < 1e-6 && (excess - 0.066_666_7).abs() < 1e-6);
        // All equal: the given order stays.
        assert_eq!(aurc(&[0.5; 5], &correct), (area, excess));
        assert_eq!(aurc(&[], &[]), (0.0, 0.0));
    }

    #[test]
    fn top_k_is_clipped_at_k_and_breaks_ties_by_order() {
        assert!(in_top_k(&[1.0, 2.0], 0, 5) && !in_top_k(&[1.0, 2.0], 0, 1));
        assert!(in_top_k(&[2.0, 2.0], 0, 1) && !in_top_k(&[2.0, 2.0], 1, 1));
        assert!(!in_top_k(&[f64::NAN, 1.0], 0, 2) && !in_top_k(&[f64::NAN, 1.0], 1, 1));
    }

    #[test]
    fn steps_are_counted_alone_and_together() {
        // T = 2, N = 2, K = 2. Sample 0: right, then wrong by more. Sample 1: wrong, then right by more.
        let logits = [1.0, 0.0, 1.0, 0.0, 0.0, 3.0, 0.0, 3.0];
        let mut meter = Meter::default();
        meter.push(&logits, &[0, 1], 2).unwrap();
        let metrics = meter.finish();
        assert_eq!(metrics.per_step_top1, [50.0, 50.0]);
        assert_eq!(metrics.cumulative_top1, [50.0, 50.0]);
        assert_eq!((metrics.n, metrics.top1, metrics.top5), (2, 50.0, 100.0));
        assert_eq!(count_correct(&logits, &[0, 1], 2), 1);
    }

    #[test]
    fn answers_and_their_confusion_are_kept() {
        let mut meter = Meter::default();
        // One step, K = 3: right, wrong, a tie whose first class counts, and NaN.
        let logits = [3.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1.0, 1.0, f32::NAN, 1.0, 0.0];
        meter.push(&logits, &[0, 2, 1, 1], 3).unwrap();
        let answers = meter.answers();
        let classes: Vec<_> = answers.iter().map(|a| (a.label, a.class, a.is_correct())).collect();
        assert_eq!(
            classes,
            [(0, Some(0), true), (2, Some(1), false), (1, Some(1), true), (1, None, false)]
        );
        let probability = 1.0 / (1.0 + 2.0 * (-3.0f64).exp());
        assert!((answers[0].probability - probability).abs() < 1e-12 && answers[0].logit == 3.0);
        assert_eq!(confusion(answers, 3), [vec![1, 0, 0], vec![0, 1, 0], vec![0, 1, 0]]);
        assert_eq!(meter.finish().top1, 50.0);
    }

    #[test]
    fn bad_batches_are_typed_errors() {
        let mut meter = Meter::default();
        assert!(matches!(meter.push(&[0.0; 4], &[2], 2), Err(Error::Loss(_))));
        assert!(matches!(meter.push(&[0.0; 3], &[0], 2), Err(Error::Ops(_))));
        assert!(matches!(meter.push(&[0.0; 2], &[0], 2), Err(Error::Ops(_))));
    }
}
