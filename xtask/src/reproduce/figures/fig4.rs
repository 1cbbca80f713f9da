//! Figure 4: accuracy of each single time step's answer.

use snn_report::{Charts, Line, LineChart, Part, Point, Scale, Table, deviation, mean, spread};

use super::measure::Measure;
use super::panel::Panel;
use super::{Drawn, results};

const COLUMNS: [&str; 6] = ["dataset", "architecture", "method", "step", "seed", "top1"];

pub(super) fn draw(panels: &[Panel], measure: &Measure<'_>) -> anyhow::Result<Drawn> {
    let (mut parts, mut rows) = (Vec::new(), Vec::new());
    for panel in panels.iter().filter(|panel| panel.needs.is_none()) {
        let (mut lines, mut table) = (Vec::new(), Table::new().text("method"));
        for (at, curve) in panel.curves.iter().enumerate() {
            let results = results(measure, curve.runs())?;
            let most = results.iter().map(|result| result.per_step_top1.len()).min().unwrap_or(0);
            let steps: Vec<Vec<f64>> = (0..most)
                .map(|t| results.iter().map(|result| result.per_step_top1[t]).collect())
                .collect();
            for (t, values) in steps.iter().enumerate() {
                rows.extend(results.iter().zip(values).map(|(result, value)| {
                    let (dataset, network) = (panel.dataset.clone(), panel.architecture.clone());
                    let (step, top1) = ((t + 1).to_string(), format!("{value:.2}"));
                    [dataset, network, curve.method.clone(), step, result.seed.to_string(), top1]
                }));
            }
            if at == 0 {
                table = (1..=most).fold(table, |table, t| table.number(t.to_string()));
            }
            table.row([curve.method.clone()].into_iter().chain(steps.iter().map(|v| spread(v))));
            let point = |(t, values): (usize, &Vec<f64>)| Point {
                x: t as f64 + 1.0,
                y: mean(values),
                spread: deviation(values),
            };
            let points = steps.iter().enumerate().map(point).collect();
            lines.push(Line { label: curve.method.clone(), points });
        }
        let (title, across) = ("test top-1 of the step alone, %", "time step");
        let svg = LineChart { title, across, lines: &lines, scale: Scale::Linear }.svg();
        let legend = lines.iter().map(|line| line.label.clone()).collect();
        parts.extend([
            Part::Heading(panel.title()),
            Part::Charts(Charts { charts: vec![svg], legend }),
            Part::Table(table),
        ]);
    }
    Ok(Drawn { parts, csv: snn_report::csv::lines(&COLUMNS, rows) })
}
