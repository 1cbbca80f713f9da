//! The learning curves of the report: one pair of charts for each network, one line for each method.

use std::fmt::Write;

use snn_records::EpochReport;

use super::chart::{self, Line, Scale};
use super::escape::escape;
use super::outcome::Outcome;
use super::preset::Planned;
use super::table::Ours;

/// A method's name and its runs.
type Method<'a> = (&'a str, &'a [Outcome]);

/// Every network that ran, in the table's order.
pub(super) fn draw(planned: &[Planned], ours: &[Ours]) -> String {
    let mut networks: Vec<(String, Vec<Method<'_>>)> = Vec::new();
    for (row, ours) in planned.iter().zip(ours) {
        let Ours::Ran { outcomes, .. } = ours else { continue };
        let Some(first) = outcomes.first() else { continue };
        let (network, star) = (row.paper.network(), row.paper.star());
        let name = format!("{network}{star} on {}", first.result.dataset);
        let method = (row.paper.method.as_str(), outcomes.as_slice());
        match networks.last_mut() {
            Some((last, methods)) if *last == name => methods.push(method),
            _ => networks.push((name, vec![method])),
        }
    }
    let mut html = String::new();
    for (name, methods) in networks {
        let top1 = lines(&methods, |epoch| epoch.test.as_ref().map(|test| test.top1));
        let loss = lines(&methods, |epoch| Some(epoch.train_loss));
        let _ = write!(
            html,
            "<section class=\"network\"><h3>{}</h3><div class=\"charts\">{}{}</div></section>",
            escape(&name),
            chart::draw("test top-1, %", &top1, Scale::Linear),
            chart::draw("training loss", &loss, Scale::Log)
        );
    }
    html
}

/// The mean over seeds at every epoch that all of them have.
fn lines(methods: &[Method<'_>], value: fn(&EpochReport) -> Option<f64>) -> Vec<Line> {
    let line = |(method, outcomes): &Method<'_>| {
        let mut points = Vec::new();
        for at in outcomes.first().map_or(&[][..], |o| &o.curve) {
            let same = |o: &Outcome| o.curve.iter().find(|e| e.epoch == at.epoch).and_then(value);
            let values: Option<Vec<f64>> = outcomes.iter().map(same).collect();
            if let Some(values) = values {
                points.push((
                    at.epoch as f64 + 1.0,
                    values.iter().sum::<f64>() / values.len() as f64,
                ));
            }
        }
        Line { label: escape(method), class: escape(&method.to_lowercase()), points }
    };
    methods.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use snn_records::{Metrics, RunResult};

    use super::*;

    fn line(epoch: usize, top1: Option<f64>) -> EpochReport {
        let test = top1.map(|top1| Metrics { top1, ..Metrics::default() });
        EpochReport { epoch, test, train_loss: 1.0, ..EpochReport::default() }
    }

    #[test]
    fn seeds_are_averaged_where_all_have_the_epoch() {
        let outcome = |top1: &[Option<f64>]| Outcome {
            result: RunResult::default(),
            curve: top1.iter().enumerate().map(|(epoch, top1)| line(epoch, *top1)).collect(),
        };
        let seeds = [
            outcome(&[Some(10.0), None, Some(30.0)]),
            outcome(&[Some(20.0), Some(5.0), Some(40.0)]),
        ];
        let lines = lines(&[("TKS", &seeds)], |e| e.test.as_ref().map(|test| test.top1));
        assert_eq!(lines[0].points, [(1.0, 15.0), (3.0, 35.0)]);
        assert_eq!(lines[0].class, "tks");
    }
}
