//! The figures that the paper prints, from `data/paper/*.csv`.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::files;

const HEADER: &str = "paper_dataset,architecture,method,t_steps,paper_top1,paper_top5,paper_aurc";

/// A row of the paper's table. The figures are kept as printed; one that the paper leaves out is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperRow {
    /// The data set, in the paper's words.
    pub dataset: String,
    /// The network, in ours: `resnet19`.
    pub architecture: String,
    /// `Baseline`, `LS`, `TET` or `TKS`.
    pub method: String,
    /// Time steps.
    pub t_steps: String,
    /// Percent.
    pub top1: String,
    /// Percent.
    pub top5: String,
    /// Times 10^3.
    pub aurc: String,
}

impl PaperRow {
    /// The row in words.
    pub fn title(&self) -> String {
        format!("{} {} {}", self.dataset, self.architecture, self.method)
    }

    /// The network in the paper's words.
    pub fn network(&self) -> &str {
        match self.architecture.as_str() {
            "resnet19" => "ResNet-19",
            "sew_resnet18" => "SEW-ResNet-18",
            "sew_resnet19" => "SEW-ResNet-19",
            "sew_resnet34" => "SEW-ResNet-34",
            "sew_resnet50" => "SEW-ResNet-50",
            "vgg_snn" => "VGG-SNN",
            other => other,
        }
    }
}

/// Reads a table of the paper.
///
/// # Errors
/// When the file is missing or a line does not have the columns.
pub fn read(path: &Path) -> anyhow::Result<Vec<PaperRow>> {
    parse(&files::read(path)?).with_context(|| format!("in {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<PaperRow>> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    ensure!(header == HEADER, "line 1: the columns are {header}, expected {HEADER}");
    let mut rows = Vec::new();
    for (at, line) in lines.enumerate() {
        let cells: Vec<String> = line.split(',').map(str::to_string).collect();
        let n = cells.len();
        let Ok([dataset, architecture, method, t_steps, top1, top5, aurc]) =
            <[String; 7]>::try_from(cells)
        else {
            anyhow::bail!("line {}: {n} columns, expected 7", at + 2);
        };
        for (what, cell) in [
            ("t_steps", &t_steps),
            ("paper_top1", &top1),
            ("paper_top5", &top5),
            ("paper_aurc", &aurc),
        ] {
            let fine = cell.is_empty() || cell.parse::<f64>().is_ok();
            ensure!(fine, "line {}: {what} is {cell}, not a number", at + 2);
        }
        rows.push(PaperRow { dataset, architecture, method, t_steps, top1, top5, aurc });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table4_has_the_papers_28_rows() {
        let rows = read(&crate::sh::root().join("data/paper/table4.csv")).unwrap();
        assert_eq!(rows.len(), 28);
        assert_eq!(rows[0].title(), "CIFAR10 resnet19 Baseline");
        // Tables 1 and 2 of the paper print the TKS figures again.
        let tks: Vec<&str> =
            rows.iter().filter(|r| r.method == "TKS").map(|r| r.top1.as_str()).collect();
        assert_eq!(tks, ["96.35", "96.76", "79.89", "80.67", "69.60", "70.70", "85.30", "84.10"]);
        assert_eq!(rows.iter().filter(|row| row.aurc.is_empty()).count(), 4);
    }

    #[test]
    fn damage_is_named_by_line() {
        let row = "CIFAR10,resnet19,LS,4,95.99,99.63,6.60";
        assert_eq!(parse(&format!("{HEADER}\n{row}\n")).unwrap().len(), 1);
        for (bad, line) in [
            (format!("{HEADER}\n{row}\n{row},1\n"), "line 3"),
            (format!("{HEADER}\n{}\n", row.replace("95.99", "x")), "line 2"),
            (row.to_string(), "line 1"),
        ] {
            assert!(parse(&bad).unwrap_err().to_string().starts_with(line));
        }
    }
}
