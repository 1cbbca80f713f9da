//! Rows of a study: what was measured of one run.

use serde::{Deserialize, Serialize};

/// A test of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StudyRow {
    /// The data set.
    pub dataset: String,
    /// Its split, as it was measured.
    pub split: String,
    /// The method: a row of the study.
    pub method: String,
    /// The network.
    pub architecture: String,
    /// Factor of its channels.
    pub width: f64,
    /// Time steps that it was trained with.
    pub t_steps: usize,
    /// The seed.
    pub seed: u64,
    /// What was measured: `last epoch`, or the name of another test.
    pub test: String,
    /// Top-1 in percent.
    pub top1: f64,
    /// AURC by the largest softmax, times 1000.
    pub aurc: f64,
    /// Seconds that the run trained.
    pub seconds: f64,
    /// The kernels.
    pub engine: String,
    /// The source code's commit, where the program knew it.
    pub commit: String,
    /// What runs it again.
    pub command: String,
}

impl StudyRow {
    /// The columns of the CSV.
    pub const COLUMNS: [&str; 14] = [
        "dataset",
        "split",
        "method",
        "architecture",
        "width",
        "t_steps",
        "seed",
        "test",
        "top1",
        "aurc",
        "seconds",
        "engine",
        "commit",
        "command",
    ];

    /// The row as text, a cell for each of [`StudyRow::COLUMNS`].
    pub fn cells(&self) -> [String; 14] {
        [
            self.dataset.clone(),
            self.split.clone(),
            self.method.clone(),
            self.architecture.clone(),
            self.width.to_string(),
            self.t_steps.to_string(),
            self.seed.to_string(),
            self.test.clone(),
            format!("{:.2}", self.top1),
            format!("{:.2}", self.aurc),
            format!("{:.1}", self.seconds),
            self.engine.clone(),
            self.commit.clone(),
            self.command.clone(),
        ]
    }
}
