//! Pooling on a GPU: `pool.cu`. Not run on a GPU yet; the kernels were run on a CPU.
#![allow(unsafe_code)]

use candle_core::{DType, Tensor};

use super::Extent;
use crate::cuda::{Arg, Module, device, kind};
use crate::{Error, Result};

static KERNELS: Module = Module::new("snn-pool", include_str!("pool.cu"));

/// The structure `Pool` of the kernels, and the number of images.
fn args(extent: &Extent, images: usize) -> Result<[Arg<'static>; 2]> {
    let ([kh, kw], [sh, sw], [ph, pw]) = (extent.kernel, extent.stride, extent.padding);
    let ([h, w, c], [oh, ow]) = (extent.input, extent.output);
    let fields = [kh, kw, sh, sw, ph, pw, h, w, oh, ow, c];
    // Kernels add a window's side and its padding to an extent in 32 bits, and number an image's elements.
    let most = (u32::MAX >> 2) as usize;
    if fields.iter().any(|&v| v > most) || extent.in_len() > most || extent.out_len() > most {
        let expected = format!("images of at most {most} elements");
        return Err(Error::Shape { what: "pool", expected, got: fields.to_vec() });
    }
    Ok([Arg::words(fields.map(|v| v as u32)), Arg::U64(images)])
}

/// `shape` is that of the result.
pub(super) fn average(x: &Tensor, extent: &Extent, shape: &[usize]) -> Result<Tensor> {
    let images = x.elem_count() / extent.in_len();
    let y = Tensor::zeros(shape, DType::F32, x.device())?;
    let input = [Arg::Tensor(x), Arg::U32(kind(x)?)];
    let args = [&input[..], &args(extent, images)?, &[Arg::Tensor(&y)]].concat();
    // SAFETY: the arguments of average_forward; x holds whole images, the new y an output for each.
    unsafe { KERNELS.launch(&device(x)?, "average_forward", y.elem_count(), &args) }?;
    Ok(y)
}

pub(super) fn average_gradient(dy: &Tensor, extent: &Extent, shape: &[usize]) -> Result<Tensor> {
    let dx = Tensor::zeros(shape, dy.dtype(), dy.device())?;
    let images = dy.elem_count() / extent.out_len();
    let gradient = [Arg::Tensor(dy), Arg::U32(kind(dy)?)];
    let out = [Arg::Tensor(&dx), Arg::U32(kind(dy)?)];
    let args = [&gradient[..], &args(extent, images)?, &out].concat();
    // SAFETY: the arguments of average_backward; dy holds whole outputs, the new dx an image for each.
    unsafe { KERNELS.launch(&device(dy)?, "average_backward", dx.elem_count(), &args) }?;
    Ok(dx)
}

/// The maxima, and the place in the image of each.
pub(super) fn maximum(x: &Tensor, extent: &Extent, shape: &[usize]) -> Result<(Tensor, Tensor)> {
    let images = x.elem_count() / extent.in_len();
    let y = Tensor::zeros(shape, x.dtype(), x.device())?;
    let winners = Tensor::zeros(shape, DType::U32, x.device())?;
    let input = [Arg::Tensor(x), Arg::U32(kind(x)?)];
    let out = [Arg::Tensor(&y), Arg::Tensor(&winners)];
    let args = [&input[..], &args(extent, images)?, &out].concat();
    // SAFETY: the arguments of max_forward; x holds whole images, the new y and winners an output for each.
    unsafe { KERNELS.launch(&device(x)?, "max_forward", y.elem_count(), &args) }?;
    Ok((y, winners))
}

pub(super) fn maximum_gradient(
    dy: &Tensor,
    winners: &Tensor,
    extent: &Extent,
    shape: &[usize],
) -> Result<Tensor> {
    let dx = Tensor::zeros(shape, dy.dtype(), dy.device())?;
    let images = dy.elem_count() / extent.out_len();
    let gradient = [Arg::Tensor(dy), Arg::U32(kind(dy)?), Arg::Tensor(winners)];
    let out = [Arg::Tensor(&dx), Arg::U32(kind(dy)?)];
    let args = [&gradient[..], &args(extent, images)?, &out].concat();
    // SAFETY: the arguments of max_backward; dy and winners hold whole outputs, the new dx an image for each.
    unsafe { KERNELS.launch(&device(dy)?, "max_backward", dx.elem_count(), &args) }?;
    Ok(dx)
}
