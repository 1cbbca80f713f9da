//! Where a correlation's results go.

use rayon::iter::Either;
use rayon::prelude::*;

use crate::buffer::{Element, Unset, zeroed};

/// The images that a correlation computes.
pub(super) enum Output<'a, E> {
    /// Zeros, of which other correlations compute other pixels.
    Shared(&'a mut [E]),
    /// All elements are this correlation's, which zeroes each image just before it computes it.
    Own(&'a mut Unset<E>),
}

/// Larger images would push what else is worked on out of a second-level cache when they are zeroed.
const CACHED_BYTES: usize = 256 << 10;

/// `len` elements, of images of `image` elements, that `run` computes.
pub(super) fn computed<E: Element>(
    len: usize,
    image: usize,
    run: impl FnOnce(Output<'_, E>),
) -> Vec<E> {
    if image * size_of::<E>() > CACHED_BYTES {
        let mut out = zeroed(len);
        run(Output::Shared(&mut out));
        return out;
    }
    let mut out = Unset::new(len);
    run(Output::Own(&mut out));
    out.finish()
}

impl<'a, E: Element> Output<'a, E> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Shared(out) => out.len(),
            Self::Own(out) => out.len(),
        }
    }

    /// Pieces of `len` elements, the last perhaps shorter.
    pub(super) fn pieces(self, len: usize) -> impl IndexedParallelIterator<Item = &'a mut [E]> {
        match self {
            Self::Shared(out) => Either::Left(out.par_chunks_mut(len)),
            Self::Own(out) => Either::Right(
                out.blocks(out.len(), len)
                    .into_par_iter()
                    .map(|piece| piece.zeroed().pop().unwrap_or_default()),
            ),
        }
    }
}
