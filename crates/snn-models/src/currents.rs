//! What drives a layer of neurons: plain maps, normalised ones, and TEBN's factors.

use snn_neuron::norm_sum;
use snn_ops::{Moments, Value};

use crate::layers::Current;
use crate::pass::{Map, Pass};
use crate::request::Mode;
use crate::{Error, Result};

/// The values behind a normalised current, held while the neuron borrows them.
struct Norm {
    weight: Value,
    bias: Value,
    running: Option<Moments>,
}

/// A current, held likewise.
pub(crate) struct Summand {
    value: Value,
    norm: Option<Norm>,
}

impl Summand {
    pub(crate) fn current(&self) -> snn_neuron::Current<'_> {
        match &self.norm {
            None => snn_neuron::Current::Plain(&self.value),
            Some(norm) => snn_neuron::Current::Norm {
                x: &self.value,
                weight: &norm.weight,
                bias: &norm.bias,
                running: norm.running.as_ref(),
            },
        }
    }
}

impl Pass {
    fn norm(&mut self, name: &str) -> Result<Norm> {
        let running = match self.setting.request.mode {
            Mode::Train => None,
            Mode::Eval => {
                let (mean, var) = self.setting.model.running(name)?;
                Some(Moments::running(mean, var)?)
            }
        };
        let weight = self.parameter(format!("{name}.weight"))?;
        let bias = self.parameter(format!("{name}.bias"))?;
        Ok(Norm { weight, bias, running })
    }

    /// The currents as neurons sum them.
    pub(crate) fn currents(&mut self, currents: &[Current<'_, Map>]) -> Result<Vec<Summand>> {
        let mut summands = Vec::new();
        for current in currents {
            let (x, name) = match current {
                Current::Plain(x) => (x, None),
                Current::Norm { name, x, .. } => (x, Some(name)),
            };
            let x = self.real(x)?;
            let norm = name.map(|name| self.norm(name)).transpose()?;
            let mut summand = Summand { value: x.value.clone(), norm };
            if let Some(name) = name.filter(|_| self.setting.model.config().neuron.tebn) {
                let sum = norm_sum(&mut self.tape, &[summand.current()])?;
                self.note_moments(&x, &[Some(name)], sum.moments);
                let scale = self.step_scale(name, x.t_steps)?;
                let value = snn_ops::scale_steps(&mut self.tape, &sum.drive, &scale)?;
                summand = Summand { value, norm: None };
            }
            summands.push(summand);
        }
        Ok(summands)
    }

    /// TEBN's factors of the steps of this pass.
    fn step_scale(&mut self, norm: &str, t_steps: usize) -> Result<Value> {
        let scale = self.parameter(format!("{norm}.step_scale"))?;
        let own = scale.tensor().elem_count();
        let before = self.setting.state.as_ref().map_or(0, |state| state.steps());
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        let end = before.saturating_add(t_steps);
        if self.setting.state.is_none() && t_steps == own {
            return Ok(scale);
        }
        if self.setting.state.is_none() || end > own {
            let why = format!(
                "is of {own} time steps, and this pass has {end}; give as many as the model was trained with"
            );
            return Err(Error::Config { field: format!("{norm}.step_scale"), why });
        }
        Ok(snn_ops::narrow(&mut self.tape, &scale, 0, before, t_steps)?)
    }
}
