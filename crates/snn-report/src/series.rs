//! What is drawn by one colour and stands in one column: runs that go by one name.

use snn_records::{EpochReport, EvaluationRecord, Metrics};

/// Runs that go by one name. Sections give their mean and spread.
#[derive(Clone, Debug, Default)]
pub struct Series<'a> {
    /// The name.
    pub name: &'a str,
    /// The epochs of each run.
    pub runs: Vec<&'a [EpochReport]>,
    /// What was measured of their checkpoints, as far as it was.
    pub found: Vec<&'a EvaluationRecord>,
}

impl Series<'_> {
    /// The figures of the last evaluation that each run made itself, or, where none did, of the checkpoints.
    pub(crate) fn metrics(&self) -> Vec<&Metrics> {
        let runs = self.runs.iter();
        let own: Vec<&Metrics> =
            runs.filter_map(|run| run.iter().rev().find_map(|epoch| epoch.test.as_ref())).collect();
        match own.is_empty() {
            true => self.found.iter().map(|found| &found.metrics).collect(),
            false => own,
        }
    }
}
