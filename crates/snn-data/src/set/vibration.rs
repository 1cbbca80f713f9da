//! Vibration of bearings: CWRU, MFPT and JNU, cut into windows `[1, L]`.
//!
//! The first 60 % of every recording train, the rest tests, and no window lies across the cut: windows of one recording
//! are too alike for a random division to measure anything.

use std::path::{Path, PathBuf};

use super::Opening;
use super::files::{entries, folders, name};
use super::part::{choose, folder, owned, pick};
use crate::dataset::{Kind, Samples};
use crate::format::{csv, mat, npz, read_file};
use crate::split::{self, Split, chosen, name_of};
use crate::{Dataset, DatasetName, Error, FormatFault, Limits, Result, Splits};

/// Samples of a window when the configuration's `size` names no other number.
const WINDOW: usize = 1024;

/// One of the sets.
struct Kept {
    name: DatasetName,
    subfolders: &'static [&'static str],
    extension: &'static str,
    what: &'static str,
    split: &'static Split,
    class_names: &'static [&'static str],
    /// The class that a file's name says; files without one are not part of the set.
    class: fn(&str) -> Option<usize>,
    read: fn(&[u8], &Limits, &Path) -> Result<Vec<f32>>,
}

const CWRU: [&str; 10] =
    ["Normal", "B_7", "B_14", "B_21", "IR_7", "IR_14", "IR_21", "OR@6_7", "OR@6_14", "OR@6_21"];

/// CWRU at 12 kHz: `<rpm>_<fault>_DE12.npz` and `<rpm>_Normal.npz`; the array `DE` of the drive end.
///
/// Normal's sampling rate is disputed (12 or 48 kHz), hence the split of the nine faults alone.
pub(super) fn cwru(opening: &Opening<'_>) -> Result<Splits> {
    let split = chosen(split::CWRU, opening.config)?;
    let with_normal = !split.rule().ends_with("-faults");
    open(
        opening,
        &Kept {
            name: DatasetName::Cwru,
            subfolders: &["cwru-1797", "cwru"],
            extension: "npz",
            what: "<rpm>_<fault>_DE12.npz",
            split,
            class_names: if with_normal { &CWRU } else { CWRU.get(1..).unwrap_or(&[]) },
            class: if with_normal { cwru_fault } else { |name| cwru_fault(name)?.checked_sub(1) },
            read: |bytes, limits, path| {
                let arrays = npz(bytes, limits, path)?;
                let drive_end = arrays.into_iter().find(|(name, _)| name == "DE");
                let values = drive_end.map(|(_, values)| values);
                Ok(values
                    .ok_or_else(|| lacks(path, "no array DE"))?
                    .iter()
                    .map(|&x| x as f32)
                    .collect())
            },
        },
    )
}

fn cwru_fault(name: &str) -> Option<usize> {
    let (_, fault) = name.strip_suffix(".npz")?.split_once('_')?;
    let fault = fault.strip_suffix("_DE12").unwrap_or(fault);
    CWRU.iter().position(|class| *class == fault)
}

const MFPT: [&str; 3] = ["baseline", "outer race", "inner race"];

/// MFPT: `baseline_*.mat`, `OuterRaceFault_*.mat`, `InnerRaceFault_*.mat`, in one folder or in folders of it; the signal
/// is `bearing.gs` at `bearing.sr` Hz.
///
/// Recordings at 97,656 Hz are brought to the others' 48,828 Hz by the mean of every two samples.
pub(super) fn mfpt(opening: &Opening<'_>) -> Result<Splits> {
    open(
        opening,
        &Kept {
            name: DatasetName::Mfpt,
            subfolders: &["mfpt"],
            extension: "mat",
            what: "baseline_*.mat, OuterRaceFault_*.mat and InnerRaceFault_*.mat",
            split: chosen(split::MFPT, opening.config)?,
            class_names: &MFPT,
            class: |name| {
                let name = name.to_lowercase();
                ["baseline", "outer", "inner"].iter().position(|class| name.starts_with(class))
            },
            read: bearing,
        },
    )
}

/// The signal of a file of MFPT at about 48,828 Hz.
fn bearing(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<f32>> {
    let variables = mat(bytes, limits, path)?;
    let bearing = variables.iter().find(|(name, _)| name == "bearing").map(|(_, value)| value);
    let field = |name| bearing.and_then(|bearing| bearing.field(name)?.first()?.numbers());
    let signal = field("gs").ok_or_else(|| lacks(path, "no signal bearing.gs"))?;
    let rate = field("sr").and_then(|rate| rate.first()).copied().unwrap_or(0.0);
    let mean = |pair: &[f64]| pair.iter().sum::<f64>() / pair.len() as f64;
    let step = if rate > 60_000.0 { 2 } else { 1 };
    Ok(signal.chunks_exact(step).map(|samples| mean(samples) as f32).collect())
}

const JNU: [&str; 4] = ["normal", "inner race", "outer race", "ball"];

/// JNU at 50 kHz: twelve `.csv` of one number a line, named `n`, `ib`, `ob` or `tb` and the speed, such as `ib600_2.csv`.
pub(super) fn jnu(opening: &Opening<'_>) -> Result<Splits> {
    open(
        opening,
        &Kept {
            name: DatasetName::Jnu,
            subfolders: &["jnu", "JNU"],
            extension: "csv",
            what: "n*.csv, ib*.csv, ob*.csv and tb*.csv",
            split: chosen(split::JNU, opening.config)?,
            class_names: &JNU,
            class: |name| {
                let head = name.split(|c: char| c.is_ascii_digit()).next().unwrap_or("");
                ["n", "ib", "ob", "tb"].iter().position(|class| *class == head)
            },
            read: |bytes, _, path| csv(bytes, path),
        },
    )
}

fn lacks(path: &Path, why: &'static str) -> Error {
    Error::format(path, 0, FormatFault::Header { why })
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
    fn add(&mut self, label: usize, name: &str, part: &[f32], window: usize) {
        for (i, values) in part.chunks_exact(window).enumerate() {
            self.labels.push(label as u32);
            self.names.push(format!("{name} {i}"));
            self.values.extend_from_slice(values);
        }
    }
}

fn open(opening: &Opening<'_>, kept: &Kept) -> Result<Splits> {
    let config = opening.config;
    let window = config.size.unwrap_or(WINDOW);
    let holds = |dir: &Path| files(dir, kept).is_ok_and(|files| !files.is_empty());
    let dir = folder(config, kept.name, kept.subfolders, kept.what, holds)?;
    let (mut train, mut test) = (Side::default(), Side::default());
    let limits = Limits::default();
    let files = files(&dir, kept)?;
    for (done, (path, class)) in files.iter().enumerate() {
        opening.report(done, files.len())?;
        let signal = (kept.read)(&read_file(path, &limits)?, &limits, path)?;
        let (first, rest) = signal.split_at(signal.len() * 6 / 10);
        if first.len() < window || rest.len() < window {
            let why = format!("{} has no whole window of {window} samples", path.display());
            return Err(Error::config("size", why));
        }
        let name = name(path);
        train.add(*class, &name, first, window);
        test.add(*class, &name, rest, window);
    }
    let counts = (train.labels.len(), test.labels.len());
    let split = name_of(std::slice::from_ref(kept.split), counts, config);
    let (mean, std) = moments(&train.values);
    let set = |side: &Side, limit| -> Result<Dataset> {
        let chosen = choose(&side.labels, limit);
        let windows = chosen.iter().filter_map(|&i| side.values.get(i * window..(i + 1) * window));
        let samples = Samples::Frames(windows.flatten().copied().collect());
        let labels = pick(&side.labels, &chosen);
        let names: Vec<&String> = chosen.iter().filter_map(|&i| side.names.get(i)).collect();
        let (classes, shape) = (owned(kept.class_names), vec![1, window]);
        let set = Dataset::new(&config.name, &split, classes, labels, shape, samples)?;
        Ok(set
            .with_members(names.into_iter())
            .with_kind(Kind::Signals)
            .with_moments((&[mean], &[std])))
    };
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

/// The set's files in the folder, in the folders of it and in theirs, with their classes: archives differ in depth.
fn files(dir: &Path, kept: &Kept) -> Result<Vec<(PathBuf, usize)>> {
    let mut paths = entries(dir, kept.extension)?;
    for folder in folders(dir)? {
        paths.extend(entries(&folder, kept.extension)?);
        for inner in folders(&folder)? {
            paths.extend(entries(&inner, kept.extension)?);
        }
    }
    let classed = |path: PathBuf| (kept.class)(&name(&path)).map(|class| (path, class));
    Ok(paths.into_iter().filter_map(classed).collect())
}

/// Mean and standard deviation, which is 1 for a signal that is constant.
fn moments(values: &[f32]) -> (f32, f32) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let std = variance.sqrt() as f32;
    (mean as f32, if std > 0.0 { std } else { 1.0 })
}
