//! Cutting and joining along an axis.

use candle_core::{DType, Tensor, WithDType};
use rayon::prelude::*;

use crate::buffer::{self, Data, Read, to_f32, zeroed};
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// A tensor seen along one axis, or several that follow each other: `outer` rows of `len` pieces of `inner` elements.
#[derive(Clone, Copy)]
pub(crate) struct Along {
    pub(crate) outer: usize,
    pub(crate) len: usize,
    pub(crate) inner: usize,
}

impl Along {
    /// Axes `first..end` of `dims`.
    ///
    /// # Errors
    /// [`Error::Shape`] when there are none or one of the tensor's is empty.
    pub(crate) fn new(
        what: &'static str,
        dims: &[usize],
        axes: std::ops::Range<usize>,
    ) -> Result<Self> {
        buffer::elements(what, dims)?;
        if axes.is_empty() || axes.end > dims.len() {
            let expected = format!("more than {} axes", axes.end.max(1) - 1);
            return Err(Error::Shape { what, expected, got: dims.to_vec() });
        }
        let product = |dims: &[usize]| dims.iter().product();
        Ok(Self {
            outer: product(&dims[..axes.start]),
            len: product(&dims[axes.clone()]),
            inner: product(&dims[axes.end..]),
        })
    }

    fn row(self) -> usize {
        self.len * self.inner
    }
}

/// Joins tensors along `axis`: maps along N (axis 1 of `[T, N, ..]`) or along C, the last one.
///
/// # Shapes
/// - equal but for `axis`; f32, or the inputs' common type: spikes stay u8
///
/// # Errors
/// [`Error::Shape`] when the other axes differ, one is empty, or there is no tensor or no such axis;
/// [`Error::Unsupported`] on a GPU.
pub fn concat(tape: &mut Tape, inputs: &[&Value], axis: usize) -> Result<Value> {
    let first = inputs.first().map(|x| x.dims()).unwrap_or_default();
    let mut shape = first.to_vec();
    let mut parts = Vec::with_capacity(inputs.len());
    for x in inputs {
        let part = Along::new("concat", x.dims(), axis..axis + 1)?;
        let mut like = x.dims().to_vec();
        like[axis] = first.get(axis).copied().unwrap_or(0);
        if like != first {
            let expected = format!("{first:?} but for axis {axis}");
            return Err(Error::Shape { what: "concat", expected, got: x.dims().to_vec() });
        }
        parts.push(part);
    }
    if let Some(extent) = shape.get_mut(axis) {
        *extent = parts.iter().map(|part| part.len).sum();
    }
    let whole = Along::new("concat output", &shape, axis..axis + 1)?;
    let dtype = inputs.first().map_or(DType::F32, |x| x.tensor().dtype());
    let y = match inputs.iter().all(|x| x.tensor().dtype() == dtype) {
        true => joined(&inputs.iter().map(|x| x.tensor().clone()).collect::<Vec<_>>(), whole)?,
        false => {
            let wide = inputs.iter().map(|x| to_f32(x.tensor())).collect::<Result<Vec<_>>>()?;
            joined(&wide, whole)?
        }
    };
    let targets: Vec<_> = inputs.iter().map(|x| (x.target(), x.dims().to_vec())).collect();
    Ok(tape.push(y.reshape(shape)?, inputs, move |dy: Gradient, grads: &mut Gradients| {
        let dy = to_f32(&dy)?;
        let mut start = 0;
        for ((target, shape), part) in targets.into_iter().zip(parts) {
            if target.is_wanted() {
                grads.add(target, cut(&dy, whole, start, part.len)?.reshape(shape)?)?;
            }
            start += part.len;
        }
        Ok(())
    }))
}

/// The `len` entries of `axis` from `start` on.
///
/// # Errors
/// [`Error::Shape`] when they reach beyond the axis or are none, there is no such axis, or one is empty;
/// [`Error::Unsupported`] on a GPU.
pub fn narrow(tape: &mut Tape, x: &Value, axis: usize, start: usize, len: usize) -> Result<Value> {
    let along = Along::new("narrow", x.dims(), axis..axis + 1)?;
    if len == 0 || start.checked_add(len).is_none_or(|end| end > along.len) {
        let expected = format!("at least {start} + {} entries on axis {axis}", len.max(1));
        return Err(Error::Shape { what: "narrow", expected, got: x.dims().to_vec() });
    }
    let mut shape = x.dims().to_vec();
    shape[axis] = len;
    let y = cut(x.tensor(), along, start, len)?.reshape(shape)?;
    let (to, from) = (x.target(), x.dims().to_vec());
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let dy = to_f32(&dy)?;
        let dx = buffer::with_f32("narrow gradient", &dy, |dy| {
            let mut dx = zeroed(along.outer * along.row());
            let rows = dx.par_chunks_mut(along.row()).zip(dy.par_chunks(len * along.inner));
            rows.for_each(|(dx, dy)| {
                dx[start * along.inner..][..dy.len()].copy_from_slice(dy);
            });
            buffer::tensor(dx, from)
        })?;
        grads.add(to, dx)
    }))
}

/// Entries `start..start + len` of an axis, as `[outer, len, inner]`.
fn cut(x: &Tensor, along: Along, start: usize, len: usize) -> Result<Tensor> {
    fn rows<T: WithDType>(x: &[T], along: Along, start: usize, len: usize) -> Result<Tensor> {
        let range = start * along.inner..(start + len) * along.inner;
        let y: Vec<T> =
            x.par_chunks(along.row()).flat_map_iter(|row| row[range.clone()].to_vec()).collect();
        buffer::tensor(y, (along.outer, len, along.inner))
    }
    buffer::with_data("narrow", x, |x| match x {
        Data::F32(x) => rows(x, along, start, len),
        Data::Bf16(x) => rows(x, along, start, len),
        Data::U8(x) => rows(x, along, start, len),
    })
}

/// Tensors of one type along an axis of `whole`.
fn joined(inputs: &[Tensor], whole: Along) -> Result<Tensor> {
    let reads = inputs.iter().map(|x| Read::new("concat", x)).collect::<Result<Vec<_>>>()?;
    fn rows<T: WithDType + Default>(
        inputs: &[Read<'_>],
        whole: Along,
        of: fn(Data<'_>) -> &[T],
    ) -> Result<Tensor> {
        let inputs: Vec<&[T]> = inputs.iter().map(|x| of(x.data())).collect();
        let mut y = zeroed(whole.outer * whole.row());
        y.par_chunks_mut(whole.row()).enumerate().for_each(|(i, mut row)| {
            for x in &inputs {
                let len = x.len() / whole.outer;
                let (to, rest) = row.split_at_mut(len);
                to.copy_from_slice(&x[i * len..][..len]);
                row = rest;
            }
        });
        buffer::tensor(y, (whole.outer, whole.len, whole.inner))
    }
    match reads.first().map(Read::data) {
        Some(Data::U8(_)) => rows(&reads, whole, |x| if let Data::U8(x) = x { x } else { &[] }),
        Some(Data::Bf16(_)) => rows(&reads, whole, |x| if let Data::Bf16(x) = x { x } else { &[] }),
        Some(Data::F32(_)) | None => {
            rows(&reads, whole, |x| if let Data::F32(x) = x { x } else { &[] })
        }
    }
}
