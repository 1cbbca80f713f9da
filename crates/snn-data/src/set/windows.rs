//! Recorded signals cut into windows, which are held in memory.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::choice::{choose, pick};
use super::config::{DataConfig, Normalize};
use super::division::Division;
use super::files::{entries, folders, name};
use super::folder::folder;
use super::opening::Opening;
use crate::format::read_file;
use crate::limits::product;
use crate::preprocess::{Preprocess, Signals, moments_of};
use crate::samples::Samples;
use crate::split::{Split, name_of};
use crate::{Dataset, DatasetName, Error, Limits, Result, Splits, noise};

/// Samples of a window when the configuration's `size` names no other number.
const WINDOW: usize = 1024;

/// Where the files of a set of signals lie.
pub(super) struct Place {
    pub(super) name: DatasetName,
    pub(super) subfolders: &'static [&'static str],
    /// What the files' names end with; of several the first of which there are any.
    pub(super) extensions: &'static [&'static str],
    pub(super) what: &'static str,
}

impl Place {
    /// The set's files with what `class` says of their names; a file of which it says nothing is not part of the set.
    pub(super) fn files(
        &self,
        config: &DataConfig,
        class: impl Fn(&str) -> Option<usize>,
    ) -> Result<Vec<(PathBuf, usize)>> {
        let files = |dir: &Path| -> Result<Vec<(PathBuf, usize)>> {
            for extension in self.extensions {
                let classed = |path: PathBuf| class(&name(&path)).map(|class| (path, class));
                let found: Vec<_> = all(dir, extension)?.into_iter().filter_map(classed).collect();
                if !found.is_empty() {
                    return Ok(found);
                }
            }
            Ok(Vec::new())
        };
        let holds = |dir: &Path| Ok(!files(dir)?.is_empty());
        files(&folder(config, self.name, self.subfolders, self.what, holds)?)
    }
}

/// The files in a folder, in the folders of it and in theirs: archives differ in depth.
fn all(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut paths = entries(dir, extension)?;
    for folder in folders(dir)? {
        paths.extend(entries(&folder, extension)?);
        for inner in folders(&folder)? {
            paths.extend(entries(&inner, extension)?);
        }
    }
    Ok(paths)
}

/// A set of recorded signals.
pub(super) struct Recorded {
    pub(super) split: &'static Split,
    /// Samples a second.
    pub(super) rate: f64,
    /// The array that is the signal, where a file has several.
    pub(super) signal: Option<&'static str>,
    pub(super) class_names: Vec<String>,
    /// The files and the places of their classes.
    pub(super) files: Vec<(PathBuf, usize)>,
}

/// The windows of one side, one after another.
#[derive(Default)]
struct Side {
    labels: Vec<u32>,
    /// Of each window the file and the place in it.
    names: Vec<String>,
    values: Vec<f32>,
}

impl Side {
    /// The windows of `signal` that begin at `starts`. Windows that lie side by side are named by their number, others by
    /// their beginning.
    fn add(&mut self, label: usize, name: &str, signal: &[f32], window: usize, starts: &[usize]) {
        let numbered = starts.iter().zip(starts.iter().skip(1)).all(|(a, b)| b - a == window);
        for (i, &start) in starts.iter().enumerate() {
            let Some(values) = signal.get(start..start + window) else { continue };
            self.labels.push(label as u32);
            self.names.push(match numbered {
                true => format!("{name} {i}"),
                false => format!("{name} at {start}"),
            });
            self.values.extend_from_slice(values);
        }
    }
}

/// Both sides of a set: the windows of every file, divided as the split says.
pub(super) fn open(opening: &Opening<'_>, set: &Recorded) -> Result<Splits> {
    let config = opening.config;
    let window = config.size.unwrap_or(WINDOW);
    let division = Division::of(set.split);
    let (mut train, mut test) = (Side::default(), Side::default());
    let limits = Limits::default();
    let signal = set.signal.map(str::to_owned);
    let (mean, std) = (Vec::new(), Vec::new());
    let mut signals = Signals { window, rate: Some(set.rate), signal, mean, std };
    for (done, (path, class)) in set.files.iter().enumerate() {
        opening.report(done, set.files.len())?;
        let signal = signals.decode(&read_file(path, &limits)?, &limits, path)?;
        let divided = division.divide(signal.len(), done, config, window)?;
        if divided.train.is_empty() || divided.test.is_empty() {
            let why = format!(
                "{} has {} samples, too few for a training and a test window of {window}",
                path.display(),
                signal.len()
            );
            return Err(Error::config("size", why));
        }
        let name = name(path);
        let count = train.labels.len() + divided.train.len();
        product("stride", &[count, window], limits.set_bytes / 4)?;
        let noisy = |snr: Option<f32>, side: &str| -> Cow<'_, [f32]> {
            let Some(snr) = snr else { return Cow::Borrowed(&signal) };
            let mut signal = signal.clone();
            noise::add(&mut signal, snr, side, done);
            Cow::Owned(signal)
        };
        let (first, rest) =
            (noisy(config.train_snr, "noise/train"), noisy(config.test_snr, "noise/test"));
        train.add(*class, &name, &first, window, &divided.train);
        test.add(*class, &name, &rest, window, &divided.test);
    }
    if config.normalize == Normalize::Training {
        let (mean, std) = moments_of(&train.values);
        (signals.mean, signals.std) = (vec![mean as f32], vec![std as f32]);
    }
    let counts = (train.labels.len(), test.labels.len());
    let split = name_of(std::slice::from_ref(set.split), counts, config);
    let class_names = &set.class_names;
    let set = |side: &Side, limit| -> Result<Dataset> {
        let chosen = choose(&side.labels, limit);
        let windows = chosen.iter().filter_map(|&i| side.values.get(i * window..(i + 1) * window));
        let samples = Samples::Frames(windows.flatten().copied().collect());
        let labels = pick(&side.labels, &chosen);
        let names: Vec<&String> = chosen.iter().filter_map(|&i| side.names.get(i)).collect();
        let (classes, shape) = (class_names.clone(), vec![1, 1, window]);
        let preprocess = Preprocess::Signals(signals.clone());
        let set = Dataset::new(&config.name, &split, classes, labels, shape, samples, preprocess)?;
        Ok(set.with_members(names.into_iter(), &[]))
    };
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}
