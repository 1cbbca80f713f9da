//! What a network's layers have to compute for a sample, and an estimate of its energy.

use serde::{Deserialize, Serialize};

/// Picojoules of a 32-bit multiply-accumulate in 45 nm.
///
/// # Source
/// Horowitz, "Computing's energy problem", ISSCC 2014: 3.7 for the product and 0.9 for the sum.
pub const MAC_PJ: f64 = 4.6;
/// Picojoules of a 32-bit addition in 45 nm, which is what a spike asks of a weight.
pub const AC_PJ: f64 = 0.9;

/// A convolution or linear layer's work for one sample, over all its time steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerWork {
    /// The layer.
    pub name: String,
    /// Multiply-accumulates if every input counted.
    pub macs: f64,
    /// The share of the input's entries that were not zero: measured, as what enters may be sums, maxima or means of
    /// several layers' spikes. Of spikes of several bits, the mean set bits of an entry.
    pub input_rate: f64,
    /// Whether spikes, their sums or means enter, and weights are only added. Else, as in the first layer, all of `macs` are
    /// computed.
    pub takes_spikes: bool,
    /// `macs * input_rate` where spikes enter; 0 where values do. An input above 1, such as a sum of spikes, counts once.
    pub synaptic_operations: f64,
}

/// A network's work for one sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Layer by layer, in the order of the walk.
    pub layers: Vec<LayerWork>,
    /// The sum over the layers that spikes enter.
    pub synaptic_operations: f64,
    /// The multiply-accumulates of the layers that values enter.
    pub macs: f64,
    /// Estimate in picojoules: [`AC_PJ`] a synaptic operation, [`MAC_PJ`] a multiply-accumulate.
    pub energy_pj: f64,
    /// Estimate in picojoules for a network of the same layers without spikes: [`MAC_PJ`] for every multiply-accumulate of
    /// one time step. Neither estimate knows memory, neurons or norms, which cost more than arithmetic on real hardware.
    pub dense_energy_pj: f64,
}

impl Work {
    /// Adds up layers, each with its multiply-accumulates of one time step.
    pub fn new(layers: Vec<(LayerWork, f64)>) -> Self {
        let dense: f64 = layers.iter().map(|(_, per_step)| per_step).sum();
        let layers: Vec<LayerWork> = layers.into_iter().map(|(layer, _)| layer).collect();
        let synaptic_operations: f64 = layers.iter().map(|layer| layer.synaptic_operations).sum();
        let real = layers.iter().filter(|layer| !layer.takes_spikes);
        let macs: f64 = real.map(|layer| layer.macs).sum();
        let energy_pj = AC_PJ * synaptic_operations + MAC_PJ * macs;
        Self { layers, synaptic_operations, macs, energy_pj, dense_energy_pj: MAC_PJ * dense }
    }
}

impl LayerWork {
    /// A layer of so many multiply-accumulates, of whose input the share `input_rate` was not zero.
    pub fn new(name: &str, macs: f64, input_rate: f64, takes_spikes: bool) -> Self {
        let synaptic_operations = if takes_spikes { macs * input_rate } else { 0.0 };
        Self { name: name.into(), macs, input_rate, takes_spikes, synaptic_operations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_layer_multiplies_and_the_others_add() {
        // Four steps: a first layer of 100 MACs a step, and one of 1000 of which a tenth is reached by spikes.
        let first = LayerWork::new("conv1", 400.0, 0.5, false);
        let second = LayerWork::new("conv2", 4000.0, 0.1, true);
        let work = Work::new(vec![(first, 100.0), (second, 1000.0)]);
        assert_eq!((work.synaptic_operations, work.macs), (400.0, 400.0));
        assert!((work.energy_pj - (0.9 * 400.0 + 4.6 * 400.0)).abs() < 1e-9, "{work:?}");
        assert!((work.dense_energy_pj - 4.6 * 1100.0).abs() < 1e-9, "{work:?}");
    }
}
