//! Sections of the report network by network, one series for each method: learning curves, steps, classes, layers.

use snn_report::{Part, Series};

use super::outcome::Ours;
use super::preset::Planned;

/// Every network that ran, in the table's order.
pub(super) fn draw(planned: &[Planned], ours: &[Ours]) -> Vec<Part> {
    let mut networks: Vec<(String, Vec<Series<'_>>)> = Vec::new();
    for (row, ours) in planned.iter().zip(ours) {
        let Ours::Ran { outcomes, .. } = ours else { continue };
        let Some(first) = outcomes.first() else { continue };
        let (network, star) = (row.paper.network(), row.paper.star());
        let network = format!("{network}{star} on {}", first.result.dataset);
        let runs = outcomes.iter().map(|outcome| outcome.curve.as_slice()).collect();
        let found = outcomes.iter().filter_map(|outcome| outcome.evaluation.as_ref()).collect();
        let series = Series { name: &row.paper.method, runs, found };
        match networks.last_mut() {
            Some((last, all)) if *last == network => all.push(series),
            _ => networks.push((network, vec![series])),
        }
    }
    let mut parts = Vec::new();
    for (network, all) in networks {
        parts.extend([Part::Heading(network), Part::Subheading("Learning curves".into())]);
        parts.push(snn_report::curves(&all));
        parts.extend(snn_report::steps(&all));
        parts.extend(snn_report::classes(&all));
        parts.extend(snn_report::layers(&all));
    }
    parts
}
