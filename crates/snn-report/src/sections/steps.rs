//! Accuracy over the time steps: of each step's own answer, and of the first 1, 2, .. T together.

use snn_records::Metrics;

use crate::statistics::{deviation, mean, spread};
use crate::{Charts, Group, Line, LineChart, Part, Point, Scale, Table};

/// Two charts and their figures; nothing where no run was measured yet.
pub fn steps(groups: &[Group]) -> Vec<Part> {
    let of = |group: &Group, which: fn(&Metrics) -> &Vec<f64>| -> Vec<Vec<f64>> {
        let all: Vec<&Vec<f64>> =
            group.runs.iter().filter_map(|run| run.metrics()).map(which).collect();
        let steps = all.iter().map(|steps| steps.len()).min().unwrap_or(0);
        (0..steps).map(|t| all.iter().map(|steps| steps[t]).collect()).collect()
    };
    let alone: Vec<_> = groups.iter().map(|group| of(group, |m| &m.per_step_top1)).collect();
    let together: Vec<_> = groups.iter().map(|group| of(group, |m| &m.cumulative_top1)).collect();
    let most = alone.iter().map(Vec::len).max().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    let chart = |title, all: &[Vec<Vec<f64>>]| {
        let line = |(group, steps): (&Group, &Vec<Vec<f64>>)| {
            let point = |(t, values): (usize, &Vec<f64>)| Point {
                x: t as f64 + 1.0,
                y: mean(values),
                spread: deviation(values),
            };
            Line {
                label: group.name.clone(),
                points: steps.iter().enumerate().map(point).collect(),
            }
        };
        let lines: Vec<Line> = groups.iter().zip(all).map(line).collect();
        LineChart { title, across: "time step", lines: &lines, scale: Scale::Linear }.svg()
    };
    let mut table = Table::new().text("runs").text("steps");
    for t in 1..=most {
        table = table.number(t.to_string());
    }
    for (group, (alone, together)) in groups.iter().zip(alone.iter().zip(&together)) {
        for (which, steps) in [("alone", alone), ("first together", together)] {
            let cells = steps.iter().map(|values| spread(values));
            table.row([group.name.clone(), which.into()].into_iter().chain(cells));
        }
    }
    let charts = vec![
        chart("top-1 of each step alone, %", &alone),
        chart("top-1 of the first steps together, %", &together),
    ];
    let legend = groups.iter().map(|group| group.name.clone()).collect();
    vec![
        Part::Heading("Accuracy over time steps".into()),
        Part::Charts(Charts { charts, legend }),
        Part::Table(table),
    ]
}
