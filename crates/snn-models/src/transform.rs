//! The matrices by which a T-Net transforms the points of a cloud, or their features.

use snn_ops::Value;

use crate::Result;
use crate::layers::Layers as _;
use crate::pass::{Map, Pass, kept, missing};
use crate::request::Mode;

impl Pass {
    /// `I + change`, `[T, N, k, k]`.
    fn matrices(&mut self, change: &Map) -> Result<Value> {
        let &[t_steps, n, entries] = change.value.dims() else { return Err(missing("transform")) };
        let k = entries.isqrt();
        let mut identity = vec![0f32; t_steps * n * entries];
        identity
            .chunks_mut(entries)
            .flat_map(|one| one.iter_mut().step_by(k + 1))
            .for_each(|x| *x = 1.0);
        let shape = [t_steps, n, k, k];
        let identity = snn_ops::buffer::tensor(identity, shape.as_slice())?;
        let identity = Value::constant(identity.to_device(change.value.tensor().device())?);
        let change = snn_ops::reshape(&mut self.tape, &change.value, &shape)?;
        Ok(snn_ops::add(&mut self.tape, &change, &identity)?)
    }

    /// Every pixel of `x` times its sample's matrix `I + change`.
    pub(crate) fn transformed(&mut self, x: &Map, change: &Map) -> Result<Map> {
        let matrices = self.matrices(change)?;
        let (points, t_steps) = (x.value.dims(), matrices.dims()[0]);
        let is_still = points[0] == 1 && t_steps > 1;
        let mut shape = points.to_vec();
        shape[0] = t_steps;
        let value = match is_still {
            true => snn_ops::repeat_step(&mut self.tape, &x.value, t_steps)?,
            false => x.value.clone(),
        };
        let k = self.channels(x);
        let pixels = value.tensor().elem_count() / (k * shape[0] * shape[1]).max(1);
        let rows = [shape[0], shape[1], pixels, k];
        let value = snn_ops::reshape(&mut self.tape, &value, &rows)?;
        let value = snn_ops::matmul(&mut self.tape, &value, &matrices)?;
        Ok(kept(x, snn_ops::reshape(&mut self.tape, &value, &shape)?))
    }

    /// In training, how far the matrices are from orthogonal ones, as a term of the loss.
    pub(crate) fn penalize(&mut self, name: &str, change: &Map, weight: f32) -> Result<()> {
        if self.setting.request.mode == Mode::Train {
            let matrices = self.matrices(change)?;
            let penalty = snn_ops::orthogonality(&mut self.tape, &matrices, weight)?;
            self.penalties.insert(name.into(), penalty);
        }
        Ok(())
    }
}
