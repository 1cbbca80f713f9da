//! Rows of a reproduced table.

use serde::{Deserialize, Serialize};

/// A row of a table of a paper, and what ran here in its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableRow {
    /// The table's number, such as `4`.
    pub table: String,
    /// The paper's data set.
    pub paper_dataset: String,
    /// The network.
    pub architecture: String,
    /// The method.
    pub method: String,
    /// The paper's time steps.
    pub t_steps: String,
    /// The paper's top-1, as it is printed there.
    pub paper_top1: String,
    /// The paper's top-5.
    pub paper_top5: String,
    /// The paper's AURC.
    pub paper_aurc: String,
    /// The data set that ran here, or what is missing.
    pub dataset: String,
    /// What of the recipe no source states.
    #[serde(default)]
    pub remark: String,
    /// Whether the paper trained the row with its augmentation, for which it stars the method.
    #[serde(default)]
    pub augmented: bool,
    /// What ran here, where something did.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<TableFigures>,
}

/// The figures of a row: means over the seeds, but for what is said to be another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableFigures {
    /// The split that was measured.
    pub split: String,
    /// Top-1 in percent, after the last epoch.
    pub top1: f64,
    /// Top-5 in percent.
    pub top5: f64,
    /// AURC by the largest softmax, times 1000.
    pub aurc_softmax: f64,
    /// AURC by the largest logit, times 1000.
    pub aurc_logit: f64,
    /// Runs.
    pub seeds: usize,
    /// Sample standard deviation of top-1 over the seeds, where there are several.
    pub top1_std: Option<f64>,
    /// Seconds of one run.
    pub seconds: f64,
    /// The largest resident memory of any run in MiB.
    pub peak_rss_mb: f64,
    /// The kernels.
    pub engine: String,
    /// The number format.
    pub precision: String,
    /// The first seed's checkpoint: a path that `snn eval` takes.
    pub checkpoint: String,
    /// Which samples train and which test, as a hash.
    pub split_hash: String,
    /// The loss, whose name says which form of TKS it is: `tks` as released, `tks-paper` as printed.
    #[serde(default)]
    pub loss: String,
    /// The figures of the epoch with the best test top-1, which is chosen on the test data.
    #[serde(default)]
    pub best: BestFigures,
}

/// The figures of each run's best epoch: means over the seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BestFigures {
    /// Top-1 in percent.
    pub top1: f64,
    /// Top-5 in percent.
    pub top5: f64,
    /// AURC by the largest softmax, times 1000.
    pub aurc_softmax: f64,
    /// AURC by the largest logit, times 1000.
    pub aurc_logit: f64,
}

impl BestFigures {
    /// The figures in the order of their columns.
    pub fn figures(&self) -> [f64; 4] {
        [self.top1, self.top5, self.aurc_softmax, self.aurc_logit]
    }
}

impl TableRow {
    /// The columns of the CSV.
    pub const COLUMNS: [&str; 29] = [
        "table",
        "paper_dataset",
        "architecture",
        "method",
        "t_steps",
        "paper_top1",
        "paper_top5",
        "paper_aurc",
        "dataset",
        "split",
        "top1",
        "top5",
        "aurc_softmax",
        "aurc_logit",
        "seeds",
        "top1_std",
        "seconds",
        "peak_rss_mb",
        "engine",
        "precision",
        "checkpoint",
        "split_hash",
        "loss",
        "best_top1",
        "best_top5",
        "best_aurc_softmax",
        "best_aurc_logit",
        "remark",
        "augmented",
    ];

    /// The row as text, a cell for each of [`TableRow::COLUMNS`]; those of a row that did not run are empty.
    pub fn cells(&self) -> Vec<String> {
        let own = [
            &self.table,
            &self.paper_dataset,
            &self.architecture,
            &self.method,
            &self.t_steps,
            &self.paper_top1,
            &self.paper_top5,
            &self.paper_aurc,
            &self.dataset,
        ];
        let mut cells: Vec<String> = own.map(String::clone).into();
        if let Some(ours) = &self.ours {
            let figures = [ours.top1, ours.top5, ours.aurc_softmax, ours.aurc_logit];
            cells.push(ours.split.clone());
            cells.extend(figures.map(|value| format!("{value:.2}")));
            cells.push(ours.seeds.to_string());
            cells.push(ours.top1_std.map_or(String::new(), |std| format!("{std:.2}")));
            cells.extend([format!("{:.1}", ours.seconds), format!("{:.0}", ours.peak_rss_mb)]);
            let names = [&ours.engine, &ours.precision, &ours.checkpoint, &ours.split_hash];
            cells.extend(names.map(String::clone));
            cells.push(ours.loss.clone());
            cells.extend(ours.best.figures().map(|value| format!("{value:.2}")));
        }
        cells.resize(Self::COLUMNS.len() - 2, String::new());
        cells.extend([self.remark.clone(), if self.augmented { "yes" } else { "no" }.into()]);
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::{BestFigures, TableFigures, TableRow};

    #[test]
    fn cells_stand_under_their_columns() {
        let best = BestFigures { top5: 99.5, ..BestFigures::default() };
        let ours =
            TableFigures { top1: 81.5, split_hash: "h".into(), best, ..TableFigures::default() };
        let (table, dataset, remark) = ("4".into(), "d".into(), "r".into());
        let row = TableRow { table, dataset, remark, ..TableRow::default() };
        let ran = TableRow { ours: Some(ours), ..row.clone() };
        for (row, top1, hash) in [(row, "", ""), (ran, "81.50", "h")] {
            let cells = row.cells();
            let cell = |name| {
                let at = TableRow::COLUMNS.iter().position(|column| *column == name).unwrap();
                cells[at].as_str()
            };
            assert_eq!(cells.len(), TableRow::COLUMNS.len());
            assert_eq!((cell("dataset"), cell("top1"), cell("split_hash")), ("d", top1, hash));
            let best_top5 = if hash.is_empty() { "" } else { "99.50" };
            assert_eq!(
                [cell("best_top5"), cell("remark"), cell("augmented")],
                [best_top5, "r", "no"]
            );
            let again: TableRow =
                serde_json::from_value(serde_json::to_value(&row).unwrap()).unwrap();
            assert_eq!(again, row);
        }
    }
}
