//! Learning curves: the accuracy on the test samples and the training loss over the epochs, a line for each group of runs.

use snn_records::EpochReport;

use crate::statistics::{deviation, mean};
use crate::{Charts, Line, LineChart, Part, Point, Scale, Series};

/// Both charts and their legend; of several runs the mean and, as a band, the deviation at every epoch that all have.
pub fn curves(all: &[Series<'_>]) -> Part {
    let top1 = lines(all, |epoch| epoch.test.as_ref().map(|test| test.top1));
    let loss = lines(all, |epoch| Some(epoch.train_loss));
    let chart =
        |title, lines: &[Line], scale| LineChart { title, across: "epoch", lines, scale }.svg();
    let mut charts = vec![
        chart("test top-1, %", &top1, Scale::Linear),
        chart("training loss", &loss, Scale::Log),
    ];
    charts.retain(|svg| !svg.is_empty());
    Part::Charts(Charts { charts, legend: all.iter().map(|series| series.name.into()).collect() })
}

fn lines(all: &[Series<'_>], value: fn(&EpochReport) -> Option<f64>) -> Vec<Line> {
    let line = |series: &Series<'_>| {
        let mut points = Vec::new();
        for at in series.runs.first().copied().unwrap_or_default() {
            let same = |run: &&[EpochReport]| {
                run.iter().find(|epoch| epoch.epoch == at.epoch).and_then(value)
            };
            let values: Option<Vec<f64>> = series.runs.iter().map(same).collect();
            if let Some(values) = values {
                let (y, spread) = (mean(&values), deviation(&values));
                points.push(Point { x: at.epoch as f64 + 1.0, y, spread });
            }
        }
        Line { label: series.name.into(), points }
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use snn_records::Metrics;

    use super::*;

    fn run(top1: &[Option<f64>]) -> Vec<EpochReport> {
        let epoch = |(epoch, top1): (usize, &Option<f64>)| {
            let test = top1.map(|top1| Metrics { top1, ..Metrics::default() });
            EpochReport { epoch, test, train_loss: 1.0, ..EpochReport::default() }
        };
        top1.iter().enumerate().map(epoch).collect()
    }

    #[test]
    fn seeds_are_averaged_where_all_have_the_epoch() {
        let (a, b) =
            (run(&[Some(10.0), None, Some(30.0)]), run(&[Some(20.0), Some(5.0), Some(40.0)]));
        let all = [Series { name: "TKS", runs: vec![&a, &b], found: Vec::new() }];
        let lines = lines(&all, |e| e.test.as_ref().map(|test| test.top1));
        let spread = 50f64.sqrt();
        let expected =
            [(1.0, 15.0, spread), (3.0, 35.0, spread)].map(|(x, y, spread)| Point { x, y, spread });
        assert_eq!(lines[0].points, expected);
        let Part::Charts(charts) = curves(&all) else { panic!() };
        assert_eq!((charts.charts.len(), &*charts.legend[0]), (2, "TKS"));
    }
}
