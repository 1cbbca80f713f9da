//! Activations that wait for the backward pass: spikes wait as bits.

use candle_core::{DType, Shape, Tensor};
use multiversion::multiversion;
use rayon::prelude::*;

use crate::Result;
use crate::buffer::{self, Data, Unset, with_data};

/// Elements of one task, whole words.
const PIECE: usize = 1 << 16;
/// Bits of a word.
const WORD: usize = 64;
/// The least bit of eight bytes.
const ONES: u64 = 0x0101_0101_0101_0101;

/// A tensor that an operator keeps for its backward pass. Of u8 elements that are all 0 or 1 it keeps an eighth of the
/// memory; everything else is kept as it is.
#[derive(Debug)]
pub struct Saved(Kept);

#[derive(Debug)]
enum Kept {
    Whole(Tensor),
    Bits(Vec<u64>, Shape),
}

impl Saved {
    /// Keeps `x`.
    ///
    /// # Errors
    /// When a u8 tensor on the CPU is not contiguous.
    pub fn new(x: &Tensor) -> Result<Self> {
        let whole = || Ok(Self(Kept::Whole(x.clone())));
        if x.dtype() != DType::U8 || !x.device().is_cpu() {
            return whole();
        }
        let bits = with_data("spikes", x, |data| match data {
            Data::U8(x) => Ok(pack(x)),
            _ => Ok(None),
        })?;
        bits.map_or_else(whole, |bits| Ok(Self(Kept::Bits(bits, x.shape().clone()))))
    }

    /// What was kept.
    ///
    /// # Errors
    /// When candle cannot make a tensor.
    pub fn tensor(&self) -> Result<Tensor> {
        match &self.0 {
            Kept::Whole(x) => Ok(x.clone()),
            Kept::Bits(bits, shape) => buffer::tensor(unpack(bits, shape.elem_count()), shape),
        }
    }
}

/// A bit for each element, unless one is more than a bit.
fn pack(x: &[u8]) -> Option<Vec<u64>> {
    let mut bits = Unset::new(x.len().div_ceil(WORD));
    let pieces = bits.blocks(x.len().div_ceil(WORD), PIECE / WORD).into_par_iter();
    let fits = pieces
        .zip(x.par_chunks(PIECE))
        .all(|(words, x)| words.zeroed().into_iter().all(|words| pack_piece(x, words)));
    fits.then(|| bits.finish())
}

/// Whether all elements were 0 or 1.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn pack_piece(x: &[u8], words: &mut [u64]) -> bool {
    let mut seen = 0;
    for (word, bytes) in words.iter_mut().zip(x.chunks(WORD)) {
        let (eights, rest) = bytes.as_chunks::<8>();
        for (i, eight) in eights.iter().enumerate() {
            let v = u64::from_le_bytes(*eight);
            seen |= v;
            // The product's highest byte is the sum of byte i times 2^i.
            *word |= ((v & ONES).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
        }
        for (i, &byte) in rest.iter().enumerate() {
            seen |= u64::from(byte);
            *word |= u64::from(byte & 1) << (8 * eights.len() + i);
        }
    }
    seen & !ONES == 0
}

fn unpack(bits: &[u64], len: usize) -> Vec<u8> {
    let mut x = Unset::new(len);
    let pieces = x.blocks(len, PIECE).into_par_iter();
    pieces.zip(bits.par_chunks(PIECE / WORD)).for_each(|(x, words)| {
        x.zeroed().into_iter().for_each(|x| unpack_piece(words, x));
    });
    x.finish()
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn unpack_piece(words: &[u64], x: &mut [u8]) {
    for (&word, bytes) in words.iter().zip(x.chunks_mut(WORD)) {
        let (eights, rest) = bytes.as_chunks_mut::<8>();
        for (i, eight) in eights.iter_mut().enumerate() {
            // Byte i of the first line is 0 or 2^i, which 127 carries into bit 7.
            let spread = (word >> (8 * i) & 0xff).wrapping_mul(ONES) & 0x8040_2010_0804_0201;
            *eight = ((spread + 0x7f * ONES) >> 7 & ONES).to_le_bytes();
        }
        for (i, byte) in rest.iter_mut().enumerate() {
            *byte = u8::from(word >> (8 * eights.len() + i) & 1 == 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    #[test]
    fn spikes_come_back_from_an_eighth_of_the_memory() {
        for len in [1, 7, 8, 63, 64, 65, 1000, PIECE, PIECE + 1, 3 * PIECE - 9] {
            let mut rng = stream(3, "saved", len as u64, 0);
            let x: Vec<u8> = (0..len).map(|_| below(&mut rng, 2) as u8).collect();
            let saved = Saved::new(&buffer::tensor(x.clone(), (1, len)).unwrap()).unwrap();
            let Kept::Bits(bits, _) = &saved.0 else { panic!("{len} spikes were kept whole") };
            assert_eq!(bits.len(), len.div_ceil(64));
            let back = saved.tensor().unwrap();
            assert_eq!((back.dims(), back.dtype()), (&[1, len][..], DType::U8));
            assert_eq!(back.flatten_all().unwrap().to_vec1::<u8>().unwrap(), x);
        }
    }

    #[test]
    fn sums_and_numbers_are_kept_whole() {
        for at in [0, 70, PIECE + 5, 2 * PIECE] {
            let mut x = vec![1u8; 2 * PIECE + 1];
            x[at] = 2;
            let saved = Saved::new(&buffer::tensor(x.clone(), x.len()).unwrap()).unwrap();
            assert!(matches!(saved.0, Kept::Whole(_)), "{at}");
            assert_eq!(saved.tensor().unwrap().to_vec1::<u8>().unwrap(), x);
        }
        let x = buffer::tensor(vec![0f32, 1.0], 2).unwrap();
        assert_eq!(Saved::new(&x).unwrap().tensor().unwrap().to_vec1::<f32>().unwrap(), [0.0, 1.0]);
    }
}
