//! Where units are applied: to the weights that read a map, or to the map itself.

use snn_ops::{Value, buffer};

use crate::pass::{Map, Pass};
use crate::unit::Unit;
use crate::{Error, Result};

impl Pass {
    /// The layer's weights for the entries of `x`: the unit is theirs, where a map is spared a pass.
    pub(crate) fn weight(&mut self, name: &str, x: &Map) -> Result<Value> {
        let weight = self.parameter(format!("{name}.weight"))?;
        self.worth(&weight, &x.unit)
    }

    /// `x` times the unit.
    fn worth(&mut self, x: &Value, unit: &Unit) -> Result<Value> {
        let number = |x: f32| Ok::<_, Error>(Value::constant(buffer::tensor(vec![x], 1)?));
        let factor = match unit {
            Unit::One => return Ok(x.clone()),
            Unit::Of(unit) => number(*unit)?,
            Unit::Step { neuron, levels } => {
                let ceiling = self.parameter(format!("{neuron}.ceiling"))?;
                let share = number(1.0 / f32::from(*levels))?;
                snn_ops::scale(&mut self.tape, &ceiling, &share)?
            }
        };
        Ok(snn_ops::scale(&mut self.tape, x, &factor)?)
    }

    /// `x` with entries that are what they say.
    pub(crate) fn real(&mut self, x: &Map) -> Result<Map> {
        Ok(Map::new(self.worth(&x.value, &x.unit)?, x.t_steps))
    }
}
