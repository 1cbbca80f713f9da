//! What the runs are and came to: a row a run, and mean and spread of those that differ in their seed alone.

use snn_records::ReportRow;
use toml::Value;

use crate::statistics::{mean, spread};
use crate::{Group, Part, Run, Table};

/// The tables of the runs and of their means.
pub fn overview(groups: &[Group]) -> Vec<Part> {
    let rows: Vec<(&Run, ReportRow)> =
        groups.iter().flat_map(|group| &group.runs).map(|run| (run, row(run))).collect();
    let mut parts = vec![Part::Heading("Runs".into()), Part::Table(figures(&rows))];
    parts.push(Part::Note(
        "Top-1 and top-5 in percent on the test samples, after the last epoch that was measured. The best epoch is chosen on \
         the same samples. AURC, the area under the risk-coverage curve, is times 1000: lower is better."
            .into(),
    ));
    if groups.iter().any(|group| group.runs.len() > 1) {
        parts.extend([Part::Heading("Means over seeds".into()), Part::Table(means(groups))]);
        parts.push(Part::Note("Mean ± sample standard deviation over the finished runs of one recipe but for the seed.".into()));
    }
    parts.extend([Part::Heading("How they were made".into()), Part::Table(settings(&rows))]);
    parts
}

fn figures(rows: &[(&Run, ReportRow)]) -> Table {
    let mut table = Table::new().text("run").number("seed").number("epochs");
    for head in ["top-1", "top-5", "AURC softmax", "AURC logit", "best epoch"] {
        table = table.number(head);
    }
    table = table.number("time");
    for (run, row) in rows {
        let figure = |value: Option<f64>| value.map_or("–".into(), |v| format!("{v:.2}"));
        let epochs = match row.epochs {
            Some(all) if all == row.epochs_done => all.to_string(),
            Some(all) => format!("{} of {all}", row.epochs_done),
            None => row.epochs_done.to_string(),
        };
        let best = run.epochs.iter().filter_map(|e| Some((e.epoch + 1, e.test.as_ref()?.top1)));
        let best = best.reduce(|best, next| if next.1 > best.1 { next } else { best });
        table.row([
            run.name(),
            row.seed.map_or("–".into(), |seed| seed.to_string()),
            epochs,
            figure(row.top1),
            figure(row.top5),
            figure(row.aurc_softmax),
            figure(row.aurc_logit),
            best.map_or("–".into(), |(epoch, top1)| format!("{top1:.2} ({epoch})")),
            duration(row.hours),
        ]);
    }
    table
}

/// Hours, or minutes where they are less than one.
fn duration(hours: f64) -> String {
    if hours < 1.0 { format!("{:.1} min", 60.0 * hours) } else { format!("{hours:.2} h") }
}

fn means(groups: &[Group]) -> Table {
    let mut table = Table::new().text("runs").number("seeds");
    for head in ["top-1", "top-5", "AURC softmax", "AURC logit"] {
        table = table.number(head);
    }
    table = table.number("time");
    for group in groups.iter().filter(|group| group.runs.len() > 1) {
        let rows: Vec<ReportRow> = group.runs.iter().map(row).collect();
        let of = |figure: fn(&ReportRow) -> Option<f64>| {
            spread(&rows.iter().filter_map(figure).collect::<Vec<_>>())
        };
        table.row([
            group.name.clone(),
            rows.len().to_string(),
            of(|row| row.top1),
            of(|row| row.top5),
            of(|row| row.aurc_softmax),
            of(|row| row.aurc_logit),
            duration(mean(&rows.iter().map(|row| row.hours).collect::<Vec<_>>())),
        ]);
    }
    table
}

fn settings(rows: &[(&Run, ReportRow)]) -> Table {
    let mut table = Table::new().text("run").text("data set and split").text("network");
    for head in ["width", "T"] {
        table = table.number(head);
    }
    table = table.text("loss").text("method").number("batch").number("learning rate");
    table = table.text("computed by").text("commit").text("recipe");
    for (run, row) in rows {
        let number = |table: &str, key: &str| {
            run.setting(table, key).map_or("–".into(), |value: &Value| value.to_string())
        };
        let data = if row.split.is_empty() { &row.dataset } else { &row.split };
        table.row([
            run.name(),
            data.clone(),
            row.architecture.clone(),
            row.width.map_or("–".into(), |width| width.to_string()),
            row.t_steps.map_or("–".into(), |steps| steps.to_string()),
            row.loss.clone(),
            if row.method.is_empty() { "–".into() } else { row.method.clone() },
            number("train", "batch"),
            number("optimizer", "lr"),
            format!("{}, {}", row.engine, row.precision),
            if row.commit.is_empty() { "–".into() } else { row.commit.clone() },
            row.recipe_hash.chars().take(8).collect(),
        ]);
    }
    table
}

/// The run as a line of the CSV.
pub fn row(run: &Run) -> ReportRow {
    let result = run.result.as_ref();
    let metrics = run.metrics();
    let whole = |table: &str, key: &str| {
        run.setting(table, key).and_then(Value::as_integer).and_then(|n| usize::try_from(n).ok())
    };
    let network = run.file.networks.last();
    let of_network =
        |key: &str| network.and_then(|n| n[key].as_str()).unwrap_or_default().to_string();
    let seconds: f64 = run.epochs.iter().map(|epoch| epoch.clock.seconds).sum();
    let seed = run.recipe.get("seed").and_then(Value::as_integer);
    ReportRow {
        run: run.folder.display().to_string(),
        dataset: run.word("data", "name"),
        split: result.map_or_else(|| of_network("split"), |result| result.split.clone()),
        architecture: run.word("model", "architecture"),
        width: run.setting("model", "width").and_then(Value::as_float),
        t_steps: result
            .map(|result| result.t_steps)
            .or_else(|| whole("data", "t_steps").or_else(|| whole("model", "t_steps"))),
        loss: result.map_or_else(|| run.word("loss", "kind"), |result| result.loss.clone()),
        method: run.word("method", "kind"),
        seed: seed.and_then(|seed| u64::try_from(seed).ok()),
        epochs_done: run.epochs.last().map_or(0, |last| last.epoch + 1),
        epochs: run.epochs.last().map(|last| last.epochs).or_else(|| whole("schedule", "epochs")),
        top1: metrics.map(|m| m.top1),
        top5: metrics.map(|m| m.top5),
        aurc_softmax: metrics.map(|m| m.aurc_softmax),
        aurc_logit: metrics.map(|m| m.aurc_logit),
        step1_top1: metrics.and_then(|m| m.per_step_top1.first().copied()),
        synaptic_operations: run.evaluation.as_ref().ok().map(|e| e.work.synaptic_operations),
        hours: seconds / 3600.0,
        engine: run.file.engine.clone(),
        precision: run.file.precision.clone(),
        commit: run.file.commit.clone().unwrap_or_default(),
        recipe_hash: run.file.recipe_hash.clone(),
    }
}

/// The CSV: a line a run.
pub fn csv_of(groups: &[Group]) -> String {
    let rows = groups.iter().flat_map(|group| &group.runs).map(|run| row(run).cells());
    crate::csv::lines(&ReportRow::COLUMNS, rows)
}
