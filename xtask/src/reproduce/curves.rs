//! The learning curves of the report: one pair of charts for each network, one line for each method.

use snn_report::{Curve, Part};

use super::outcome::Outcome;
use super::preset::Planned;
use super::table::Ours;

/// Every network that ran, in the table's order.
pub(super) fn draw(planned: &[Planned], ours: &[Ours]) -> Vec<Part> {
    let mut networks: Vec<(String, Vec<Curve<'_>>)> = Vec::new();
    for (row, ours) in planned.iter().zip(ours) {
        let Ours::Ran { outcomes, .. } = ours else { continue };
        let Some(first) = outcomes.first() else { continue };
        let name = format!("{} on {}", row.paper.network(), first.result.dataset);
        let runs = outcomes.iter().map(|outcome: &Outcome| outcome.curve.as_slice()).collect();
        let curve = Curve { label: &row.paper.method, runs };
        match networks.last_mut() {
            Some((last, curves)) if *last == name => curves.push(curve),
            _ => networks.push((name, vec![curve])),
        }
    }
    let section = |(name, curves): (String, Vec<Curve<'_>>)| {
        [Part::Subheading(name), snn_report::curves(&curves)]
    };
    networks.into_iter().flat_map(section).collect()
}
