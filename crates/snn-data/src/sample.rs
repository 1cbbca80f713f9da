//! One sample as a model takes it: fetched, changed at random where that is asked for, normalized.

use rand_chacha::ChaCha8Rng;

use crate::preprocess::Preprocess;
use crate::random::stream;
use crate::samples::Samples;
use crate::transform::Image;
use crate::{Augment, Dataset, Error, Result, Time};

/// One sample as a model takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Normalized values, of the form `shape`.
    pub x: Vec<f32>,
    /// `[C, H, W]` of a still sample, `[T, C, H, W]` of frames.
    pub shape: Vec<usize>,
    /// Which of the two it is.
    pub time: Time,
    /// The class.
    pub label: u32,
}

impl Dataset {
    /// Sample `index`, augmented when `rng_key` = (seed, epoch) is given, and normalized.
    ///
    /// # Errors
    /// [`Error::Config`] when `index` is not below [`Dataset::len`].
    ///
    /// # Determinism
    /// A function of (data, index, augment, seed, epoch).
    pub fn sample(
        &self,
        index: usize,
        augment: &Augment,
        rng_key: Option<(u64, u64)>,
    ) -> Result<Sample> {
        let label = self.labels().get(index).copied().ok_or_else(|| self.no_sample(index))?;
        let mut x = vec![0.0; self.sample_len()];
        let mut rng = rng_key.map(|(seed, epoch)| stream(seed, "augment", epoch, index as u64));
        self.fill(index, augment, rng.as_mut(), &mut x)?;
        Ok(Sample { x, shape: self.sample_shape(), time: self.kind().time(), label })
    }

    /// The picture of sample `index` at its own size, before anything is done with it; none of other kinds of samples.
    ///
    /// # Errors
    /// As [`Dataset::sample`].
    pub fn picture(&self, index: usize) -> Result<Option<Image>> {
        let Preprocess::Pictures(pictures) = self.preprocess() else { return Ok(None) };
        if index >= self.len() {
            return Err(self.no_sample(index));
        }
        let n = self.sample_len();
        let shape = [pictures.channels, pictures.height, pictures.width];
        Ok(match self.samples() {
            Samples::OnDemand(source) => source.sample(index)?.image(0..n, shape),
            held => held.image(index * n..(index + 1) * n, shape),
        })
    }

    /// Writes sample `index` to `out`, which holds [`Dataset::sample_len`] values.
    pub(crate) fn fill(
        &self,
        index: usize,
        augment: &Augment,
        rng: Option<&mut ChaCha8Rng>,
        out: &mut [f32],
    ) -> Result<()> {
        let n = self.sample_len();
        let at = index.saturating_mul(n)..index.saturating_add(1).saturating_mul(n);
        let made;
        let (samples, at) = match self.samples() {
            Samples::OnDemand(source) => {
                made = source.sample(index)?;
                (&made, 0..n)
            }
            held => (held, at),
        };
        let draw = |stored, shape| {
            let rng = rng.filter(|_| !augment.is_none())?;
            Some(augment.draw(rng, stored, shape))
        };
        match self.preprocess() {
            Preprocess::Pictures(pictures) => {
                let (channels, size) = (pictures.channels, (pictures.height, pictures.width));
                let shape = [channels, size.0, size.1];
                let mut image = samples.image(at, shape).ok_or_else(|| self.no_sample(index))?;
                let drawn = draw(image.size(), shape);
                if augment.random_resized_crop.is_none() || drawn.is_none() {
                    image = pictures.seen(image);
                }
                if let Some(drawn) = &drawn {
                    image = drawn.image(image, size);
                }
                pictures.normalize(&image, out);
                if let Some(drawn) = &drawn {
                    drawn.blank(out, size);
                }
            }
            Preprocess::Recordings(recordings) => {
                samples.copy(at, out).ok_or_else(|| self.no_sample(index))?;
                let size = (recordings.height, recordings.width);
                // Its planes: of frames T * 2.
                let planes = n / (size.0 * size.1).max(1);
                if let Some(drawn) = draw(size, [planes, size.0, size.1]) {
                    drawn.frames(out, size);
                    drawn.blank(out, size);
                }
            }
            Preprocess::Signals(signals) => {
                samples.copy(at, out).ok_or_else(|| self.no_sample(index))?;
                signals.normalize(out);
                if let Some(drawn) = draw((1, signals.window), [1, 1, signals.window]) {
                    drawn.signal(out, signals.window);
                }
            }
            Preprocess::Clouds(clouds) => {
                samples.copy(at, out).ok_or_else(|| self.no_sample(index))?;
                if let Some(drawn) = draw((1, clouds.points), [3, 1, clouds.points]) {
                    drawn.cloud(out);
                }
            }
        }
        Ok(())
    }

    fn no_sample(&self, index: usize) -> Error {
        let (n, name) = (self.len(), self.name());
        Error::config("index", format!("{index} is out of range for {n} samples of {name}"))
    }
}
