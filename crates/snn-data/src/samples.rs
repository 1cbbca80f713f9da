//! The values of samples as they are held: bytes where they fit, an image of its own size, or made when asked for.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::Result;
use crate::transform::Image;

/// All samples, one after another.
#[derive(Clone, Debug)]
pub(crate) enum Samples {
    /// Images, 0 to 255.
    Pixels(Vec<u8>),
    /// Event frames whose values are whole and at most 255.
    Counts(Vec<u8>),
    /// Other event frames, windows and clouds.
    Frames(Vec<f32>),
    /// One image of its own size, which a [`Source`] may answer with: only what is drawn from it has the set's.
    #[cfg_attr(not(feature = "image"), allow(dead_code))]
    Image(Image),
    /// Made when they are asked for.
    OnDemand(Arc<dyn Source>),
}

/// Where samples come from that are not held in memory.
pub(crate) trait Source: fmt::Debug + Send + Sync {
    /// Sample `index`, of the data set's shape.
    fn sample(&self, index: usize) -> Result<Samples>;
}

#[cfg(test)]
impl PartialEq for Samples {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pixels(a), Self::Pixels(b)) | (Self::Counts(a), Self::Counts(b)) => a == b,
            (Self::Frames(a), Self::Frames(b)) => a == b,
            _ => false,
        }
    }
}

impl Samples {
    /// Values that are held.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Self::Pixels(bytes) | Self::Counts(bytes) => Some(bytes.len()),
            Self::Frames(values) => Some(values.len()),
            Self::Image(_) | Self::OnDemand(_) => None,
        }
    }

    /// Copies the values at `at` to `out`, unless they are not held.
    pub(crate) fn copy(&self, at: Range<usize>, out: &mut [f32]) -> Option<()> {
        match self {
            Self::Pixels(bytes) | Self::Counts(bytes) => {
                let bytes = bytes.get(at)?;
                out.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = f32::from(byte));
            }
            Self::Frames(values) => out.copy_from_slice(values.get(at)?),
            Self::Image(_) | Self::OnDemand(_) => return None,
        }
        Some(())
    }

    /// The image of `shape` at `at`, or the one of its own size.
    pub(crate) fn image(&self, at: Range<usize>, shape: [usize; 3]) -> Option<Image> {
        match self {
            Self::Pixels(bytes) => Image::new(shape, bytes.get(at)?.to_vec()).ok(),
            Self::Image(image) => {
                let ([channels, ..], [wanted, ..]) = (image.shape(), shape);
                (channels == wanted).then(|| image.clone())
            }
            Self::Counts(_) | Self::Frames(_) | Self::OnDemand(_) => None,
        }
    }

    /// One after the other: bytes as long as both are.
    pub(crate) fn joined(self, next: Self) -> Self {
        let wide = |bytes: Vec<u8>| bytes.into_iter().map(f32::from).collect::<Vec<f32>>();
        match (self, next) {
            (Self::Frames(mut all), Self::Frames(next)) => {
                all.extend(next);
                Self::Frames(all)
            }
            (Self::Frames(mut all), Self::Counts(next) | Self::Pixels(next)) => {
                all.extend(next.into_iter().map(f32::from));
                Self::Frames(all)
            }
            (Self::Counts(all) | Self::Pixels(all), Self::Frames(next)) => {
                let mut all = wide(all);
                all.extend(next);
                Self::Frames(all)
            }
            (
                Self::Counts(mut all) | Self::Pixels(mut all),
                Self::Counts(next) | Self::Pixels(next),
            ) => {
                all.extend(next);
                Self::Counts(all)
            }
            // Held samples are not made of others.
            (all, Self::Image(_) | Self::OnDemand(_)) => all,
            (all @ (Self::Image(_) | Self::OnDemand(_)), _) => all,
        }
    }
}

/// Frames as they are held: as bytes when all are whole numbers from 0 to 255, a quarter of the memory.
pub(crate) fn held(frames: Vec<f32>) -> Samples {
    // A float to integer cast saturates, so that the comparison settles every case, NaN too.
    match frames.iter().all(|&x| f32::from(x as u8) == x) {
        true => Samples::Counts(frames.iter().map(|&x| x as u8).collect()),
        false => Samples::Frames(frames),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_widen_only_when_they_must() {
        let bytes = || Samples::Counts(vec![1, 2]);
        let wide = || Samples::Frames(vec![0.5]);
        assert_eq!(bytes().joined(bytes()), Samples::Counts(vec![1, 2, 1, 2]));
        assert_eq!(bytes().joined(wide()), Samples::Frames(vec![1.0, 2.0, 0.5]));
        assert_eq!(wide().joined(bytes()), Samples::Frames(vec![0.5, 1.0, 2.0]));
    }
}
