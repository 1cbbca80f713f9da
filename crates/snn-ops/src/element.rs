//! What an operator's f32 results are stored as.

use std::cell::Cell;

use half::bf16;
use multiversion::multiversion;

/// An element of a result: f32 as it is, or rounded to bf16.
pub trait Element: candle_core::WithDType + Default {
    /// Stores results.
    fn put(results: &[f32], out: &mut [Self]);

    /// Lets `f` compute all of `out` as f32.
    fn through(out: &mut [Self], f: impl FnOnce(&mut [f32]));
}

impl Element for f32 {
    fn put(results: &[f32], out: &mut [f32]) {
        out.copy_from_slice(results);
    }

    fn through(out: &mut [f32], f: impl FnOnce(&mut [f32])) {
        f(out);
    }
}

thread_local! {
    /// The results at hand; taken while in use.
    static RESULTS: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

impl Element for bf16 {
    fn put(results: &[f32], out: &mut [bf16]) {
        narrow(results, out);
    }

    fn through(out: &mut [bf16], f: impl FnOnce(&mut [f32])) {
        let mut results = RESULTS.take();
        results.resize(out.len(), 0.0);
        f(&mut results);
        narrow(&results, out);
        RESULTS.set(results);
    }
}

/// The bf16 nearest to `x`, ties to even; a NaN stays one.
#[inline(always)]
pub(crate) fn round(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    if x.is_nan() { (bits >> 16) as u16 | 0x40 } else { rounded as u16 }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(crate) fn narrow(from: &[f32], to: &mut [bf16]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = bf16::from_bits(round(from)));
}
