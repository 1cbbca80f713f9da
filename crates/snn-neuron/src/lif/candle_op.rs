//! The neuron as a candle operator, for networks built from plain candle layers.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Module, Shape, Tensor};
use snn_ops::{Tape, buffer};

use super::config::LifConfig;
use super::current::Current;
use super::op::norm_lif;

/// A layer of LIF neurons as a [`candle_core::Module`]: currents `[T, N, ..]` f32 in, spikes
/// `[T, N, ..]` f32 out, differentiable by candle's own backward pass.
///
/// State starts at the reset potential (a soft reset: at zero) in every call; there is nothing to reset.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lif {
    /// The neuron's constants.
    pub config: LifConfig,
}

impl Lif {
    /// One step of a layer from a potential that the caller keeps: the currents `x` `[N, ..]` f32 and the potential `v`
    /// of [`LifOutput::v_last`](super::LifOutput::v_last), or `None` to begin at rest, give the spikes `[N, ..]` u8 and
    /// the potential for the next step. Steps in a row give the spikes of [`norm_lif`] on the whole sequence, bit for bit.
    ///
    /// # Errors
    /// As [`norm_lif`].
    pub fn step(&self, x: &Tensor, v: Option<&Tensor>) -> crate::Result<(Tensor, Tensor)> {
        let x = snn_ops::Value::constant(x.unsqueeze(0)?);
        let output = norm_lif(&mut Tape::off(), 1, &[Current::Plain(&x)], v, &self.config)?;
        Ok((output.spikes.tensor().squeeze(0)?, output.v_last))
    }
}

impl Module for Lif {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.contiguous()?.apply_op1(*self)
    }
}

impl CustomOp1 for Lif {
    fn name(&self) -> &'static str {
        "lif"
    }

    fn cpu_fwd(&self, x: &CpuStorage, at: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(x), Some((start, end))) = (x, at.contiguous_offsets()) else {
            candle_core::bail!("lif needs a contiguous f32 tensor")
        };
        let x = buffer::tensor(x[start..end].to_vec(), at.dims())?;
        let spikes = run(&mut Tape::off(), &x, &self.config)?.tensor().to_dtype(DType::F32)?;
        let spikes = spikes.flatten_all()?.to_vec1::<f32>()?;
        Ok((CpuStorage::F32(spikes), at.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let mut tape = Tape::new();
        let leaf = tape.leaf("x", x.detach());
        let spikes = norm_lif(
            &mut tape,
            x.dims().first().copied().unwrap_or(0),
            &[Current::Plain(&leaf)],
            None,
            &self.config,
        )
        .map_err(candle_core::Error::from)?
        .spikes;
        let mut found = None;
        tape.backward([(&spikes, grad.contiguous()?)], &mut |_, gradient| {
            found = Some(gradient);
            Ok(())
        })?;
        Ok(found)
    }
}

fn run(tape: &mut Tape, x: &Tensor, config: &LifConfig) -> candle_core::Result<snn_ops::Value> {
    let x = snn_ops::Value::constant(x.clone());
    let t_steps = x.dims().first().copied().unwrap_or(0);
    Ok(norm_lif(tape, t_steps, &[Current::Plain(&x)], None, config)?.spikes)
}
