//! The fused operator on a GPU: `lif.cu`. Not run on a GPU yet; the kernels were run on a CPU.
#![allow(unsafe_code)]

use candle_core::{DType, Tensor};
use snn_ops::cuda::{Arg, Module, device, kind, norm};
use snn_ops::{Gradient, Gradients, Moments, Tape, Target, Value};

use super::config::{LifConfig, Reset};
use super::current::Current;
use super::extent::Extent;
use super::graded::Ladder;
use super::kernel::Rates;
use super::layer::Layer;
use super::levels::Levels;
use super::output::LifOutput;
use crate::{Error, Result, Surrogate};

static KERNELS: Module = Module::new("snn-lif", include_str!("lif.cu"));

/// A summand with its constants.
struct Branch {
    x: Tensor,
    to_x: Target,
    norm: Option<Norm>,
}

struct Norm {
    moments: Moments,
    /// Whether the statistics were running ones.
    fixed: bool,
    weight: Tensor,
    to_weight: Target,
    to_bias: Target,
    scale: Tensor,
    shift: Tensor,
}

impl Branch {
    fn new(current: &Current<'_>) -> Result<Self> {
        let value = current.value();
        let (x, to_x) = (value.tensor().clone(), value.target());
        let Current::Norm { weight, bias, running, .. } = *current else {
            return Ok(Self { x, to_x, norm: None });
        };
        let channels = x.dims().last().copied().unwrap_or(0);
        let moments = match running {
            Some(moments) => moments.clone(),
            None => norm::moments(&x)?,
        };
        if moments.mean.len() != channels {
            let (expected, got) = (format!("[{channels}]"), vec![moments.mean.len()]);
            return Err(Error::Shape { what: "running statistics", expected, got });
        }
        let (scale, shift) = norm::affine(&moments, weight.tensor(), bias.tensor())?;
        let norm = Norm {
            moments,
            fixed: running.is_some(),
            weight: weight.tensor().clone(),
            to_weight: weight.target(),
            to_bias: bias.target(),
            scale,
            shift,
        };
        Ok(Self { x, to_x, norm: Some(norm) })
    }

    fn args(&self) -> snn_ops::Result<[Arg<'_>; 4]> {
        let (scale, shift) = match &self.norm {
            Some(norm) => (Arg::Tensor(&norm.scale), Arg::Tensor(&norm.shift)),
            None => (Arg::Null, Arg::Null),
        };
        Ok([Arg::Tensor(&self.x), Arg::U32(kind(&self.x)?), scale, shift])
    }
}

/// [`crate::norm_lif`] where the currents lie on a GPU.
pub(super) fn norm_lif(
    tape: &mut Tape,
    extent: Extent,
    step_shape: Vec<usize>,
    currents: &[Current<'_>],
    layer: &Layer<'_>,
    config: &LifConfig,
) -> Result<LifOutput> {
    let refuse = |why: String| Err(snn_ops::Error::Unsupported { what: "lif", why }.into());
    if currents.len() > 2 {
        return refuse(format!("sums two currents on a GPU, got {}", currents.len()));
    }
    // What has no kernel says so by its name in recipes.
    if config.adaptation.is_some() || layer.a0.is_some() {
        return refuse("has no kernel for the kind alif on a GPU".into());
    }
    if layer.leak.is_some() {
        return refuse("has no kernel for the kind plif on a GPU".into());
    }
    let branches = currents.iter().map(Branch::new).collect::<Result<Vec<_>>>()?;
    let moments = branches.iter().filter_map(|b| b.norm.as_ref().filter(|n| !n.fixed));
    let moments = moments.map(|norm| norm.moments.clone()).collect();
    let gpu = branches[0].x.device().clone();
    let mut shape = vec![extent.t_steps];
    shape.extend(&step_shape);
    let spikes = Tensor::zeros(shape, DType::U8, &gpu)?;
    let v_last = Tensor::zeros(step_shape.as_slice(), DType::F32, &gpu)?;
    let given = layer.v0.map(|v| v.to_device(&gpu)?.to_dtype(DType::F32)?.contiguous());
    let v0 = match (given.transpose()?, config.v_start) {
        (None, Some(v)) => Some(Tensor::full(v, step_shape.as_slice(), &gpu)?),
        (given, _) => given,
    };
    let config = *config;
    let shared = shared(&config, &extent, &branches, v0.as_ref())?;
    let args = [&shared[..], &[Arg::Tensor(&spikes), Arg::Tensor(&v_last)]].concat();
    // SAFETY: the arguments of lif_forward; `Extent::new` checked that the currents and v0 hold whole steps of
    // neurons, `norm` that scale and shift hold a number for each channel; spikes and v_last are new.
    unsafe { KERNELS.launch(&device(&spikes)?, "lif_forward", extent.neurons, &args) }?;
    drop(args);
    let inputs: Vec<&Value> = currents.iter().flat_map(Current::values).collect();
    let spikes = tape.push(spikes, &inputs, move |dy: Gradient, grads: &mut Gradients| {
        backward(&extent, &branches, &config, v0.as_ref(), &dy, grads)
    });
    Ok(LifOutput { spikes, v_last, a_last: None, moments })
}

fn backward(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    v0: Option<&Tensor>,
    dy: &Tensor,
    grads: &mut Gradients,
) -> snn_ops::Result<()> {
    let x = &branches[0].x;
    let dz = Tensor::zeros(x.shape(), DType::F32, x.device())?;
    let u = match extent.x_steps == extent.t_steps {
        true => dz.clone(),
        false => Tensor::zeros((extent.t_steps, extent.neurons), DType::F32, x.device())?,
    };
    let shared = shared(config, extent, branches, v0)?;
    let own =
        [Arg::Tensor(dy), Arg::U32(kind(dy)?), Arg::Tensor(&u), Arg::Tensor(&dz), Arg::U32(0)];
    let args = [&shared[..], &own].concat();
    // SAFETY: the arguments of lif_backward; as in the forward pass, dy has the shape of the spikes, and dz and
    // u are new. u may be dz: a neuron reads the potential of a step before it writes the gradient there.
    unsafe { KERNELS.launch(&device(x)?, "lif_backward", extent.neurons, &args) }?;
    for branch in branches {
        let mut gradient = dz.clone();
        if let Some(Norm { moments, fixed, weight, to_weight, to_bias, .. }) = &branch.norm {
            let of = norm::gradients(&branch.x, &dz, moments, *fixed, weight)?;
            grads.add(*to_bias, of.bias)?;
            grads.add(*to_weight, of.weight)?;
            gradient = of.x;
        }
        // A gradient has the format of its value.
        if branch.x.dtype() == DType::BF16 {
            gradient = gradient.to_dtype(DType::BF16)?;
        }
        grads.add(branch.to_x, gradient)?;
    }
    Ok(())
}

/// The arguments that forward and backward share.
fn shared<'a>(
    config: &LifConfig,
    extent: &Extent,
    branches: &'a [Branch],
    v0: Option<&'a Tensor>,
) -> snn_ops::Result<Vec<Arg<'a>>> {
    let channels = branches[0].x.dims().last().copied().unwrap_or(1);
    let mut args = vec![Arg::words(words(config))];
    args.extend([extent.t_steps, extent.x_steps, extent.neurons, channels].map(Arg::U64));
    args.extend(branches[0].args()?);
    match branches.get(1) {
        Some(branch) => args.extend(branch.args()?),
        None => args.extend([Arg::Null, Arg::U32(0), Arg::Null, Arg::Null]),
    }
    args.push(v0.map_or(Arg::Null, Arg::Tensor));
    Ok(args)
}

/// The structure `Neuron` of the kernels.
fn words(config: &LifConfig) -> [u32; 14] {
    let (soft, v_reset) = match config.reset {
        Reset::Hard(v) => (false, v),
        Reset::Soft => (true, 0.0),
    };
    let surrogate = Surrogate::ALL.iter().position(|&s| s == config.surrogate).unwrap_or(0);
    let ladder = Ladder::new(config, Rates::new(config));
    let levels = match config.levels {
        Levels::Binary => 0,
        Levels::Bits { .. } => 1,
        Levels::Counts(_) => 2,
    };
    [
        config.decay().to_bits(),
        config.gain().to_bits(),
        config.rest().to_bits(),
        config.v_threshold.to_bits(),
        v_reset.to_bits(),
        ladder.step.to_bits(),
        ladder.most.to_bits(),
        ladder.low.to_bits(),
        ladder.high.to_bits(),
        config.strict.into(),
        soft.into(),
        config.detach_reset.into(),
        surrogate as u32,
        levels,
    ]
}
