//! Everything between a file and a network.

mod clouds;
mod pictures;
mod ranges;
mod recordings;
mod signals;

use std::path::Path;

pub use clouds::Clouds;
pub use pictures::Pictures;
pub(crate) use pictures::{decode, whole};
pub(crate) use ranges::moments;
pub use recordings::{Orientation, Recordings, Resize};
pub use signals::Signals;
pub(crate) use signals::moments_of;

use crate::format::read_file;
use crate::limits::product;
use crate::{Error, Kind, Limits, Result, Time};

/// Everything between a file and a network: what a data set does with its files, and so what has to be done with any
/// other file before a network that was trained on the set sees it.
///
/// With the feature `serde` it is an object whose `kind` is `pictures`, `recordings`, `signals` or `clouds`, beside the
/// fields of that kind; unknown fields are refused.
///
/// # Example
/// ```
/// use snn_data::{DataConfig, open};
/// let data = open(&DataConfig { size: Some(8), ..DataConfig::new("synthetic", None) })?;
/// let preprocess = data.train.preprocess();
/// assert_eq!(preprocess.shape(), [3, 8, 8]);
/// let missing = preprocess.read("cat.png".as_ref());
/// assert!(missing.unwrap_err().to_string().contains("cat.png"));
/// # Ok::<(), snn_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "kebab-case"))]
pub enum Preprocess {
    /// Pictures: size, crop, interpolation, normalization.
    Pictures(Pictures),
    /// Recordings of an event camera: decoding, framing, size.
    Recordings(Recordings),
    /// Signals: window, rate, normalization.
    Signals(Signals),
    /// Point clouds: the number of points.
    Clouds(Clouds),
}

/// A sample that was made of a file: it has no label.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The values, of the form `shape`, as a network takes them.
    pub x: Vec<f32>,
    /// `[C, H, W]` of a still sample, `[T, C, H, W]` of frames.
    pub shape: Vec<usize>,
    /// Which of the two it is.
    pub time: Time,
    /// What had to be guessed of the file.
    pub notice: Option<String>,
}

impl Preprocess {
    /// What the samples are.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Pictures(_) => Kind::Images,
            Self::Recordings(_) => Kind::Events,
            Self::Signals(_) => Kind::Signals,
            Self::Clouds(_) => Kind::Points,
        }
    }

    /// The shape of a sample: `[C, H, W]`, or `[T, 2, H, W]` of a recording.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Pictures(pictures) => vec![pictures.channels, pictures.height, pictures.width],
            Self::Recordings(recordings) => recordings.shape().to_vec(),
            Self::Signals(signals) => vec![1, 1, signals.window],
            Self::Clouds(clouds) => vec![3, 1, clouds.points],
        }
    }

    /// Each channel's mean: of pixels in [0, 1], or of a signal. Empty where none is subtracted, or each window's own.
    pub fn mean(&self) -> &[f32] {
        match self {
            Self::Pictures(pictures) => &pictures.mean,
            Self::Signals(signals) => &signals.mean,
            Self::Recordings(_) | Self::Clouds(_) => &[],
        }
    }

    /// Each channel's standard deviation; empty where [`Preprocess::mean`] is.
    pub fn std(&self) -> &[f32] {
        match self {
            Self::Pictures(pictures) => &pictures.std,
            Self::Signals(signals) => &signals.std,
            Self::Recordings(_) | Self::Clouds(_) => &[],
        }
    }

    /// The sample of a file: the values that a data set with this preprocessing has of it, to the bit. Of a signal it is
    /// the first window.
    ///
    /// # Errors
    /// As [`Preprocess::read_all`].
    pub fn read(&self, path: &Path) -> Result<Prepared> {
        let first = self.read_all(path)?.into_iter().next();
        // `read_all` refuses a signal without a window.
        first.ok_or_else(|| Error::config("path", format!("{} has no sample", path.display())))
    }

    /// All samples of a file: the windows of a signal, one after another from its beginning, what is left over dropped;
    /// of any other file the one sample that it makes.
    ///
    /// # Errors
    /// [`Error::Config`] for a field out of range, [`Error::Io`], [`Error::Limit`] and [`Error::Format`] for a file that
    /// cannot be read, and [`Error::Unreadable`] for one that this build does not read.
    pub fn read_all(&self, path: &Path) -> Result<Vec<Prepared>> {
        self.check()?;
        let limits = Limits::default();
        let bytes = read_file(path, &limits)?;
        let mut notice = None;
        let samples = match self {
            Self::Pictures(pictures) => vec![pictures.read(&bytes, &limits, path)?],
            Self::Recordings(recordings) => {
                let (x, guessed) = recordings.read(&bytes, &limits, path)?;
                notice = guessed;
                vec![x]
            }
            Self::Signals(signals) => signals.read(&bytes, &limits, path)?,
            Self::Clouds(clouds) => vec![clouds.read(&bytes, &limits, path)?],
        };
        let (shape, time) = (self.shape(), self.kind().time());
        let prepared = |x| Prepared { x, shape: shape.clone(), time, notice: notice.clone() };
        Ok(samples.into_iter().map(prepared).collect())
    }

    /// Whether every field is in its range.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Pictures(pictures) => pictures.check()?,
            Self::Recordings(recordings) => recordings.check()?,
            Self::Signals(signals) => signals.check()?,
            Self::Clouds(clouds) => clouds.check()?,
        }
        product("sample size", &self.shape(), Limits::default().sample_values).map(drop)
    }
}
