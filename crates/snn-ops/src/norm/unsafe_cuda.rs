//! Batch norm on a GPU: `norm.cu`, launch by launch. Not run on a GPU yet; the kernels were run on a CPU.
#![allow(unsafe_code)]

use candle_core::{CudaDevice, DType, Device, Tensor};

use super::Moments;
use crate::buffer::elements;
use crate::cuda::{Arg, Module, device, kind};
use crate::{Error, Result};

static KERNELS: Module = Module::new("snn-norm", include_str!("norm.cu"));

/// Pieces that a channel's rows are cut into, whatever the GPU.
const PIECES: usize = 512;

/// The gradients of one norm.
pub struct NormGradients {
    /// `[C]` f32.
    pub weight: Tensor,
    /// `[C]` f32.
    pub bias: Tensor,
    /// The input's shape, in the gradient's type.
    pub x: Tensor,
}

/// [`Moments::of`] of `[.., C]`, summed on the GPU and copied to the host.
///
/// # Errors
/// [`Error::Shape`] when an axis is empty.
pub fn moments(x: &Tensor) -> Result<Moments> {
    let (gpu, kind) = (device(x)?, kind(x)?);
    let (rows, channels) = extent(x)?;
    let sums = zeros(&[PIECES, 2, channels], DType::F64, &gpu)?;
    let (mean, var) =
        (zeros(&[channels], DType::F64, &gpu)?, zeros(&[channels], DType::F64, &gpu)?);
    let extent = [Arg::U64(rows), Arg::U64(channels), Arg::U64(PIECES)];
    let input = [Arg::Tensor(x), Arg::U32(kind)];
    let args = [&input[..], &extent, &[Arg::Tensor(&sums)]].concat();
    // SAFETY: the arguments of moments_partial; x holds rows x channels elements, sums is new.
    unsafe { KERNELS.launch(&gpu, "moments_partial", PIECES * channels, &args) }?;
    let out = [Arg::Tensor(&mean), Arg::Tensor(&var)];
    let args = [&input[..], &[Arg::Tensor(&sums)], &extent, &out].concat();
    // SAFETY: the arguments of moments_finish; mean and var are new and hold a number for each channel.
    unsafe { KERNELS.launch(&gpu, "moments_finish", channels, &args) }?;
    Ok(Moments { mean: mean.to_vec1()?, var: var.to_vec1()?, count: rows })
}

/// [`Moments::affine`] on the GPU that `weight` lies on: scale and shift, `[C]` f32.
///
/// # Errors
/// [`Error::Shape`] when the numbers of channels differ.
pub fn affine(moments: &Moments, weight: &Tensor, bias: &Tensor) -> Result<(Tensor, Tensor)> {
    let gpu = device(weight)?;
    let channels = check(moments, weight, bias)?;
    let (mean, var) = (upload(&moments.mean, &gpu)?, upload(&moments.var, &gpu)?);
    let out = (zeros(&[channels], DType::F32, &gpu)?, zeros(&[channels], DType::F32, &gpu)?);
    let args = [&mean, &var, weight, bias].map(Arg::Tensor);
    let args =
        [&args[..], &[Arg::U64(channels), Arg::Tensor(&out.0), Arg::Tensor(&out.1)]].concat();
    // SAFETY: the arguments of norm_affine; each tensor holds a number for each channel, out is new.
    unsafe { KERNELS.launch(&gpu, "norm_affine", channels, &args) }?;
    Ok(out)
}

/// The gradients of a norm whose output's gradient is `dy`, with the batch's own statistics or, when
/// `fixed`, with running ones. Both sums and the input's gradient are taken in f32 and f64 as on a CPU.
///
/// # Errors
/// [`Error::Shape`] when shapes differ.
pub fn gradients(
    x: &Tensor,
    dy: &Tensor,
    moments: &Moments,
    fixed: bool,
    weight: &Tensor,
) -> Result<NormGradients> {
    let gpu = device(x)?;
    let (rows, channels) = extent(x)?;
    if x.dims() != dy.dims() || check(moments, weight, weight)? != channels {
        let expected = format!("{:?} of {} channels", dy.dims(), moments.mean.len());
        return Err(Error::Shape { what: "norm gradient", expected, got: x.dims().to_vec() });
    }
    let (mean, var) = (upload(&moments.mean, &gpu)?, upload(&moments.var, &gpu)?);
    let sums = zeros(&[PIECES, 2, channels], DType::F64, &gpu)?;
    let inputs = [Arg::Tensor(x), Arg::U32(kind(x)?), Arg::Tensor(dy), Arg::U32(kind(dy)?)];
    let extent = [Arg::U64(rows), Arg::U64(channels), Arg::U64(PIECES), Arg::Tensor(&sums)];
    let args = [&inputs[..], &[Arg::Tensor(&mean)], &extent].concat();
    // SAFETY: the arguments of gradient_partial; x and dy hold rows x channels elements, sums is new.
    unsafe { KERNELS.launch(&gpu, "gradient_partial", PIECES * channels, &args) }?;

    let (dw, db) = (zeros(&[channels], DType::F32, &gpu)?, zeros(&[channels], DType::F32, &gpu)?);
    let coefficients = zeros(&[3, channels], DType::F32, &gpu)?;
    let count = if fixed { f64::INFINITY } else { rows as f64 };
    let numbers = [Arg::F64(count), Arg::U64(channels), Arg::U64(PIECES)];
    let before = [&sums, &mean, &var, weight].map(Arg::Tensor);
    let args = [&before[..], &numbers, &[&dw, &db, &coefficients].map(Arg::Tensor)].concat();
    // SAFETY: the arguments of gradient_finish; what it writes is new and has the channels it fills.
    unsafe { KERNELS.launch(&gpu, "gradient_finish", channels, &args) }?;

    let dx = dy.zeros_like()?;
    let n = rows * channels;
    let args = [
        &[Arg::Tensor(&coefficients)],
        &inputs[..],
        &[Arg::U64(n), Arg::U64(channels), Arg::Tensor(&dx), Arg::U32(kind(&dx)?)],
    ]
    .concat();
    // SAFETY: the arguments of input_gradient; x, dy and the new dx hold n elements.
    unsafe { KERNELS.launch(&gpu, "input_gradient", n, &args) }?;
    Ok(NormGradients { weight: dw, bias: db, x: dx })
}

fn extent(x: &Tensor) -> Result<(usize, usize)> {
    let n = elements("norm input", x.dims())?;
    let channels = x.dims().last().copied().unwrap_or(1);
    Ok((n / channels, channels))
}

fn check(moments: &Moments, weight: &Tensor, bias: &Tensor) -> Result<usize> {
    let channels = elements("norm weight", &[moments.mean.len()])?;
    for (what, got) in [
        ("norm weight", weight.elem_count()),
        ("norm bias", bias.elem_count()),
        ("norm variance", moments.var.len()),
    ] {
        super::check_channels(what, got, channels)?;
    }
    Ok(channels)
}

fn upload(values: &[f64], gpu: &CudaDevice) -> Result<Tensor> {
    Ok(Tensor::from_slice(values, values.len(), &Device::Cuda(gpu.clone()))?)
}

fn zeros(shape: &[usize], dtype: DType, gpu: &CudaDevice) -> Result<Tensor> {
    Ok(Tensor::zeros(shape, dtype, &Device::Cuda(gpu.clone()))?)
}
