//! Rows of a report: a run each.

use serde::{Deserialize, Serialize};

/// A run as `snn report` lists it. What an unfinished run does not have yet is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportRow {
    /// The run's directory.
    pub run: String,
    /// The data set.
    pub dataset: String,
    /// Its split.
    pub split: String,
    /// The network.
    pub architecture: String,
    /// Factor of its channels.
    pub width: Option<f64>,
    /// Time steps.
    pub t_steps: Option<usize>,
    /// The loss.
    pub loss: String,
    /// The method, where there is one.
    pub method: String,
    /// The seed.
    pub seed: Option<u64>,
    /// Epochs that ended.
    pub epochs_done: usize,
    /// Epochs that it is to have.
    pub epochs: Option<usize>,
    /// Top-1 in percent of the last evaluation.
    pub top1: Option<f64>,
    /// Top-5 in percent.
    pub top5: Option<f64>,
    /// AURC by the largest softmax, times 1000.
    pub aurc_softmax: Option<f64>,
    /// AURC by the largest logit, times 1000.
    pub aurc_logit: Option<f64>,
    /// Top-1 at the first step alone.
    pub step1_top1: Option<f64>,
    /// Synaptic operations of a sample.
    pub synaptic_operations: Option<f64>,
    /// Hours of all epochs.
    pub hours: f64,
    /// The kernels.
    pub engine: String,
    /// The number format.
    pub precision: String,
    /// The source code's commit, where the program knew it.
    pub commit: String,
    /// Hash of the recipe's keys that can change weights.
    pub recipe_hash: String,
}

impl ReportRow {
    /// The columns of the CSV.
    pub const COLUMNS: [&str; 22] = [
        "run",
        "dataset",
        "split",
        "architecture",
        "width",
        "t_steps",
        "loss",
        "method",
        "seed",
        "epochs_done",
        "epochs",
        "top1",
        "top5",
        "aurc_softmax",
        "aurc_logit",
        "step1_top1",
        "synaptic_operations",
        "hours",
        "engine",
        "precision",
        "commit",
        "recipe_hash",
    ];

    /// The row as text, a cell for each of [`ReportRow::COLUMNS`].
    pub fn cells(&self) -> [String; 22] {
        let figure = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.2}"));
        let count = |value: Option<usize>| value.map_or(String::new(), |v| v.to_string());
        [
            self.run.clone(),
            self.dataset.clone(),
            self.split.clone(),
            self.architecture.clone(),
            self.width.map_or(String::new(), |width| width.to_string()),
            count(self.t_steps),
            self.loss.clone(),
            self.method.clone(),
            self.seed.map_or(String::new(), |seed| seed.to_string()),
            self.epochs_done.to_string(),
            count(self.epochs),
            figure(self.top1),
            figure(self.top5),
            figure(self.aurc_softmax),
            figure(self.aurc_logit),
            figure(self.step1_top1),
            self.synaptic_operations.map_or(String::new(), |n| format!("{n:.0}")),
            format!("{:.4}", self.hours),
            self.engine.clone(),
            self.precision.clone(),
            self.commit.clone(),
            self.recipe_hash.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::ReportRow;

    #[test]
    fn cells_stand_under_their_columns() {
        let (engine, top1) = ("portable".into(), Some(50.0));
        let row = ReportRow { engine, top1, seed: Some(7), ..ReportRow::default() };
        let cells = row.cells();
        let cell = |name| &*cells[ReportRow::COLUMNS.iter().position(|c| *c == name).unwrap()];
        assert_eq!((cell("engine"), cell("top1"), cell("seed")), ("portable", "50.00", "7"));
        assert_eq!((cell("aurc_logit"), cell("hours")), ("", "0.0000"));
    }
}
