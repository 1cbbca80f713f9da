//! How far square matrices are from keeping lengths.

use rayon::prelude::*;

use crate::buffer::{self, with_f32};
use crate::matmul::products;
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// The penalty of a PointNet's feature transforms: `weight` times the mean over the matrices of the Frobenius norm
/// `|| I - A A^T ||`. Where a norm is 0 its gradient is 0.
///
/// # Shapes
/// - `a`: `[.., K, K]` f32; returns `[1]`
///
/// # Errors
/// [`Error::Shape`] when the matrices are not square or an axis is empty, [`Error::Unsupported`] on a GPU.
///
/// # Determinism
/// Each matrix is computed by itself; their norms are added in f64 in their order.
///
/// # Source
/// Qi et al., "PointNet", section 4.2, where the norm is squared; their trainers, and ours, do not square it.
pub fn orthogonality(tape: &mut Tape, a: &Value, weight: f32) -> Result<Value> {
    let shape = a.dims().to_vec();
    let k = match *shape.as_slice() {
        [.., rows, k] if rows == k => k,
        _ => {
            let expected = "[.., K, K]".into();
            return Err(Error::Shape { what: "orthogonality", expected, got: shape });
        }
    };
    buffer::elements("orthogonality", &shape)?;
    let gaps = with_f32("orthogonality", a.tensor(), |a| Ok(gaps(a, k)))?;
    let norms: Vec<f64> = gaps.par_chunks(k * k).map(norm).collect();
    let count = norms.len() as f64;
    let mean = norms.iter().sum::<f64>() / count;
    let y = buffer::tensor(vec![(f64::from(weight) * mean) as f32], 1)?;
    let (to, matrices) = (a.target(), a.tensor().clone());
    Ok(tape.push(y, &[a], move |dy: Gradient, grads: &mut Gradients| {
        let scale = with_f32("orthogonality gradient", &dy, |dy| Ok(dy[0]))? * weight;
        let mut da = with_f32("orthogonality", &matrices, |a| {
            // E is symmetric: d||E|| = <E, dE> / ||E|| with dE = -(dA A^T + A dA^T).
            Ok(products([k, k, k], (&gaps, false), (a, false)))
        })?;
        da.par_chunks_mut(k * k).zip(&norms).for_each(|(da, norm)| {
            let factor = if *norm > 0.0 { -2.0 * f64::from(scale) / (norm * count) } else { 0.0 };
            da.iter_mut().for_each(|x| *x = (f64::from(*x) * factor) as f32);
        });
        grads.add(to, buffer::tensor(da, shape)?)
    }))
}

/// `I - A A^T` of each matrix.
fn gaps(a: &[f32], k: usize) -> Vec<f32> {
    let mut gaps = products([k, k, k], (a, false), (a, true));
    gaps.par_chunks_mut(k * k).for_each(|gap| {
        gap.iter_mut().for_each(|x| *x = -*x);
        gap.iter_mut().step_by(k + 1).for_each(|x| *x += 1.0);
    });
    gaps
}

fn norm(gap: &[f32]) -> f64 {
    gap.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}
