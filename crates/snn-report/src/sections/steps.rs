//! Accuracy over the time steps: of each step's own answer, and of the first 1, 2, .. T together.

use snn_records::Metrics;

use crate::statistics::{deviation, mean, spread};
use crate::{Charts, Line, LineChart, Part, Point, Scale, Series, Table};

/// Two charts and their figures; nothing where no run was measured yet.
pub fn steps(all: &[Series<'_>]) -> Vec<Part> {
    let of = |series: &Series<'_>, which: fn(&Metrics) -> &Vec<f64>| -> Vec<Vec<f64>> {
        let runs: Vec<&Vec<f64>> = series.metrics().into_iter().map(which).collect();
        let steps = runs.iter().map(|steps| steps.len()).min().unwrap_or(0);
        (0..steps).map(|t| runs.iter().map(|steps| steps[t]).collect()).collect()
    };
    let alone: Vec<_> = all.iter().map(|series| of(series, |m| &m.per_step_top1)).collect();
    let together: Vec<_> = all.iter().map(|series| of(series, |m| &m.cumulative_top1)).collect();
    let most = alone.iter().map(Vec::len).max().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    let chart = |title, figures: &[Vec<Vec<f64>>]| {
        let line = |(series, steps): (&Series<'_>, &Vec<Vec<f64>>)| {
            let point = |(t, values): (usize, &Vec<f64>)| Point {
                x: t as f64 + 1.0,
                y: mean(values),
                spread: deviation(values),
            };
            Line {
                label: series.name.into(),
                points: steps.iter().enumerate().map(point).collect(),
            }
        };
        let lines: Vec<Line> = all.iter().zip(figures).map(line).collect();
        LineChart { title, across: "time step", lines: &lines, scale: Scale::Linear }.svg()
    };
    let mut table = Table::new().text("runs").text("steps");
    for t in 1..=most {
        table = table.number(t.to_string());
    }
    for (series, (alone, together)) in all.iter().zip(alone.iter().zip(&together)) {
        for (which, steps) in [("alone", alone), ("first together", together)] {
            let cells = steps.iter().map(|values| spread(values));
            table.row([series.name.to_string(), which.into()].into_iter().chain(cells));
        }
    }
    let charts = vec![
        chart("top-1 of each step alone, %", &alone),
        chart("top-1 of the first steps together, %", &together),
    ];
    let legend = all.iter().map(|series| series.name.into()).collect();
    vec![
        Part::Subheading("Accuracy over time steps".into()),
        Part::Charts(Charts { charts, legend }),
        Part::Table(table),
    ]
}
