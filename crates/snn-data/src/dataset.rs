//! A data set in memory: its samples, labels and what a result has to say about them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::random::stream;
use crate::transform::Image;
use crate::{Augment, Error, Result};

/// A training and a test set that belong together.
#[derive(Clone, Debug)]
pub struct Splits {
    /// What a model learns from.
    pub train: Dataset,
    /// What it is measured on.
    pub test: Dataset,
}

/// Labeled samples of one shape; [`Kind`] says which.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    split: String,
    class_names: Vec<String>,
    labels: Vec<u32>,
    shape: Vec<usize>,
    kind: Kind,
    samples: Samples,
    mean: Vec<f32>,
    std: Vec<f32>,
    hash: String,
    members: String,
}

/// What the samples of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pictures `[C, H, W]`.
    Images,
    /// Event frames `[T, 2, H, W]`.
    Events,
    /// Windows of a signal `[C, L]`.
    Signals,
    /// Point clouds `[3, P]`: all x, then all y, then all z.
    Points,
}

/// All samples, one after another.
#[derive(Clone, Debug)]
pub(crate) enum Samples {
    /// Images, 0 to 255.
    Pixels(Vec<u8>),
    /// Event frames whose values are whole and at most 255.
    Counts(Vec<u8>),
    /// Other event frames.
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

/// One sample as a model takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Normalized pixels or event counts.
    pub x: Vec<f32>,
    /// By [`Kind`]: `[C, H, W]`, `[T, 2, H, W]`, `[C, L]` or `[3, P]`.
    pub shape: Vec<usize>,
    /// The class.
    pub label: u32,
}

impl Dataset {
    /// A data set of images: `pixels` is `[N, C, H, W]`, `shape` is `[C, H, W]`; mean and standard
    /// deviation are of each channel's pixels divided by 255.
    ///
    /// # Errors
    /// [`Error::Config`] when the numbers of labels, pixels and channels do not fit or a label is out of range.
    pub fn from_images(
        name: &str,
        split: &str,
        class_names: Vec<String>,
        labels: Vec<u32>,
        shape: [usize; 3],
        pixels: Vec<u8>,
        (mean, std): (&[f32], &[f32]),
    ) -> Result<Self> {
        let [channels, ..] = shape;
        if mean.len() != channels || std.len() != channels || !std.iter().all(|&s| s > 0.0) {
            let why = format!("{channels} means and positive deviations are needed, one a channel");
            return Err(Error::config("mean, std", why));
        }
        let mut set =
            Self::new(name, split, class_names, labels, shape.to_vec(), Samples::Pixels(pixels))?;
        (set.mean, set.std) = (mean.to_vec(), std.to_vec());
        Ok(set)
    }

    /// A data set of event frames: `frames` is `[N, T, 2, H, W]`, `shape` is `[T, 2, H, W]`.
    ///
    /// # Errors
    /// [`Error::Config`] when the numbers of labels and values do not fit or a label is out of range.
    pub fn from_frames(
        name: &str,
        split: &str,
        class_names: Vec<String>,
        labels: Vec<u32>,
        shape: [usize; 4],
        frames: Vec<f32>,
    ) -> Result<Self> {
        let samples = match counts(&frames) {
            Some(counts) => Samples::Counts(counts),
            None => Samples::Frames(frames),
        };
        Self::new(name, split, class_names, labels, shape.to_vec(), samples)
    }

    pub(crate) fn new(
        name: &str,
        split: &str,
        class_names: Vec<String>,
        labels: Vec<u32>,
        shape: Vec<usize>,
        samples: Samples,
    ) -> Result<Self> {
        let values = shape.iter().try_fold(labels.len(), |n, &side| n.checked_mul(side));
        let is_filled = samples.len().is_none_or(|len| values == Some(len));
        if !is_filled || shape.contains(&0) {
            let (n, got) = (labels.len(), samples.len().unwrap_or(0));
            let why = format!("{n} samples of shape {shape:?} do not make {got} values");
            return Err(Error::config("shape", why));
        }
        if let Some(label) = labels.iter().find(|&&label| label as usize >= class_names.len()) {
            let why = format!("{label} is out of range for {} classes", class_names.len());
            return Err(Error::config("labels", why));
        }
        let hash = hash(&labels, &shape, &samples);
        let members = member_hash(labels.iter().enumerate());
        let (name, split) = (name.into(), split.into());
        let (mean, std) = (Vec::new(), Vec::new());
        let is_image = matches!(samples, Samples::Pixels(_));
        let kind = if is_image { Kind::Images } else { Kind::Events };
        Ok(Self {
            name,
            split,
            class_names,
            labels,
            shape,
            kind,
            samples,
            mean,
            std,
            hash,
            members,
        })
    }

    /// The same with its members' names, one a sample, instead of their places.
    pub(crate) fn with_members(mut self, names: impl Iterator<Item = impl fmt::Display>) -> Self {
        self.members = member_hash(names.zip(&self.labels));
        self
    }

    /// The same, of another kind than pixels and frames are taken for.
    pub(crate) fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same, normalized by each channel's mean and deviation.
    pub(crate) fn with_moments(mut self, (mean, std): (&[f32], &[f32])) -> Self {
        (self.mean, self.std) = (mean.to_vec(), std.to_vec());
        self
    }

    /// The same with another hash: of files whose contents are not read when the set is opened.
    pub(crate) fn with_hash(mut self, hash: String) -> Self {
        self.hash = hash;
        self
    }

    /// The name it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The split's name, such as `poker-dvs/even-odd`; the same for both sides.
    pub fn split(&self) -> &str {
        &self.split
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The number of classes.
    pub fn num_classes(&self) -> usize {
        self.class_names.len()
    }

    /// The classes' names in label order.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// By [`Kind`]: `[C, H, W]`, `[T, 2, H, W]`, `[C, L]` or `[3, P]`.
    pub fn sample_shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    /// Whether a sample is event frames.
    pub fn is_events(&self) -> bool {
        self.kind == Kind::Events
    }

    /// What a sample is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// SHA-256 in hexadecimal of the labels, the shape and the samples as they are before augmentation
    /// and normalization: equal hashes are equal data, however they were stored. Of a set that is not held in memory
    /// it covers the files' names and lengths in place of the samples.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// SHA-256 in hexadecimal of the samples' names, or places in their files, and labels: equal hashes are the same
    /// members, however they were prepared.
    pub fn members(&self) -> &str {
        &self.members
    }

    /// The labels in order; each is below [`Dataset::num_classes`].
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Each channel's mean, of pixels in [0, 1]; empty for events and points, which are not normalized.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Each channel's standard deviation, of pixels in [0, 1]; empty for events and points.
    pub fn std(&self) -> &[f32] {
        &self.std
    }

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
        let label = self.labels.get(index).copied().ok_or_else(|| self.no_sample(index))?;
        let mut x = vec![0.0; self.sample_len()];
        let mut rng = rng_key.map(|(seed, epoch)| stream(seed, "augment", epoch, index as u64));
        self.fill(index, augment, rng.as_mut(), &mut x)?;
        Ok(Sample { x, shape: self.shape.clone(), label })
    }

    /// Values of one sample.
    pub(crate) fn sample_len(&self) -> usize {
        self.shape.iter().product()
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
        let (samples, at) = match &self.samples {
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
        match (self.kind, self.shape.as_slice()) {
            (Kind::Images, &[channels, height, width]) => {
                let image = samples.image(at, [channels, height, width]);
                let mut image = image.ok_or_else(|| self.no_sample(index))?;
                let drawn = draw(image.size(), [channels, height, width]);
                if augment.random_resized_crop.is_none() || drawn.is_none() {
                    image = image.fitted((height, width));
                }
                if let Some(drawn) = &drawn {
                    image = drawn.image(image, (height, width));
                }
                image.standardize(&self.mean, &self.std, out);
                if let Some(drawn) = &drawn {
                    drawn.blank(out, (height, width));
                }
            }
            (Kind::Events, &[t_steps, channels, height, width]) => {
                samples.copy(at, out).ok_or_else(|| self.no_sample(index))?;
                let size = (height, width);
                if let Some(drawn) = draw(size, [t_steps * channels, height, width]) {
                    drawn.frames(out, size);
                    drawn.blank(out, size);
                }
            }
            _ => {
                samples.copy(at, out).ok_or_else(|| self.no_sample(index))?;
                let channel = (n / self.mean.len().max(1)).max(1);
                let moments = self.mean.iter().zip(&self.std);
                for (values, (mean, std)) in out.chunks_exact_mut(channel).zip(moments) {
                    let (scale, offset) = (1.0 / std, mean / std);
                    values.iter_mut().for_each(|x| *x = *x * scale - offset);
                }
            }
        }
        Ok(())
    }

    fn no_sample(&self, index: usize) -> Error {
        let why = format!("{index} is out of range for {} samples of {}", self.len(), self.name);
        Error::config("index", why)
    }
}

impl Splits {
    /// A hash of which samples are in the training and which in the test set: [`Dataset::members`] of both.
    pub fn members(&self) -> String {
        hex(&Sha256::digest(format!("{} {}", self.train.members, self.test.members)))
    }
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
    fn copy(&self, at: Range<usize>, out: &mut [f32]) -> Option<()> {
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
    fn image(&self, at: Range<usize>, shape: [usize; 3]) -> Option<Image> {
        match self {
            Self::Pixels(bytes) => Image::new(shape, bytes.get(at)?.to_vec()).ok(),
            Self::Image(image) => {
                let ([channels, ..], [wanted, ..]) = (image.shape(), shape);
                (channels == wanted).then(|| image.clone())
            }
            _ => None,
        }
    }
}

/// The values as bytes, when all are whole numbers from 0 to 255: a quarter of the memory.
pub(crate) fn counts(frames: &[f32]) -> Option<Vec<u8>> {
    // A float to integer cast saturates, so that the comparison settles every case, NaN too.
    frames
        .iter()
        .all(|&x| f32::from(x as u8) == x)
        .then(|| frames.iter().map(|&x| x as u8).collect())
}

fn hash(labels: &[u32], shape: &[usize], samples: &Samples) -> String {
    let mut hash = Sha256::new();
    hash.update(b"snn-data-v1\0");
    for &side in shape {
        hash.update((side as u64).to_le_bytes());
    }
    hash.update((labels.len() as u64).to_le_bytes());
    for label in labels {
        hash.update(label.to_le_bytes());
    }
    match samples {
        Samples::Pixels(bytes) => {
            hash.update(b"pixels");
            hash.update(bytes);
        }
        Samples::Counts(bytes) => {
            hash.update(b"counts");
            hash.update(bytes);
        }
        Samples::Image(_) | Samples::OnDemand(_) => hash.update(b"on demand"),
        Samples::Frames(values) => {
            hash.update(b"frames");
            let mut block = Vec::with_capacity(4 * 4096);
            for values in values.chunks(4096) {
                block.clear();
                block.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                hash.update(&block);
            }
        }
    }
    hex(&hash.finalize())
}

/// A hash of names and labels; names hold no line ends.
fn member_hash<'a>(members: impl Iterator<Item = (impl fmt::Display, &'a u32)>) -> String {
    let mut hash = Sha256::new();
    for (name, label) in members {
        hash.update(format!("{label} {name}\n"));
    }
    hex(&hash.finalize())
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
