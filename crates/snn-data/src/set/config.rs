//! What a caller asks for when a data set is opened.

use std::path::PathBuf;

use crate::frame::check_t_steps;
use crate::transform::Interpolation;
use crate::{CacheConfig, Error, FrameBy, MAX_SIZE, Representation, Result};

/// Which data set to open and how its samples are made.
///
/// This crate reads no environment variable and has no folder of its own: the caller names the folder.
#[derive(Clone, Debug, PartialEq)]
pub struct DataConfig {
    /// A name of [`catalog`](crate::catalog()).
    pub name: String,
    /// The folder with the files, or a folder with that one inside; for `fashion_mnist` and
    /// `fashion_mnist_dvs` the repository's `data` folder. Generated sets need none.
    pub dir: Option<PathBuf>,
    /// Where to look when `dir` is absent: folders of data sets, which lie in them by their usual names.
    pub roots: Vec<PathBuf>,
    /// Frames of an event recording, 1 to [`MAX_T_STEPS`](crate::MAX_T_STEPS); images ignore it.
    pub t_steps: usize,
    /// Rows and columns of a sample, by [`fit`](crate::fit()), 1 to [`MAX_SIZE`]; the files' own when absent. Of a
    /// signal the samples of a window, of a point cloud its points, 1,024 when absent; of SHD the groups into which its
    /// 700 channels are joined.
    pub size: Option<usize>,
    /// Samples between the beginnings of two training windows of a signal, 1 to [`MAX_SIZE`]; a window's length when
    /// absent. Below that they overlap. Test windows never do.
    pub stride: Option<usize>,
    /// The distance from a point cloud's center that becomes 1, in the files' unit, above 0; that of each cloud's farthest
    /// point when absent.
    pub radius: Option<f32>,
    /// How recordings are cut into frames.
    pub frames_by: FrameBy,
    /// What the numbers of those frames are; all but counts are cut by time.
    pub representation: Representation,
    /// By what samples are normalized.
    pub normalize: Normalize,
    /// Decibels by which training signals are above the normal noise that is added to them; none when absent.
    pub train_snr: Option<f32>,
    /// Decibels by which test signals are above the normal noise that is added to them; none when absent.
    pub test_snr: Option<f32>,
    /// How pictures of sets of a file for each picture are resized for evaluation; training draws its own where
    /// `random_resized_crop` is on.
    pub interpolation: Interpolation,
    /// One of the data set's [`Split`](crate::Split)s, by name or by rule; the first when absent.
    pub split: Option<String>,
    /// Use that many training samples, the first of every class; all when absent.
    pub limit_train: Option<usize>,
    /// Use that many test samples, the first of every class; all when absent.
    pub limit_test: Option<usize>,
    /// Where prepared samples of sets that are not held in memory are kept, and the hashes of their files' contents;
    /// nowhere when absent, and then each opening reads all of those files.
    pub cache: Option<CacheConfig>,
    /// Read all files of such a set at its opening, whatever is known of their contents by length, times and number.
    pub verify: bool,
    /// Seed of generated and simulated samples.
    pub seed: u64,
}

impl DataConfig {
    /// The data set `name` with T = 10, frames by time, the files' own size, all samples and seed 0.
    pub fn new(name: &str, dir: Option<PathBuf>) -> Self {
        Self {
            name: name.into(),
            dir,
            roots: Vec::new(),
            t_steps: 10,
            size: None,
            stride: None,
            radius: None,
            frames_by: FrameBy::Time,
            representation: Representation::Counts,
            normalize: Normalize::Window,
            train_snr: None,
            test_snr: None,
            interpolation: Interpolation::Bilinear,
            split: None,
            limit_train: None,
            limit_test: None,
            cache: None,
            verify: false,
            seed: 0,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        check_t_steps(self.t_steps)?;
        for (field, got) in [("size", self.size), ("stride", self.stride)] {
            if let Some(got) = got.filter(|got| !(1..=MAX_SIZE).contains(got)) {
                let why = format!("{got} is out of range; give 1 to {MAX_SIZE}");
                return Err(Error::config(field, why));
            }
        }
        for (field, snr) in [("train_snr", self.train_snr), ("test_snr", self.test_snr)] {
            if let Some(snr) = snr.filter(|snr| !(-100.0..=100.0).contains(snr)) {
                return Err(Error::config(
                    field,
                    format!("{snr} is out of range; give -100 to 100"),
                ));
            }
        }
        let is_cut = self.representation == Representation::Counts;
        if !is_cut && self.frames_by != FrameBy::Time {
            let why = format!("{} are cut by time; leave it out", self.representation);
            return Err(Error::config("frames_by", why));
        }
        if self.limit_train == Some(0) || self.limit_test == Some(0) {
            return Err(Error::config(
                "limit_train, limit_test",
                "0 is out of range; give at least 1",
            ));
        }
        Ok(())
    }
}

/// By which mean and deviation samples are normalized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Normalize {
    /// As the set's users do it: pictures by the set's own, each window of a signal by its own, so that no amplitude is left.
    #[default]
    Window,
    /// Signals: all windows by those of the training windows.
    Training,
    /// CIFAR-10 and CIFAR-100: training pictures by ImageNet's and test pictures by CIFAR-10's, as BrainCog does and so the
    /// TKS paper.
    Braincog,
}
