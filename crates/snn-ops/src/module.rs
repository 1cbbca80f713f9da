//! Operators as candle layers, for networks built from plain candle modules.
//!
//! Images are `[N, C, H, W]` f32 here, as in the rest of candle; they are brought into this crate's order and back. candle
//! differentiates a layer by its own backward pass, in which the layer's forward pass is computed again.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Module, Shape, Tensor};
use candle_nn::VarBuilder;

use crate::buffer::{self, with_f32};
use crate::{Conv2d, Pool2d, Result, Tape, Value, to_channels_first, to_channels_last};

/// [`conv2d`](crate::conv2d) with a weight of its own.
#[derive(Clone, Debug)]
pub struct Conv2dLayer {
    weight: Tensor,
    config: Conv2d,
}

impl Conv2dLayer {
    /// A layer of the weight `[O, C, kH, kW]`.
    pub fn new(weight: Tensor, config: Conv2d) -> Self {
        Self { weight, config }
    }

    /// A layer of `vars`' tensor `weight`, of a square kernel.
    ///
    /// # Errors
    /// When `vars` has no such tensor or one of another shape.
    pub fn load(
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        config: Conv2d,
        vars: &VarBuilder,
    ) -> candle_core::Result<Self> {
        let init = candle_nn::init::DEFAULT_KAIMING_UNIFORM;
        let shape = (out_channels, in_channels, kernel, kernel);
        Ok(Self::new(vars.get_with_hints(shape, "weight", init)?, config))
    }

    /// The weight.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }
}

impl Module for Conv2dLayer {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.contiguous()?.apply_op2(&self.weight.contiguous()?, Op::Conv(self.config))
    }
}

/// [`avg_pool2d`](crate::avg_pool2d).
#[derive(Clone, Copy, Debug)]
pub struct AvgPool2dLayer(pub Pool2d);

impl Module for AvgPool2dLayer {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.contiguous()?.apply_op1(Op::Average(self.0))
    }
}

/// [`max_pool2d`](crate::max_pool2d).
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2dLayer(pub Pool2d);

impl Module for MaxPool2dLayer {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.contiguous()?.apply_op1(Op::Maximum(self.0))
    }
}

#[derive(Clone, Copy)]
enum Op {
    Conv(Conv2d),
    Average(Pool2d),
    Maximum(Pool2d),
}

impl Op {
    /// Runs the operator on images `[N, C, H, W]` and what else it takes.
    fn run(self, tape: &mut Tape, inputs: &[Value]) -> Result<Value> {
        let x = to_channels_last(tape, &inputs[0])?;
        let y = match self {
            Op::Conv(config) => crate::conv2d(tape, &x, &inputs[1], config)?,
            Op::Average(pool) => crate::avg_pool2d(tape, &x, pool)?,
            Op::Maximum(pool) => crate::max_pool2d(tape, &x, pool)?,
        };
        to_channels_first(tape, &y)
    }

    fn forward(
        self,
        inputs: &[(&CpuStorage, &Layout)],
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let mut values = Vec::new();
        for (storage, at) in inputs {
            let (CpuStorage::F32(x), Some((start, end))) = (storage, at.contiguous_offsets())
            else {
                candle_core::bail!("{} needs contiguous f32 tensors", CustomOp1::name(&self))
            };
            values.push(Value::constant(buffer::tensor(x[start..end].to_vec(), at.dims())?));
        }
        let y = self.run(&mut Tape::off(), &values)?;
        let data = with_f32("layer", &buffer::to_f32(y.tensor())?, |y| Ok(y.to_vec()))?;
        Ok((CpuStorage::F32(data), y.tensor().shape().clone()))
    }

    fn backward(self, inputs: &[&Tensor], dy: &Tensor) -> candle_core::Result<Vec<Option<Tensor>>> {
        let mut tape = Tape::new();
        let leaves: Vec<Value> = inputs
            .iter()
            .enumerate()
            .map(|(i, x)| Ok(tape.leaf(i.to_string(), x.detach().contiguous()?)))
            .collect::<candle_core::Result<_>>()?;
        let y = self.run(&mut tape, &leaves)?;
        let mut found = vec![None; inputs.len()];
        let seed = dy.to_dtype(y.tensor().dtype())?.contiguous()?;
        tape.backward([(&y, seed)], &mut |name, gradient| {
            if let Some(slot) = name.parse::<usize>().ok().and_then(|i| found.get_mut(i)) {
                *slot = Some(gradient);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl CustomOp1 for Op {
    fn name(&self) -> &'static str {
        match self {
            Op::Conv(_) => "conv2d",
            Op::Average(_) => "avg_pool2d",
            Op::Maximum(_) => "max_pool2d",
        }
    }

    fn cpu_fwd(&self, x: &CpuStorage, at: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        self.forward(&[(x, at)])
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(self.backward(&[x], dy)?.into_iter().next().flatten())
    }
}

impl CustomOp2 for Op {
    fn name(&self) -> &'static str {
        CustomOp1::name(self)
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        w: &CpuStorage,
        w_at: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.forward(&[(x, x_at), (w, w_at)])
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let mut found = self.backward(&[x, w], dy)?.into_iter();
        Ok((found.next().flatten(), found.next().flatten()))
    }
}
