//! Plain slices out of candle's CPU tensors, and tensors out of plain vectors.
//!
//! An activation is `f32`, `bf16` where that precision is asked for, or, for spikes and small sums of spikes,
//! `u8`: a quarter of the memory, and exact by its type.

use std::ops::Deref;

use candle_core::{CpuStorage, DType, Device, Shape, Storage, Tensor};
use half::bf16;
use multiversion::multiversion;
use rayon::prelude::*;

pub use crate::element::Element;
pub use crate::unsafe_zeroed::{Block, Unset, zeroed};
use crate::{Error, Result};

/// A borrowed activation: the elements of one contiguous CPU tensor.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// Ordinary values.
    F32(&'a [f32]),
    /// Values of half the size and a third of the digits.
    Bf16(&'a [bf16]),
    /// Spikes or counts of spikes.
    U8(&'a [u8]),
}

impl<'a> Data<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(x) => x.len(),
            Data::Bf16(x) => x.len(),
            Data::U8(x) => x.len(),
        }
    }

    /// Elements `range`.
    pub fn slice(self, range: std::ops::Range<usize>) -> Data<'a> {
        match self {
            Data::F32(x) => Data::F32(&x[range]),
            Data::Bf16(x) => Data::Bf16(&x[range]),
            Data::U8(x) => Data::U8(&x[range]),
        }
    }

    /// The elements as f32, in `wide` when they have to be converted.
    pub fn widened<'b>(self, wide: &'b mut Vec<f32>) -> &'b [f32]
    where
        'a: 'b,
    {
        if let Data::F32(x) = self {
            return x;
        }
        wide.resize(self.len(), 0.0);
        self.copy_to(wide);
        wide
    }

    /// Writes the elements as f32 into `to`, which is as long.
    pub fn copy_to(self, to: &mut [f32]) {
        match self {
            Data::F32(x) => to.copy_from_slice(x),
            Data::Bf16(x) => widen_bf16(to, x),
            Data::U8(x) => widen(to, x),
        }
    }

    /// True when there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Widens counts of spikes.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn widen(to: &mut [f32], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = f32::from(from));
}

/// Widens bf16 numbers.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn widen_bf16(to: &mut [f32], from: &[bf16]) {
    to.iter_mut()
        .zip(from)
        .for_each(|(to, from)| *to = f32::from_bits(u32::from(from.to_bits()) << 16));
}

/// The number of elements of a shape that an operator can work on.
///
/// # Errors
/// [`Error::Shape`] when an axis is empty, or when no memory could hold the elements.
pub fn elements(what: &'static str, dims: &[usize]) -> Result<usize> {
    const MOST: usize = isize::MAX as usize / size_of::<f64>();
    let n = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    n.filter(|n| (1..=MOST).contains(n)).ok_or_else(|| Error::Shape {
        what,
        expected: format!("no empty axis and at most {MOST} elements"),
        got: dims.to_vec(),
    })
}

/// The elements of one tensor, borrowed for as long as this lives.
pub struct Read<'a> {
    storage: Box<dyn Deref<Target = Storage> + Sync + 'a>,
    range: (usize, usize),
}

impl<'a> Read<'a> {
    /// Borrows `tensor`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a tensor that is not contiguous, not on the CPU, or neither f32 nor bf16
    /// nor u8.
    pub fn new(what: &'static str, tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let why = match (layout.contiguous_offsets(), &*storage) {
            (None, _) => "needs a contiguous tensor".into(),
            (
                Some(range),
                Storage::Cpu(CpuStorage::F32(_) | CpuStorage::BF16(_) | CpuStorage::U8(_)),
            ) => {
                return Ok(Self { storage: Box::new(storage), range });
            }
            (_, Storage::Cpu(_)) => {
                format!("needs f32, bf16 or u8 elements, got {:?}", tensor.dtype())
            }
            _ => "has no kernel for this device".into(),
        };
        Err(Error::Unsupported { what, why })
    }

    /// The elements.
    pub fn data(&self) -> Data<'_> {
        let (start, end) = self.range;
        match &**self.storage {
            Storage::Cpu(CpuStorage::F32(data)) => Data::F32(&data[start..end]),
            Storage::Cpu(CpuStorage::BF16(data)) => Data::Bf16(&data[start..end]),
            Storage::Cpu(CpuStorage::U8(data)) => Data::U8(&data[start..end]),
            _ => Data::F32(&[]),
        }
    }
}

/// Calls `f` with the elements of `tensor`.
///
/// # Errors
/// As [`Read::new`], and what `f` returns.
pub fn with_data<R>(
    what: &'static str,
    tensor: &Tensor,
    f: impl FnOnce(Data<'_>) -> Result<R>,
) -> Result<R> {
    f(Read::new(what, tensor)?.data())
}

/// Calls `f` with the elements of an f32 tensor.
///
/// # Errors
/// As [`with_data`], and for other elements.
pub fn with_f32<R>(
    what: &'static str,
    tensor: &Tensor,
    f: impl FnOnce(&[f32]) -> Result<R>,
) -> Result<R> {
    with_data(what, tensor, |data| match data {
        Data::F32(x) => f(x),
        _ => {
            let why = format!("needs f32 elements, got {:?}", tensor.dtype());
            Err(Error::Unsupported { what, why })
        }
    })
}

/// A CPU tensor that takes over `data` without a copy.
///
/// # Errors
/// When the shape does not hold `data.len()` elements.
pub fn tensor<T: candle_core::WithDType>(data: Vec<T>, shape: impl Into<Shape>) -> Result<Tensor> {
    Ok(Tensor::from_vec(data, shape.into(), &Device::Cpu)?)
}

/// A copy of `x` in the format of `E`.
pub fn stored<E: Element>(x: &[f32]) -> Vec<E> {
    const PIECE: usize = 1 << 14;
    let mut out = Unset::new(x.len());
    out.blocks(x.len(), PIECE).into_par_iter().zip(x.par_chunks(PIECE)).for_each(|(to, from)| {
        to.zeroed().into_iter().for_each(|to| E::put(from, to));
    });
    out.finish()
}

/// The f32 copy of an activation (itself when it already is f32).
///
/// # Errors
/// When candle cannot convert.
pub fn to_f32(x: &Tensor) -> Result<Tensor> {
    Ok(x.to_dtype(DType::F32)?)
}
