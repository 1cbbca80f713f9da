//! How often the layers' neurons fire, and what that asks of the layers after them.

use snn_records::{EvaluationRecord, LayerWork};

use crate::statistics::{mean, spread};
use crate::{Group, Part, Table};

/// Firing rates and synaptic operations, layer by layer: a table for all groups whose layers have the same names.
pub fn layers(groups: &[Group]) -> Vec<Part> {
    let mut parts = rates(groups);
    parts.extend(work(groups));
    parts
}

fn rates(groups: &[Group]) -> Vec<Part> {
    let known = super::alike(groups, |group| {
        let metrics: Vec<_> = group.runs.iter().filter_map(|run| run.metrics()).collect();
        let first = metrics.first()?;
        // Without an evaluation the order of the walk is not known.
        let names = match super::found(group).first() {
            Some(found) => found.neurons.clone(),
            None => first.firing_rates.keys().cloned().collect(),
        };
        (!first.firing_rates.is_empty()).then_some((names, metrics))
    });
    let mut parts = Vec::new();
    for (names, members) in known {
        if parts.is_empty() {
            parts.push(Part::Heading("Firing rates".into()));
            parts.push(Part::Note("Spikes per neuron and time step, in percent.".into()));
        }
        let mut table = Table::new().text("layer");
        for (group, _) in &members {
            table = table.number(&group.name);
        }
        for name in &names {
            let rates = members.iter().map(|(_, metrics)| {
                let of = metrics.iter().filter_map(|m| m.firing_rates.get(name));
                spread(&of.map(|rate| 100.0 * rate).collect::<Vec<_>>())
            });
            table.row([name.clone()].into_iter().chain(rates));
        }
        parts.push(Part::Table(table));
    }
    parts
}

fn work(groups: &[Group]) -> Vec<Part> {
    let known = super::alike(groups, |group| {
        let found = super::found(group);
        let names = found.first()?.work.layers.iter().map(|layer| layer.name.clone()).collect();
        Some((names, found))
    });
    let mut parts = Vec::new();
    for (names, members) in known {
        if parts.is_empty() {
            parts.push(Part::Heading("Synaptic operations".into()));
        }
        let mut table = Table::new().text("layer");
        for (group, _) in &members {
            table = table.number(format!("{}: input not 0, %", group.name)).number("operations");
        }
        for (at, name) in names.iter().enumerate() {
            let cells = members.iter().flat_map(|(_, found)| layer(found, at));
            table.row([name.clone()].into_iter().chain(cells));
        }
        let total = members.iter().flat_map(|(_, found)| {
            [String::new(), scaled(mean_of(found, |one| one.work.synaptic_operations))]
        });
        table.row(["all layers that spikes enter".to_string()].into_iter().chain(total));
        let energy = members.iter().flat_map(|(_, found)| {
            [String::new(), format!("{:.3} uJ", mean_of(found, |one| one.work.energy_pj) / 1e6)]
        });
        table.row(["estimated energy".to_string()].into_iter().chain(energy));
        parts.push(Part::Table(table));
    }
    if !parts.is_empty() {
        parts.push(Part::Note(
            "Of one sample, over all its time steps. A synaptic operation adds a weight where a spike enters; layers that \
             values enter compute all their multiply-accumulates (MACs). The estimate is of 45 nm arithmetic alone \
             (Horowitz, ISSCC 2014: 0.9 pJ an addition, 4.6 pJ a multiply-accumulate), without memory, neurons and norms."
                .into(),
        ));
    }
    parts
}

fn mean_of(found: &[&EvaluationRecord], of: impl Fn(&EvaluationRecord) -> f64) -> f64 {
    mean(&found.iter().map(|one| of(one)).collect::<Vec<_>>())
}

fn layer(found: &[&EvaluationRecord], at: usize) -> [String; 2] {
    let layers: Vec<&LayerWork> = found.iter().filter_map(|one| one.work.layers.get(at)).collect();
    let of = |value: fn(&LayerWork) -> f64| {
        mean(&layers.iter().map(|layer| value(layer)).collect::<Vec<_>>())
    };
    let operations = match layers.first().is_some_and(|layer| layer.takes_spikes) {
        true => scaled(of(|layer| layer.synaptic_operations)),
        false => format!("{} MACs", scaled(of(|layer| layer.macs))),
    };
    [format!("{:.2}", 100.0 * of(|layer| layer.input_rate)), operations]
}

/// A number with the prefix that leaves one to three digits before the point.
fn scaled(n: f64) -> String {
    let prefixes = [(1e9, " G"), (1e6, " M"), (1e3, " k")];
    let prefix = prefixes.into_iter().find(|(of, _)| n >= *of);
    prefix.map_or_else(|| format!("{n:.0}"), |(of, name)| format!("{:.2}{name}", n / of))
}
