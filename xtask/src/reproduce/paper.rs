//! The figures that the paper prints, from `data/paper/table*.csv`, which all have the same columns.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::files;

const HEADER: &str = "paper_dataset,architecture,method,t_steps,augmented,kind,source,paper_top1,paper_top5,paper_aurc";

/// A table of the paper, whose rows are in `data/paper/<name>.csv`.
#[derive(Clone, Copy, Debug)]
pub struct PaperTable {
    /// What the command calls it.
    pub name: &'static str,
    /// Its number.
    pub number: &'static str,
    /// What it shows.
    pub title: &'static str,
}

/// The paper's tables.
pub const TABLES: [PaperTable; 4] = [
    PaperTable { name: "table1", number: "1", title: "Table 1: TKS and others on images" },
    PaperTable { name: "table2", number: "2", title: "Table 2: TKS and others on events" },
    PaperTable { name: "table3", number: "3", title: "Table 3: fine-grained classification" },
    PaperTable { name: "table4", number: "4", title: "Table 4: four ways to train, compared" },
];

/// A row of a table of the paper. The figures are kept as printed; what the paper leaves out is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperRow {
    /// The data set, in the paper's words.
    pub dataset: String,
    /// The network; of trained rows in our words, `resnet19`.
    pub architecture: String,
    /// Such as `Baseline`, `LS`, `TET` or `TKS`.
    pub method: String,
    /// Time steps.
    pub t_steps: String,
    /// Whether the paper stars the row: trained with its augmentation.
    pub augmented: bool,
    /// Where the paper's figure comes from.
    pub origin: Origin,
    /// Percent.
    pub top1: String,
    /// Percent.
    pub top5: String,
    /// Times 10^3.
    pub aurc: String,
}

/// Where the figure of a row comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The paper's authors trained it, and so do we.
    Trained,
    /// The paper cites it; from whom. Never trained here.
    Cited(String),
}

impl PaperRow {
    /// The row in words.
    pub fn title(&self) -> String {
        let words = [&self.dataset, &self.architecture, &self.starred()];
        words.into_iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" ")
    }

    /// The method, with the paper's star where it was trained with augmentation.
    pub fn starred(&self) -> String {
        format!("{}{}", self.method, self.star())
    }

    /// The paper's star, or nothing.
    pub fn star(&self) -> &str {
        if self.augmented { "*" } else { "" }
    }

    /// The network in the paper's words.
    pub fn network(&self) -> &str {
        match self.architecture.as_str() {
            "" => "–",
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
    lines
        .enumerate()
        .map(|(at, line)| row(line).with_context(|| format!("line {}", at + 2)))
        .collect()
}

fn row(line: &str) -> anyhow::Result<PaperRow> {
    let cells: Vec<String> = line.split(',').map(str::to_string).collect();
    let n = cells.len();
    let Ok([dataset, architecture, method, t_steps, augmented, kind, source, top1, top5, aurc]) =
        <[String; 10]>::try_from(cells)
    else {
        anyhow::bail!("{n} columns, expected 10");
    };
    let figures = [
        ("t_steps", &t_steps),
        ("paper_top1", &top1),
        ("paper_top5", &top5),
        ("paper_aurc", &aurc),
    ];
    for (what, cell) in figures {
        ensure!(cell.is_empty() || cell.parse::<f64>().is_ok(), "{what} is {cell}, not a number");
    }
    let augmented = match augmented.as_str() {
        "yes" => true,
        "no" => false,
        other => anyhow::bail!("augmented is {other:?}; use yes or no"),
    };
    let origin = match kind.as_str() {
        "trained" => Origin::Trained,
        "cited" if !source.is_empty() => Origin::Cited(source),
        "cited" => anyhow::bail!("a cited row needs its source"),
        other => anyhow::bail!("kind is {other:?}; use trained or cited"),
    };
    Ok(PaperRow { dataset, architecture, method, t_steps, augmented, origin, top1, top5, aurc })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Vec<PaperRow> {
        read(&crate::sh::root().join(format!("data/paper/{name}.csv"))).unwrap()
    }

    #[test]
    fn tables_have_the_papers_rows() {
        let trained =
            |rows: &[PaperRow]| rows.iter().filter(|row| row.origin == Origin::Trained).count();
        for (name, all, own) in
            [("table1", 31, 8), ("table2", 16, 2), ("table3", 18, 18), ("table4", 28, 28)]
        {
            let rows = table(name);
            assert_eq!((rows.len(), trained(&rows)), (all, own), "{name}");
        }
        let rows = table("table4");
        assert_eq!(rows[0].title(), "CIFAR10 resnet19 Baseline*");
        assert_eq!(rows.iter().filter(|row| row.aurc.is_empty()).count(), 4);
    }

    #[test]
    fn tables_1_and_2_print_the_tks_figures_of_table_4_again() {
        let figure = |row: &PaperRow| {
            let PaperRow { dataset, architecture, augmented, top1, .. } = row.clone();
            (dataset, architecture, augmented, top1.parse::<f64>().unwrap().to_string())
        };
        let mut first: Vec<_> = ["table1", "table2"].iter().flat_map(|name| table(name)).collect();
        first.retain(|row| row.origin == Origin::Trained);
        let first: Vec<_> = first.iter().map(figure).collect();
        let of_table_4 = table("table4");
        let tks: Vec<_> = of_table_4.iter().filter(|row| row.method == "TKS").map(figure).collect();
        assert!(tks.iter().all(|row| first.contains(row)), "{tks:?} {first:?}");
        // What Table 1 has more are ResNet-19's two rows without a star.
        assert_eq!((first.len(), tks.len()), (10, 8));
    }

    #[test]
    fn damage_is_named_by_line() {
        let row = "CIFAR10,resnet19,LS,4,yes,trained,the paper,95.99,99.63,6.60";
        let text = |row: &str| format!("{HEADER}\n{row}\n");
        assert_eq!(parse(&text(row)).unwrap().len(), 1);
        for (bad, expected) in [
            (format!("{}{row},1\n", text(row)), "line 3: 11 columns"),
            (text(&row.replace("95.99", "x")), "line 2: paper_top1 is x"),
            (text(&row.replace("yes", "maybe")), "line 2: augmented is"),
            (text(&row.replace("trained", "guessed")), "line 2: kind is"),
            (text(&row.replace("trained,the paper", "cited,")), "line 2: a cited row"),
            (row.to_string(), "line 1: the columns are"),
        ] {
            let error = format!("{:#}", parse(&bad).unwrap_err());
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
