//! A data set: its samples, labels and what a result has to say about them.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::hash::{data_hash, hex, member_hash};
use crate::preprocess::{Pictures, Preprocess, Recordings, moments};
use crate::samples::{Samples, held};
use crate::{Error, Kind, Representation, Result};

/// A training and a test set that belong together.
#[derive(Clone, Debug)]
pub struct Splits {
    /// What a model learns from.
    pub train: Dataset,
    /// What it is measured on.
    pub test: Dataset,
}

impl Splits {
    /// [`Dataset::notices`] of both sides, each once.
    pub fn notices(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for notice in self.train.notices().iter().chain(self.test.notices()) {
            if !all.contains(&notice.as_str()) {
                all.push(notice);
            }
        }
        all
    }

    /// A hash of which samples are in the training and which in the test set: [`Dataset::members`] of both.
    pub fn members(&self) -> String {
        hex(&Sha256::digest(format!("{} {}", self.train.members, self.test.members)))
    }
}

/// Labeled samples of one shape; [`Kind`] says which.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    split: String,
    class_names: Vec<String>,
    labels: Vec<u32>,
    shape: Vec<usize>,
    samples: Samples,
    preprocess: Preprocess,
    hash: String,
    /// Where older versions hashed the data in another way.
    former_hash: Option<String>,
    members: String,
    notices: Vec<String>,
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
        let [channels, height, width] = shape;
        moments(channels, mean, std)?;
        let stored = Some([height, width]);
        let preprocess = Pictures { stored, ..Pictures::new(shape, (mean, std)) };
        let (preprocess, samples) = (Preprocess::Pictures(preprocess), Samples::Pixels(pixels));
        Self::new(name, split, class_names, labels, shape.to_vec(), samples, preprocess)
    }

    /// A data set of event frames: `frames` is `[N, T, 2, H, W]`, `shape` is `[T, 2, H, W]`. Its preprocessing is that of
    /// [`Recordings::new`]; say another with [`Dataset::with_preprocess`].
    ///
    /// # Errors
    /// [`Error::Config`] when the numbers of labels and values do not fit, a label is out of range or a value is not finite:
    /// no neuron fires at NaN, so that it would pass unnoticed.
    pub fn from_frames(
        name: &str,
        split: &str,
        class_names: Vec<String>,
        labels: Vec<u32>,
        shape: [usize; 4],
        frames: Vec<f32>,
    ) -> Result<Self> {
        let [t_steps, _, height, width] = shape;
        let preprocess = Preprocess::Recordings(Recordings::new(t_steps, height, width));
        Self::new(name, split, class_names, labels, shape.to_vec(), held(frames), preprocess)
    }

    pub(crate) fn new(
        name: &str,
        split: &str,
        class_names: Vec<String>,
        labels: Vec<u32>,
        shape: Vec<usize>,
        samples: Samples,
        preprocess: Preprocess,
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
        if let Samples::Frames(values) = &samples
            && let Some((at, value)) = values.iter().enumerate().find(|(_, x)| !x.is_finite())
        {
            let sample = at / shape.iter().product::<usize>().max(1);
            let why =
                format!("hold {value} in sample {sample}; every value must be a finite number");
            return Err(Error::config("values", why));
        }
        let hash = data_hash(&labels, &shape, &samples);
        let members = member_hash(labels.iter().enumerate());
        let (name, split) = (name.into(), split.into());
        let (former_hash, notices) = (None, Vec::new());
        Ok(Self {
            name,
            split,
            class_names,
            labels,
            shape,
            samples,
            preprocess,
            hash,
            former_hash,
            members,
            notices,
        })
    }

    /// Says how the samples were made of their files, for a data set of your own.
    ///
    /// # Errors
    /// [`Error::Config`] when `preprocess` is of another kind or gives samples of another shape, or a field of it is out
    /// of range.
    pub fn with_preprocess(mut self, preprocess: Preprocess) -> Result<Self> {
        preprocess.check()?;
        if preprocess.kind() != self.kind() || preprocess.shape() != self.shape {
            let (shape, got) = (&self.shape, preprocess.shape());
            let why =
                format!("gives samples of shape {got:?}; those of {} are {shape:?}", self.name);
            return Err(Error::config("preprocess", why));
        }
        self.preprocess = preprocess;
        Ok(self)
    }

    /// Names the members, one name a sample, which their places stood for; and the classes that are there without one.
    pub(crate) fn with_members(
        mut self,
        names: impl Iterator<Item = impl fmt::Display>,
        empty: &[(String, u32)],
    ) -> Self {
        let names = names.map(|name| name.to_string()).zip(&self.labels);
        self.members =
            member_hash(names.chain(empty.iter().map(|(name, label)| (name.clone(), label))));
        self
    }

    /// Takes other hashes: of files that are read when a sample is asked for, and as older versions hashed them.
    pub(crate) fn with_hashes(mut self, hash: String, former: String) -> Self {
        (self.hash, self.former_hash) = (hash, Some(former));
        self
    }

    /// Says what of the folder is not in the set, and what of the set is not in the folder.
    pub(crate) fn with_notices(mut self, notices: &[String]) -> Self {
        self.notices = notices.to_vec();
        self
    }

    /// What a person should know of the folder: files that were not read, classes without samples. One line each.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The name it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The split's name, such as `poker-dvs/even-odd`; both sides have it.
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

    /// What the numbers of event frames are; none of other kinds of samples.
    pub fn representation(&self) -> Option<Representation> {
        match &self.preprocess {
            Preprocess::Recordings(recordings) => Some(recordings.representation),
            Preprocess::Pictures(_) | Preprocess::Signals(_) | Preprocess::Clouds(_) => None,
        }
    }

    /// By [`Kind`]: `[C, H, W]`, `[T, C, H, W]`, `[1, 1, L]` or `[3, 1, P]`.
    pub fn sample_shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    /// Whether a sample is event frames.
    pub fn is_events(&self) -> bool {
        self.kind() == Kind::Events
    }

    /// What a sample is.
    pub fn kind(&self) -> Kind {
        self.preprocess.kind()
    }

    /// Everything between a file and a sample: what the set does with its own files.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// SHA-256 in hexadecimal of the labels, the shape and the samples as they are before augmentation
    /// and normalization: equal hashes are equal data, however they were stored. Of a set that is not held in memory
    /// it covers the files' contents in place of the samples.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The hash as results of the first versions have it: of a set that is not held in memory it covers the files' names and
    /// lengths alone. Else it is [`Dataset::hash`].
    pub fn former_hash(&self) -> &str {
        self.former_hash.as_deref().unwrap_or(&self.hash)
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

    /// Each channel's mean, of pixels in [0, 1] or of a signal; empty for events and points, which are not normalized,
    /// and for signals whose windows are normalized by their own.
    pub fn mean(&self) -> &[f32] {
        self.preprocess.mean()
    }

    /// Each channel's standard deviation; empty where [`Dataset::mean`] is.
    pub fn std(&self) -> &[f32] {
        self.preprocess.std()
    }

    /// The values as they are held.
    pub(crate) fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Values of one sample.
    pub(crate) fn sample_len(&self) -> usize {
        self.shape.iter().product()
    }
}
