//! Vibration of bearings: CWRU, MFPT and JNU, cut into windows `[1, 1, L]`.
//!
//! The first part of every recording trains, the rest tests, and no window lies across the cut: windows of one recording
//! are too alike for a random division to measure more than memory, and one is there only to compare with papers.

use std::path::PathBuf;

use super::files::natural;
use super::folder::owned;
use super::opening::Opening;
use super::windows::{Place, Recorded, open};
use crate::split::{self, chosen};
use crate::{DatasetName, Error, Result, Splits};

const CWRU: [&str; 10] =
    ["Normal", "B_7", "B_14", "B_21", "IR_7", "IR_14", "IR_21", "OR@6_7", "OR@6_14", "OR@6_21"];

/// Of the publisher's files at 12 kHz the number of the first of each class; those of the other loads follow it.
const CWRU_FILES: [u32; 10] = [97, 118, 185, 222, 105, 169, 209, 130, 197, 234];

/// The class of a file by the publisher's number, such as `97.mat` or `12k_Drive_End_IR007_0_105.mat`.
fn cwru_class(name: &str) -> Option<usize> {
    let stem = name.strip_suffix(".mat")?;
    let number = stem.rsplit('_').next()?.parse::<u32>().ok()?;
    CWRU_FILES.iter().position(|&first| (first..first + 4).contains(&number))
}

/// CWRU at 12 kHz: `<rpm>_<fault>_DE12.npz` and `<rpm>_Normal.npz`, the array `DE` of the drive end; or the publisher's
/// `97.mat` to `237.mat`, the variable `X097_DE_time`, of which those at 48 kHz are not part of the set.
///
/// Normal's sampling rate is disputed (12 or 48 kHz), hence the split of the nine faults alone.
pub(super) fn cwru(opening: &Opening<'_>) -> Result<Splits> {
    let split = chosen(split::CWRU, opening.config)?;
    let place = Place {
        name: DatasetName::Cwru,
        subfolders: &["cwru-1797", "cwru"],
        extensions: &["npz", "mat"],
        what: "<rpm>_<fault>_DE12.npz, or 97.mat and the others of the publisher's numbers,",
    };
    let first = usize::from(split.rule().ends_with("-faults"));
    let files = place.files(opening.config, |name| {
        let of_npz = || {
            let (_, fault) = name.strip_suffix(".npz")?.split_once('_')?;
            let fault = fault.strip_suffix("_DE12").unwrap_or(fault);
            CWRU.iter().position(|class| *class == fault)
        };
        of_npz().or_else(|| cwru_class(name))?.checked_sub(first)
    })?;
    let class_names = owned(CWRU.get(first..).unwrap_or(&[]));
    open(opening, &Recorded { split, rate: 12_000.0, signal: Some("DE"), class_names, files })
}

const MFPT: [&str; 3] = ["baseline", "outer race", "inner race"];

/// MFPT: `baseline_*.mat`, `OuterRaceFault_*.mat`, `InnerRaceFault_*.mat`, in one folder or in folders of it; the signal
/// is `bearing.gs` at `bearing.sr` Hz.
///
/// Recordings at 97,656 Hz are brought to the others' 48,828 Hz by the mean of every two samples. The classes are those
/// three, or the two faults, or each recording is one.
pub(super) fn mfpt(opening: &Opening<'_>) -> Result<Splits> {
    let split = chosen(split::MFPT, opening.config)?;
    let place = Place {
        name: DatasetName::Mfpt,
        subfolders: &["mfpt"],
        extensions: &["mat"],
        what: "baseline_*.mat, OuterRaceFault_*.mat and InnerRaceFault_*.mat",
    };
    let first = usize::from(split.rule().ends_with("-faults"));
    let mut files = place.files(opening.config, |name| {
        let name = name.to_lowercase();
        let place = ["baseline", "outer", "inner"].iter().position(|class| name.starts_with(class));
        place?.checked_sub(first)
    })?;
    let mut class_names = owned(MFPT.get(first..).unwrap_or(&[]));
    if split.rule().ends_with("-15-classes") {
        (files, class_names) = by_load(files)?;
    }
    if split.rule().ends_with("-recordings") {
        // In the order of their names, wherever the files lie.
        let stem =
            |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        files.sort_by_cached_key(|(path, _)| natural(&stem(path)));
        class_names = files.iter().map(|(path, _)| stem(path)).collect();
        files.iter_mut().enumerate().for_each(|(place, (_, class))| *class = place);
    }
    let signal = Some("bearing.gs");
    open(opening, &Recorded { split, rate: 48_828.0, signal, class_names, files })
}

/// Files and the places of their classes.
type Classed = Vec<(PathBuf, usize)>;

/// The first baseline and the recordings at seven loads of each fault, a class each; the three outer races at 97,656 Hz are
/// left out.
///
/// # Source
/// Zhao et al., "Deep learning algorithms for rotating machinery intelligent diagnosis" (ISA Transactions, 2020), whose
/// benchmark has these classes.
fn by_load(files: Vec<(PathBuf, usize)>) -> Result<(Classed, Vec<String>)> {
    let mut classes = vec!["baseline 1".to_string()];
    for fault in ["outer race", "inner race"] {
        classes.extend((1..=7).map(|load| format!("{fault} load {load}")));
    }
    let class = |path: &PathBuf, state: usize| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let load =
            || stem.split_once("_vload_")?.1.parse().ok().filter(|load| (1..=7).contains(load));
        match state {
            0 => (stem == "baseline_1").then_some(0),
            _ => load().map(|load: usize| 7 * (state - 1) + load),
        }
    };
    let files: Vec<_> =
        files.into_iter().filter_map(|(path, state)| Some((class(&path, state)?, path))).collect();
    for (number, name) in classes.iter().enumerate() {
        if !files.iter().any(|(class, _)| *class == number) {
            let why = format!(
                "mfpt/...-15-classes has no recording of {name}; use mfpt/first-60-percent-gap-recordings"
            );
            return Err(Error::config("split", why));
        }
    }
    Ok((files.into_iter().map(|(class, path)| (path, class)).collect(), classes))
}

const JNU: [&str; 4] = ["normal", "inner race", "outer race", "ball"];

const SPEEDS: [&str; 3] = ["600", "800", "1000"];

/// JNU at 50 kHz: twelve `.csv` of one number a line, named `n`, `ib`, `ob` or `tb` and the speed, such as `ib600_2.csv`.
pub(super) fn jnu(opening: &Opening<'_>) -> Result<Splits> {
    let split = chosen(split::JNU, opening.config)?;
    let place = Place {
        name: DatasetName::Jnu,
        subfolders: &["jnu", "JNU"],
        extensions: &["csv"],
        what: "n*.csv, ib*.csv, ob*.csv and tb*.csv",
    };
    let by_speed = split.rule().ends_with("-12-classes");
    let files = place.files(opening.config, |name| {
        let head = name.split(|c: char| c.is_ascii_digit()).next().unwrap_or("");
        let state = ["n", "ib", "ob", "tb"].iter().position(|class| *class == head)?;
        if !by_speed {
            return Some(state);
        }
        let digits = name[head.len()..].split(|c: char| !c.is_ascii_digit()).next();
        let speed = SPEEDS.iter().position(|speed| Some(*speed) == digits)?;
        Some(JNU.len() * speed + state)
    })?;
    let class_names = match by_speed {
        true => SPEEDS
            .iter()
            .flat_map(|speed| JNU.map(|state| format!("{state} {speed} rpm")))
            .collect(),
        false => owned(&JNU),
    };
    open(opening, &Recorded { split, rate: 50_000.0, signal: None, class_names, files })
}
