//! From an ANN to a spiking network.

use std::collections::BTreeMap;

use snn_neuron::qcfs_step;
use snn_ops::buffer;

use crate::declare::Declare;
use crate::neuron_change::NeuronChange;
use crate::neuron_config::{Neuron, NeuronConfig};
use crate::pass::missing;
use crate::{Error, Model, Result};

impl Model {
    /// Refuses a network that is tied to a number of time steps: its spiking one runs any.
    fn check_ann(&self) -> Result<()> {
        let config = self.config();
        let refuse = |field: &str, why: &str| {
            Err(Error::Config {
                field: field.into(),
                why: format!("{why}; train without it, at T = 1"),
            })
        };
        match () {
            () if !config.steps.is_empty() => {
                refuse("steps", "the stages have time steps of their own")
            }
            () if config.parts.get("tcja") == Some(&true) => {
                refuse("parts.tcja", "is tied to the time steps that it was trained with")
            }
            () if config.t_steps != 1 => {
                refuse("t_steps", &format!("is {}, and an ANN has no time", config.t_steps))
            }
            () => Ok(()),
        }
    }

    /// The spiking network of an ANN whose neurons are of the kind `qcfs`: neurons without leak whose spikes have `bits` bits,
    /// each layer's threshold the step of its activation, its potential beginning at half of it, reset softly. With the
    /// bits that the ANN was trained for, 2^bits - 1 levels, it computes what the ANN does at T = 1, and comes closer to the
    /// ANN of endless levels with every step more.
    ///
    /// Weights and running statistics are the ANN's. Of its metrics what they were measured on stays.
    ///
    /// # Source
    /// Bu et al. (ICLR 2022) for neurons of one bit; of several, "Multi-bit spikes" (arXiv:2407.05739): independent
    /// re-implementation from the abstract; constants ours.
    ///
    /// # Errors
    /// [`Error::Config`] when a layer is no such activation, or `bits` are not 1 to 8; without `bits`, when its levels are no
    /// 2^bits - 1.
    pub fn converted(&self, bits: Option<u8>) -> Result<Self> {
        let mut config = self.config().clone();
        self.check_ann()?;
        let mut all = None;
        let mut thresholds = BTreeMap::new();
        for name in self.neurons() {
            let Neuron::Qcfs { levels, .. } = config.neuron(name)? else {
                let kind = config.neurons.get(name).and_then(|own| own.kind.as_ref());
                let kind = kind.unwrap_or(&config.neuron.kind);
                let why = format!(
                    "is {kind}, no activation of an ANN; train with neuron.kind = \"qcfs\""
                );
                return Err(Error::Config { field: format!("{name}'s kind"), why });
            };
            let bits = bits_of(bits, levels)?;
            if *all.get_or_insert(bits) != bits {
                let why = "differ between layers; say the bits of all".into();
                return Err(Error::Config { field: "levels".into(), why });
            }
            let ceiling = format!("{name}.ceiling");
            let ceiling = self.params().get(&ceiling).ok_or_else(|| missing(&ceiling))?;
            let ceiling = buffer::with_f32("ceiling", ceiling, |ceiling| Ok(ceiling[0]))?;
            let most = u8::try_from((1u16 << bits) - 1).unwrap_or(u8::MAX);
            let threshold = f64::from(qcfs_step(ceiling, most));
            let own = NeuronChange { v_threshold: Some(threshold), ..NeuronChange::default() };
            thresholds.insert(name.clone(), own);
        }
        config.neuron = NeuronConfig {
            kind: "if".into(),
            reset: "soft".into(),
            strict: false,
            surrogate: "rectangle".into(),
            bits: [all.unwrap_or(1), 0],
            v_start: Some(0.5),
            spike: "threshold".into(),
            ..NeuronConfig::default()
        };
        config.neurons = thresholds;
        if let Some(metrics) = config.metrics.as_object_mut() {
            metrics.retain(|key, _| key == "data");
        }
        let layout = Declare::read(&config)?.layout;
        Self::with(config, layout, |want| {
            let own = self.params().get(&want.name).or_else(|| self.buffers().get(&want.name));
            own.cloned().ok_or_else(|| missing(&want.name))
        })
    }
}

/// The bits of a spike: those that were asked for, or those that have so many levels.
fn bits_of(asked: Option<u8>, levels: u8) -> Result<u8> {
    let own = (u16::from(levels) + 1).is_power_of_two();
    match asked {
        Some(bits) if (1..=8).contains(&bits) => Ok(bits),
        Some(bits) => {
            let why = format!("are {bits}; use 1 to 8");
            Err(Error::Config { field: "bits".into(), why })
        }
        None if own => Ok((u16::from(levels) + 1).trailing_zeros() as u8),
        None => {
            let why = format!(
                "are {levels}, which no number of bits has; say the bits, or train with 1, 3, 7, .. levels"
            );
            Err(Error::Config { field: "levels".into(), why })
        }
    }
}
