//! How busy a network's layers were over a pass, and which of them say nothing.

use std::collections::{BTreeMap, BTreeSet};

use snn_models::{Output, WeightLayer};
use snn_records::{EpochReport, LayerWork, Work};

use crate::Result;

/// What a pass counted, batch by batch, in the order of the walk.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// A layer of neurons, its spikes, and how many there would be if all neurons fired at every step.
    fired: Vec<(String, u64, u64)>,
    /// A weight layer, the entries that entered it, and those of them that were not zero.
    fed: Vec<(String, u64, u64)>,
}

impl Activity {
    /// Adds a batch whose counts were asked for.
    pub(crate) fn add(&mut self, output: &Output) {
        let fired = output.fired.iter().map(|layer| {
            let all = layer.neurons as u64 * layer.spikes.len() as u64;
            // A spike of several levels is one.
            let silent: u64 = layer.silent.iter().sum();
            (layer.name.as_str(), all - silent, all)
        });
        add(&mut self.fired, fired);
        let fed =
            output.fed.iter().map(|layer| (layer.name.as_str(), layer.non_zero, layer.entries));
        add(&mut self.fed, fed);
    }

    /// Spikes per neuron and step by the layer's name.
    pub(crate) fn rates(&self) -> BTreeMap<String, f64> {
        self.fired.iter().map(|(name, count, of)| (name.clone(), share(*count, *of))).collect()
    }

    /// The work of these layers for one of the samples.
    pub(crate) fn work(&self, layers: &[WeightLayer]) -> Work {
        let work = |layer: &WeightLayer| {
            let fed = self.fed.iter().find(|(name, ..)| *name == layer.name);
            let rate = fed.map_or(0.0, |(_, count, of)| share(*count, *of));
            let per_step = layer.macs_per_step as f64;
            let macs = per_step * layer.t_steps as f64;
            (LayerWork::new(&layer.name, macs, rate, layer.takes_spikes), per_step)
        };
        Work::new(layers.iter().map(work).collect())
    }
}

fn share(count: u64, of: u64) -> f64 {
    count as f64 / of.max(1) as f64
}

/// Adds a batch's counts to the sums, whose layers are the same in every batch.
fn add<'a>(sums: &mut Vec<(String, u64, u64)>, batch: impl Iterator<Item = (&'a str, u64, u64)>) {
    for (at, (name, count, of)) in batch.enumerate() {
        match sums.get_mut(at) {
            Some(sum) => {
                sum.1 += count;
                sum.2 += of;
            }
            None => sums.push((name.into(), count, of)),
        }
    }
}

/// A layer that fires less than this over a whole evaluation is silent.
const SILENT: f64 = 1e-4;
/// A layer that fires more than this over a whole evaluation is saturated.
const SATURATED: f64 = 0.99;

fn is_dead(rate: f64) -> bool {
    !(SILENT..=SATURATED).contains(&rate)
}

/// Names the layers of neurons that say nothing, each once while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Alarm(BTreeSet<String>);

impl Alarm {
    /// The warning about an epoch, where there is something to warn of. `batch` gives the rates in a training batch: a layer
    /// that only lags behind, because running statistics do, fires there.
    pub(crate) fn hear(
        &mut self,
        report: &EpochReport,
        batch: impl FnOnce() -> Result<BTreeMap<String, f64>>,
    ) -> Result<Option<String>> {
        let Some(test) = &report.test else { return Ok(None) };
        let mut dead = test.firing_rates.clone();
        dead.retain(|_, rate| is_dead(*rate));
        if !dead.is_empty() {
            let batch = batch()?;
            dead.retain(|name, _| batch.get(name).is_none_or(|rate| is_dead(*rate)));
        }
        let is_new = dead.keys().any(|name| !self.0.contains(name));
        self.0 = dead.keys().cloned().collect();
        if !is_new {
            return Ok(None);
        }
        let named = |is_silent: bool| {
            let names = dead.iter().filter(|(_, rate)| (**rate < SILENT) == is_silent);
            names.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        for (names, what) in [
            (named(true), "silent (fewer than 1 spike per 10,000 neurons and steps)"),
            (named(false), "saturated (more than 99 of 100 neurons and steps fire)"),
        ] {
            if !names.is_empty() {
                parts.push(format!("{what}: {names}"));
            }
        }
        Ok(Some(format!(
            "epoch {}: layers of neurons that tell the next layers nothing, over the whole evaluation and in a training \
             batch; {}; check neuron.v_threshold, the learning rate and how the data is normalized",
            report.epoch + 1,
            parts.join("; ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use snn_records::Metrics;

    use super::*;

    fn report(rates: &[(&str, f64)]) -> EpochReport {
        let firing_rates = rates.iter().map(|(name, rate)| ((*name).to_string(), *rate)).collect();
        let test = Some(Metrics { firing_rates, ..Metrics::default() });
        EpochReport { test, ..EpochReport::default() }
    }

    #[test]
    fn silent_and_saturated_layers_are_named_once_while_they_are() {
        let mut alarm = Alarm::default();
        let mut hear = |report: &EpochReport| alarm.hear(report, || Ok(BTreeMap::new())).unwrap();
        assert_eq!(hear(&report(&[("lif1", 1e-4), ("lif2", 0.99)])), None);
        let dead = report(&[("lif1", 9e-5), ("lif2", 0.995), ("lif3", 0.2)]);
        let text = hear(&dead).unwrap();
        assert!(text.contains("silent (fewer than 1 spike per 10,000 neurons and steps): lif1;"));
        assert!(text.contains("fire): lif2;") && !text.contains("lif3"), "{text}");
        assert_eq!(hear(&dead), None);
        // One more speaks again; a layer that came back and went is named again.
        assert!(hear(&report(&[("lif1", 0.0), ("lif3", 0.0)])).unwrap().contains("lif3"));
        assert_eq!(hear(&report(&[("lif1", 0.1)])), None);
        assert!(hear(&report(&[("lif1", 0.0)])).is_some());
        assert_eq!(hear(&EpochReport::default()), None);
        // One that fires in training waits for its statistics.
        let batch = || Ok([("lif1".to_string(), 0.1), ("lif2".to_string(), 0.0)].into());
        let text = Alarm::default().hear(&report(&[("lif1", 0.0), ("lif2", 0.0)]), batch);
        let text = text.unwrap().unwrap();
        assert!(text.contains("lif2") && !text.contains("lif1"), "{text}");
    }
}
