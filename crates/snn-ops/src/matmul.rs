//! Products of matrices, one for each sample.

use rayon::prelude::*;

use crate::buffer::{self, to_f32, with_f32};
use crate::unsafe_gemm::{self, Strides};
use crate::{Error, Gradient, Gradients, Result, Saved, Tape, Value};

/// The matrix product of each `a` and its `b`: the points of a cloud and their transform.
///
/// # Shapes
/// - `a`: `[.., P, K]`, `b`: `[.., K, M]`, with equal leading axes, f32 or u8; returns `[.., P, M]` f32
///
/// # Errors
/// [`Error::Shape`] when they do not fit or an axis is empty, [`Error::Unsupported`] on a GPU.
///
/// # Determinism
/// Each product is computed by itself on one thread.
pub fn matmul(tape: &mut Tape, a: &Value, b: &Value) -> Result<Value> {
    let (Some((lead, &[p, k])), Some((b_lead, &[b_k, m]))) =
        (a.dims().split_last_chunk::<2>(), b.dims().split_last_chunk::<2>())
    else {
        let (expected, got) = ("[.., P, K] and [.., K, M]".into(), b.dims().to_vec());
        return Err(Error::Shape { what: "matmul", expected, got });
    };
    if lead != b_lead || k != b_k {
        let expected = format!("{:?} for {:?}", [lead, &[k, m]].concat(), a.dims());
        return Err(Error::Shape { what: "matmul", expected, got: b.dims().to_vec() });
    }
    buffer::elements("matmul", a.dims())?;
    buffer::elements("matmul", b.dims())?;
    let shape = [lead, &[p, m]].concat();
    buffer::elements("matmul output", &shape)?;
    let y = with_f32("matmul", &to_f32(a.tensor())?, |a| {
        with_f32("matmul", &to_f32(b.tensor())?, |b| {
            Ok(products([p, k, m], (a, false), (b, false)))
        })
    })?;
    let keep = |kept: &Value, other: &Value| {
        let keeps = tape.is_recording() && other.wants_gradient();
        keeps.then(|| Saved::new(kept.tensor())).transpose()
    };
    let (saved_a, saved_b) = (keep(a, b)?, keep(b, a)?);
    let (to_a, to_b) = (a.target(), b.target());
    let (a_shape, b_shape) = (a.dims().to_vec(), b.dims().to_vec());
    Ok(tape.push(buffer::tensor(y, shape)?, &[a, b], move |dy: Gradient, grads: &mut Gradients| {
        with_f32("matmul gradient", &dy, |dy| {
            if let Some(b) = saved_b {
                let da = with_f32("matmul", &to_f32(&b.tensor()?)?, |b| {
                    Ok(products([p, m, k], (dy, false), (b, true)))
                })?;
                grads.add(to_a, buffer::tensor(da, a_shape)?)?;
            }
            if let Some(a) = saved_a {
                let db = with_f32("matmul", &to_f32(&a.tensor()?)?, |a| {
                    Ok(products([k, p, m], (a, true), (dy, false)))
                })?;
                grads.add(to_b, buffer::tensor(db, b_shape)?)?;
            }
            Ok(())
        })
    }))
}

/// `[rows, inner]` times `[inner, columns]` for each sample; a flag marks an operand that is stored transposed.
pub(crate) fn products(
    [rows, inner, columns]: [usize; 3],
    (a, a_transposed): (&[f32], bool),
    (b, b_transposed): (&[f32], bool),
) -> Vec<f32> {
    let at = |transposed: bool, rows: usize, columns: usize| match transposed {
        true => Strides::rows(rows).transposed(),
        false => Strides::rows(columns),
    };
    let (a_at, b_at) = (at(a_transposed, rows, inner), at(b_transposed, inner, columns));
    let mut c = vec![0.0; a.len() / inner * columns];
    c.par_chunks_mut(rows * columns)
        .zip(a.par_chunks(rows * inner))
        .zip(b.par_chunks(inner * columns))
        .for_each(|((c, a), b)| {
            let c_at = Strides::rows(columns);
            unsafe_gemm::matmul(rows, columns, inner, a, a_at, b, b_at, c, c_at, false);
        });
    c
}
