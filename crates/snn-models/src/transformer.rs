//! A change of the number of time steps between two parts of a network: SSNN's temporal transformer.

use snn_ops::Value;

use crate::Result;
use crate::boundary::{Transformer, resampling};
use crate::layers::{Current, Layers as _};
use crate::pass::{Map, Pass};

impl Pass {
    /// The steps of `x` as the trained matrix of that boundary mixes them.
    fn mix(&mut self, name: &str, x: &Map) -> Result<Value> {
        let weight = self.parameter(format!("steps.{name}.weight"))?;
        Ok(snn_ops::mix_steps(&mut self.tape, &x.value, &weight)?)
    }

    /// `x` in `to` steps, by the configuration's [`Transformer`].
    pub(crate) fn change_steps(&mut self, name: &str, x: &Map, to: usize) -> Result<Map> {
        let (transformer, from) = (self.setting.model.config().transformer, x.t_steps);
        if !transformer.is_trained() && to == from {
            return Ok(x.clone());
        }
        let mixed = |value| Map { value, t_steps: to, unit: x.unit.clone() };
        match transformer {
            Transformer::Linear => Ok(mixed(self.mix(name, x)?)),
            Transformer::LinearLif => {
                let x = mixed(self.mix(name, x)?);
                self.neuron(&format!("steps.{name}.lif"), &[Current::Plain(&x)])
            }
            Transformer::Avg => {
                let weight = snn_ops::buffer::tensor(resampling(to, from), (to, from))?;
                let weight = Value::constant(weight);
                Ok(mixed(snn_ops::mix_steps(&mut self.tape, &x.value, &weight)?))
            }
            Transformer::First => Ok(mixed(snn_ops::narrow(&mut self.tape, &x.value, 0, 0, to)?)),
            Transformer::Last => {
                Ok(mixed(snn_ops::narrow(&mut self.tape, &x.value, 0, from - to, to)?))
            }
        }
    }
}
