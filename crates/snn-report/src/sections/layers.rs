//! How often the layers' neurons fire, and what that asks of the layers after them.

use snn_records::{EvaluationRecord, LayerWork};

use crate::statistics::{mean, spread};
use crate::{Part, Series, Table};

/// Firing rates and synaptic operations, layer by layer: a table for all series whose layers have the same names.
pub fn layers(all: &[Series<'_>]) -> Vec<Part> {
    let mut parts = rates(all);
    parts.extend(work(all));
    parts
}

fn rates(all: &[Series<'_>]) -> Vec<Part> {
    let known = super::alike(all, |series| {
        let metrics = series.metrics();
        let first = metrics.first()?;
        // Without an evaluation the order of the walk is not known.
        let names = match series.found.first() {
            Some(found) => found.neurons.clone(),
            None => first.firing_rates.keys().cloned().collect(),
        };
        (!first.firing_rates.is_empty()).then_some((names, metrics))
    });
    let mut parts = Vec::new();
    for (names, members) in known {
        if parts.is_empty() {
            parts.push(Part::Subheading("Firing rates".into()));
            parts.push(Part::Note("Spikes per neuron and time step, in percent.".into()));
        }
        let mut table = Table::new().text("layer");
        for (name, _) in &members {
            table = table.number(*name);
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

fn work(all: &[Series<'_>]) -> Vec<Part> {
    let known = super::alike(all, |series| {
        let layers = series.found.first()?.work.layers.iter();
        Some((layers.map(|layer| (layer.name.clone(), layer.macs)).collect(), &series.found))
    });
    let mut parts = Vec::new();
    for (rows, members) in known {
        if parts.is_empty() {
            parts.push(Part::Subheading("Synaptic operations".into()));
        }
        let mut table = Table::new().text("layer").number("MACs");
        for (name, _) in &members {
            table = table.number(*name);
        }
        for (at, (name, macs)) in rows.iter().enumerate() {
            let cells = members.iter().map(|(_, found)| layer(found, at));
            table.row([name.clone(), scaled(*macs)].into_iter().chain(cells));
        }
        let macs: f64 = rows.iter().map(|(_, macs)| macs).sum();
        let all = members
            .iter()
            .map(|(_, found)| scaled(mean_of(found, |one| one.work.synaptic_operations)));
        table.row(["all layers".into(), scaled(macs)].into_iter().chain(all));
        let energy = members
            .iter()
            .map(|(_, found)| format!("{:.3} uJ", mean_of(found, |one| one.work.energy_pj) / 1e6));
        let dense = members.first().and_then(|(_, found)| found.first());
        let dense = dense.map_or(0.0, |one| one.work.dense_energy_pj);
        table.row(
            ["energy, estimated".into(), format!("{:.3} uJ", dense / 1e6)]
                .into_iter()
                .chain(energy),
        );
        parts.push(Part::Table(table));
    }
    if !parts.is_empty() {
        parts.push(Part::Note(
            "Of one sample, over all its time steps: multiply-accumulates (MACs) if every input counted, and the synaptic \
             operations of each network, which add a weight where a spike enters; layers that values enter compute all their \
             MACs. The energy is that of 45 nm arithmetic alone (Horowitz, ISSCC 2014: 0.9 pJ an addition, 4.6 pJ a \
             multiply-accumulate), without memory, neurons and norms; under MACs, of one time step without spikes."
                .into(),
        ));
    }
    parts
}

fn mean_of(found: &[&EvaluationRecord], of: impl Fn(&EvaluationRecord) -> f64) -> f64 {
    mean(&found.iter().map(|one| of(one)).collect::<Vec<_>>())
}

/// The layer's operations, the mean of these networks.
fn layer(found: &[&EvaluationRecord], at: usize) -> String {
    let layers: Vec<&LayerWork> = found.iter().filter_map(|one| one.work.layers.get(at)).collect();
    match layers.first().is_some_and(|layer| layer.takes_spikes) {
        true => {
            scaled(mean(&layers.iter().map(|layer| layer.synaptic_operations).collect::<Vec<_>>()))
        }
        false => "MACs".into(),
    }
}

/// A number with the prefix that leaves one to three digits before the point.
fn scaled(n: f64) -> String {
    let prefixes = [(1e9, " G"), (1e6, " M"), (1e3, " k")];
    let prefix = prefixes.into_iter().find(|(of, _)| n >= *of);
    prefix.map_or_else(|| format!("{n:.0}"), |(of, name)| format!("{:.2}{name}", n / of))
}
