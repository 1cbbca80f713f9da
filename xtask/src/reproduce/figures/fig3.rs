//! Figure 3: accuracy against the time steps at test.

use std::path::Path;

use snn_report::{Charts, Line, LineChart, Part, Point, Scale, Table, deviation, mean, spread};

use super::measure::{Measure, top1};
use super::panel::{Panel, steps};
use super::{Drawn, results};

const COLUMNS: [&str; 8] =
    ["dataset", "architecture", "method", "way", "train_steps", "test_steps", "seed", "top1"];

/// A line of the figure: its method and way, and at each number of test steps the steps of training and each seed's top-1.
struct Tested {
    method: String,
    way: &'static str,
    at: Vec<(usize, Vec<f64>)>,
    seeds: Vec<i64>,
}

pub(super) fn draw(panels: &[Panel], data: &Path, measure: &Measure<'_>) -> anyhow::Result<Drawn> {
    let (mut parts, mut rows) = (Vec::new(), Vec::new());
    for panel in panels.iter().filter(|panel| panel.needs.is_none()) {
        let all = tested(panel, &data.join(&panel.folder), measure)?;
        for one in &all {
            for (t, (train, values)) in one.at.iter().enumerate() {
                rows.extend(one.seeds.iter().zip(values).map(|(seed, value)| {
                    let [way, train, test] =
                        [one.way.into(), train.to_string(), (t + 1).to_string()];
                    let (method, top1) = (one.method.clone(), format!("{value:.2}"));
                    let (dataset, network) = (panel.dataset.clone(), panel.architecture.clone());
                    [dataset, network, method, way, train, test, seed.to_string(), top1]
                }));
            }
        }
        parts.extend(chart(panel, &all));
    }
    Ok(Drawn { parts, csv: snn_report::csv::lines(&COLUMNS, rows) })
}

fn tested(panel: &Panel, data: &Path, measure: &Measure<'_>) -> anyhow::Result<Vec<Tested>> {
    let mut all = Vec::new();
    for way in ["truncate", "rebin"] {
        for curve in &panel.curves {
            let (method, runs) = (&curve.method, curve.runs());
            let most = runs.first().and_then(steps).unwrap_or(0);
            let mut at = Vec::new();
            for t in (1..=most).map(|t| t.to_string()) {
                let args = ["--t-steps", &t, "--steps-by", way];
                let of = |run| top1(&measure.eval(run, data, &args, &[])?.0);
                at.push((most, runs.iter().map(of).collect::<anyhow::Result<_>>()?));
            }
            let seeds = runs.iter().map(|run| run.seed).collect();
            all.push(Tested { method: method.clone(), way, at, seeds });
        }
    }
    let Some((_, first)) = panel.matched.first() else { return Ok(all) };
    let whole = panel.curves.iter().find(|curve| curve.method == first.method);
    let most = panel.matched.len() + 1;
    let each = panel.matched.iter().map(|(t, curve)| (*t, curve));
    let mut at = Vec::new();
    for (t, curve) in each.chain(whole.map(|curve| (most, curve))) {
        at.push((t, results(measure, curve.runs())?.iter().map(|result| result.top1).collect()));
    }
    let seeds = first.runs().iter().map(|run| run.seed).collect();
    all.push(Tested { method: first.method.clone(), way: "matched", at, seeds });
    Ok(all)
}

fn chart(panel: &Panel, all: &[Tested]) -> [Part; 3] {
    let name = |one: &Tested| match one.way {
        "matched" => format!("{}, trained with each number of steps", one.method),
        way => format!("{}, {way}", one.method),
    };
    let line = |one: &Tested| {
        let point = |(t, (_, values)): (usize, &(usize, Vec<f64>))| Point {
            x: t as f64 + 1.0,
            y: mean(values),
            spread: deviation(values),
        };
        Line { label: name(one), points: one.at.iter().enumerate().map(point).collect() }
    };
    let lines: Vec<Line> = all.iter().map(line).collect();
    let (title, across) = ("test top-1, %", "time steps at test");
    let svg = LineChart { title, across, lines: &lines, scale: Scale::Linear }.svg();
    let most = all.iter().map(|one| one.at.len()).max().unwrap_or(0);
    let mut table = Table::new().text("trained and tested");
    table = (1..=most).fold(table, |table, t| table.number(t.to_string()));
    for one in all {
        let cells = one.at.iter().map(|(_, values)| spread(values));
        table.row([name(one)].into_iter().chain(cells));
    }
    let legend = lines.iter().map(|line| line.label.clone()).collect();
    [
        Part::Heading(panel.title()),
        Part::Charts(Charts { charts: vec![svg], legend }),
        Part::Table(table),
    ]
}
