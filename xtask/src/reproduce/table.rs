//! The table as CSV, for programs, and as Markdown, for people.

use std::fmt::Write;

use super::outcome::Outcome;
use super::preset::Planned;

const COLUMNS: &str = "table,paper_dataset,architecture,method,t_steps,paper_top1,paper_top5,paper_aurc,dataset,split,\
    top1,top5,aurc_softmax,aurc_logit,seeds,top1_std,seconds,peak_rss_mb,engine,precision,checkpoint,split_hash";

/// What there is of ours for a row.
#[derive(Clone, Debug)]
pub enum Ours {
    /// Every run finished.
    Ran {
        /// One for each seed.
        outcomes: Vec<Outcome>,
        /// A path that `snn eval` takes: the first seed's.
        checkpoint: String,
    },
    /// A run ended without a result.
    Failed {
        /// The data set it was on.
        dataset: String,
        /// Its folder.
        run: String,
    },
    /// What is missing.
    Needs(String),
}

/// The figures of a row over its seeds: means, and the spread of top-1.
pub(super) struct Summary<'a> {
    pub(super) first: &'a Outcome,
    pub(super) top1: f64,
    pub(super) top1_std: Option<f64>,
    pub(super) best_top1: f64,
    pub(super) top5: f64,
    pub(super) aurc_softmax: f64,
    pub(super) aurc_logit: f64,
    pub(super) seconds: f64,
    pub(super) peak_rss_mb: f64,
}

impl<'a> Summary<'a> {
    /// `None` for no run.
    pub(super) fn of(outcomes: &'a [Outcome]) -> Option<Self> {
        let n = outcomes.len() as f64;
        let mean = |f: fn(&Outcome) -> f64| outcomes.iter().map(f).sum::<f64>() / n;
        let top1 = mean(|o| o.top1);
        let squares: f64 = outcomes.iter().map(|o| (o.top1 - top1).powi(2)).sum();
        Some(Self {
            first: outcomes.first()?,
            top1,
            top1_std: (outcomes.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
            best_top1: mean(|o| o.best_top1),
            top5: mean(|o| o.top5),
            aurc_softmax: mean(|o| o.aurc_softmax),
            aurc_logit: mean(|o| o.aurc_logit),
            seconds: mean(|o| o.seconds),
            peak_rss_mb: outcomes.iter().map(|o| o.peak_rss_mb).fold(0.0, f64::max),
        })
    }

    pub(super) fn top1_text(&self) -> String {
        match self.top1_std {
            Some(std) => format!("{:.2} ± {std:.2}", self.top1),
            None => format!("{:.2}", self.top1),
        }
    }
}

/// One line for each row of the paper. Where nothing ran, `dataset` says what is needed and the rest is empty. Of several
/// seeds, figures are means, `peak_rss_mb` is the largest, and `seconds` is one run's mean.
pub fn csv(table: &str, planned: &[Planned], ours: &[Ours]) -> String {
    let mut text = format!("{COLUMNS}\n");
    for (row, ours) in planned.iter().zip(ours) {
        let p = &row.paper;
        let mut cells: Vec<String> =
            [table, &p.dataset, &p.architecture, &p.method, &p.t_steps, &p.top1, &p.top5, &p.aurc]
                .map(str::to_string)
                .into();
        match ours {
            Ours::Needs(what) => cells.push(format!("needs {what}")),
            Ours::Failed { dataset, run } => cells.push(format!("{dataset}: no result in {run}")),
            Ours::Ran { outcomes, checkpoint } => {
                if let Some(s) = Summary::of(outcomes) {
                    cells.extend([s.first.dataset.clone(), s.first.split.clone()]);
                    cells.extend(
                        [s.top1, s.top5, s.aurc_softmax, s.aurc_logit].map(|v| format!("{v:.2}")),
                    );
                    cells.push(outcomes.len().to_string());
                    cells.push(s.top1_std.map_or(String::new(), |std| format!("{std:.2}")));
                    cells.extend([format!("{:.1}", s.seconds), format!("{:.0}", s.peak_rss_mb)]);
                    cells.extend([
                        s.first.engine.clone(),
                        s.first.precision.clone(),
                        checkpoint.clone(),
                        s.first.split_hash.clone(),
                    ]);
                }
            }
        }
        cells.resize(COLUMNS.split(',').count(), String::new());
        let line: Vec<String> = cells.iter().map(|cell| quote(cell)).collect();
        let _ = writeln!(text, "{}", line.join(","));
    }
    text
}

fn quote(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_string()
    }
}

/// The same for people; the paper's figures and ours each carry the name of their data set. Columns are padded, so that
/// it can be read in a terminal too.
pub fn markdown(planned: &[Planned], ours: &[Ours]) -> String {
    let head = [
        "paper: data set",
        "network",
        "method",
        "T",
        "top-1",
        "top-5",
        "AURC",
        "ours: data set",
        "top-1",
        "best epoch",
        "top-5",
        "AURC softmax",
        "AURC logit",
        "seeds",
        "s",
    ];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    for (row, ours) in planned.iter().zip(ours) {
        let p = &row.paper;
        let aurc = if p.aurc.is_empty() { "–" } else { &p.aurc };
        let paper = [&p.dataset, p.network(), &p.method, &p.t_steps, &p.top1, &p.top5, aurc];
        let mut cells: Vec<String> = paper.map(str::to_string).to_vec();
        match ours {
            Ours::Needs(what) => cells.push(format!("needs {what}")),
            Ours::Failed { dataset, run } => cells.push(format!("{dataset}: no result in {run}")),
            Ours::Ran { outcomes, .. } => {
                if let Some(s) = Summary::of(outcomes) {
                    cells.extend([name(&s, &p.t_steps), s.top1_text()]);
                    let figures = [s.best_top1, s.top5, s.aurc_softmax, s.aurc_logit];
                    cells.extend(figures.map(|v| format!("{v:.2}")));
                    cells.extend([outcomes.len().to_string(), format!("{:.0}", s.seconds)]);
                }
            }
        }
        cells.resize(head.len(), String::new());
        rows.push(cells);
    }
    aligned(&rows)
        + "\nTop-1 and top-5 in percent, AURC times 1000 (lower is better). Ours is the last epoch; \"best epoch\", chosen on \
           the test data, is what the authors' released trainer reports.\n"
}

/// A Markdown table of rows of equal length; the first row is its head.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text += "|\n";
        if at == 0 {
            widths.iter().for_each(|width| text += &format!("|{}", "-".repeat(width + 2)));
            text += "|\n";
        }
    }
    text
}

/// Our data set, with T where it is not the row's.
pub(super) fn name(summary: &Summary<'_>, t_steps: &str) -> String {
    let Outcome { dataset, t_steps: own, .. } = summary.first;
    if own.to_string() == t_steps { dataset.clone() } else { format!("{dataset} (T {own})") }
}
