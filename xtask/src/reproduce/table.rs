//! The table as CSV, for programs, and as Markdown, for people.

use snn_records::{BestFigures, RunResult, TableFigures, TableRow};
use snn_report::{Table, csv, deviation};

use super::outcome::{Ours, Outcome};
use super::plan::Planned;

/// The figures of a row over its seeds: means, and the spread of top-1.
pub(super) struct Summary<'a> {
    pub(super) first: &'a RunResult,
    pub(super) top1: f64,
    pub(super) top1_std: Option<f64>,
    pub(super) best: BestFigures,
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
        let results = || outcomes.iter().map(|outcome| &outcome.result);
        let mean = |f: fn(&RunResult) -> f64| results().map(f).sum::<f64>() / n;
        let top1 = mean(|o| o.top1);
        let bests: Vec<BestFigures> = outcomes.iter().map(Outcome::best).collect();
        let best = |f: fn(&BestFigures) -> f64| bests.iter().map(f).sum::<f64>() / n;
        let all: Vec<f64> = results().map(|o| o.top1).collect();
        Some(Self {
            first: &outcomes.first()?.result,
            top1,
            top1_std: (all.len() > 1).then(|| deviation(&all)),
            best: BestFigures {
                top1: best(|b| b.top1),
                top5: best(|b| b.top5),
                aurc_softmax: best(|b| b.aurc_softmax),
                aurc_logit: best(|b| b.aurc_logit),
            },
            top5: mean(|o| o.top5),
            aurc_softmax: mean(|o| o.aurc_softmax),
            aurc_logit: mean(|o| o.aurc_logit),
            seconds: mean(|o| o.seconds),
            peak_rss_mb: results().map(|o| o.peak_rss_mb).fold(0.0, f64::max),
        })
    }

    pub(super) fn top1_text(&self) -> String {
        match self.top1_std {
            Some(std) => format!("{:.2} ± {std:.2}", self.top1),
            None => format!("{:.2}", self.top1),
        }
    }
}

/// One line for each row of the paper. Where nothing ran, `dataset` says why and the rest is empty. Of several
/// seeds, figures are means, `peak_rss_mb` is the largest, and `seconds` is one run's mean.
pub fn csv(table: &str, planned: &[Planned], ours: &[Ours]) -> String {
    let rows = planned.iter().zip(ours).map(|(row, ours)| record(table, row, ours).cells());
    csv::lines(&TableRow::COLUMNS, rows)
}

fn record(table: &str, planned: &Planned, ours: &Ours) -> TableRow {
    let p = &planned.paper;
    let row = TableRow {
        table: table.into(),
        paper_dataset: p.dataset.clone(),
        architecture: p.architecture.clone(),
        method: p.method.clone(),
        t_steps: p.t_steps.clone(),
        paper_top1: p.top1.clone(),
        paper_top5: p.top5.clone(),
        paper_aurc: p.aurc.clone(),
        remark: planned.remarks.iter().map(|r| r.text.as_str()).collect::<Vec<_>>().join("; "),
        augmented: p.augmented,
        dataset: ours.instead().unwrap_or_default(),
        ..TableRow::default()
    };
    let Ours::Ran { outcomes, checkpoint } = ours else { return row };
    let Some(s) = Summary::of(outcomes) else { return row };
    let dataset = s.first.dataset.clone();
    TableRow { dataset, ours: Some(figures(&s, outcomes.len(), checkpoint)), ..row }
}

fn figures(s: &Summary<'_>, seeds: usize, checkpoint: &str) -> TableFigures {
    TableFigures {
        split: s.first.split.clone(),
        top1: s.top1,
        top5: s.top5,
        aurc_softmax: s.aurc_softmax,
        aurc_logit: s.aurc_logit,
        seeds,
        top1_std: s.top1_std,
        seconds: s.seconds,
        peak_rss_mb: s.peak_rss_mb,
        engine: s.first.engine.clone(),
        precision: s.first.precision.clone(),
        checkpoint: checkpoint.into(),
        split_hash: s.first.split_hash.clone(),
        loss: s.first.loss.clone(),
        best: s.best,
    }
}

/// The table for people; the paper's figures and ours each carry the name of their data set. Columns are padded, so that
/// it can be read in a terminal too.
pub fn markdown(planned: &[Planned], ours: &[Ours]) -> String {
    let mut table = Table::new().text("paper: data set").text("network").text("method");
    for head in ["T", "top-1", "top-5", "AURC"] {
        table = table.number(head);
    }
    table = table.text("ours: data set").text("loss");
    let last = ["top-1", "top-5", "AURC softmax", "AURC logit"];
    let best = ["best epoch: top-1", "top-5", "AURC softmax", "AURC logit"];
    for head in last.into_iter().chain(best).chain(["seeds", "s"]) {
        table = table.number(head);
    }
    for (row, ours) in planned.iter().zip(ours) {
        let p = &row.paper;
        let printed = [&p.t_steps, &p.top1, &p.top5, &p.aurc];
        let printed = printed.map(|cell| if cell.is_empty() { "–".into() } else { cell.clone() });
        let mut cells = vec![p.dataset.clone(), p.network().into(), p.starred()];
        cells.extend(printed);
        cells.extend(ours.instead());
        if let Ours::Ran { outcomes, .. } = ours
            && let Some(s) = Summary::of(outcomes)
        {
            cells.extend([name(&s, &p.t_steps), s.first.loss.clone(), s.top1_text()]);
            let last = [s.top5, s.aurc_softmax, s.aurc_logit];
            let figures = last.into_iter().chain(s.best.figures());
            cells.extend(figures.map(|v| format!("{v:.2}")));
            cells.extend([outcomes.len().to_string(), format!("{:.0}", s.seconds)]);
        }
        table.row(cells);
    }
    table.markdown()
        + "\nTop-1 and top-5 in percent, AURC times 1000 (lower is better). Ours is the last epoch; \"best epoch\", chosen on \
           the test data, is what the authors' released trainer reports. Of the losses, `tks` is TKS as that trainer computes \
           it, `tks-paper` as the paper prints it. A star is the paper's, for its augmentation.\n"
        + &remarks(planned).iter().map(|text| format!("{text}.\n")).collect::<String>()
}

/// What no source states of the methods and of the data sets' recipes, each once: `TET: ..`.
pub(super) fn remarks(planned: &[Planned]) -> Vec<String> {
    let mut all = Vec::new();
    for remark in planned.iter().flat_map(|row| &row.remarks) {
        let text = format!("{}: {}", remark.of, remark.text);
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// Our data set, with T where it is not the row's.
pub(super) fn name(summary: &Summary<'_>, t_steps: &str) -> String {
    let RunResult { dataset, t_steps: own, .. } = summary.first;
    if own.to_string() == t_steps { dataset.clone() } else { format!("{dataset} (T {own})") }
}
