//! evaluation.json.

use serde::{Deserialize, Serialize};

use crate::{Metrics, Work};

/// What one evaluation of a run's checkpoint found: all that a report shows and a result does not hold. It is kept beside the
/// run, and holds for the checkpoint that it names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// SHA-256 of the checkpoint's config.json and model.safetensors, one after the other.
    pub checkpoint: String,
    /// The data set.
    pub dataset: String,
    /// Its split.
    pub split: String,
    /// Hash of which samples are on which side of it.
    pub split_hash: String,
    /// Time steps.
    pub t_steps: usize,
    /// The kernels.
    pub engine: String,
    /// The figures.
    pub metrics: Metrics,
    /// The layers of neurons in the order of the walk; their rates are in `metrics`.
    pub neurons: Vec<String>,
    /// What the layers had to compute for a sample.
    pub work: Work,
    /// The classes' names.
    pub classes: Vec<String>,
    /// Samples of each class.
    pub samples: Vec<usize>,
    /// How often each class was answered to the samples of each: a row a label, a column an answer. A sample whose scores
    /// are not finite has no answer and stands in no column.
    pub confusion: Vec<Vec<usize>>,
}

impl EvaluationRecord {
    /// Samples of class `at` that were answered rightly, in percent; 0 for a class without samples.
    pub fn class_top1(&self, at: usize) -> f64 {
        let right = self.confusion.get(at).and_then(|row| row.get(at)).copied().unwrap_or(0);
        100.0 * right as f64 / self.samples.get(at).copied().unwrap_or(0).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::EvaluationRecord;

    #[test]
    fn classes_have_their_share_of_right_answers() {
        let confusion = vec![vec![2, 1], vec![0, 3]];
        let found =
            EvaluationRecord { samples: vec![3, 4], confusion, ..EvaluationRecord::default() };
        assert!((found.class_top1(0) - 200.0 / 3.0).abs() < 1e-12);
        assert_eq!((found.class_top1(1), found.class_top1(2)), (75.0, 0.0));
    }
}
