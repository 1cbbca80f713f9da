//! Recorded event sets: N-MNIST and POKER-DVS.

use std::path::{Path, PathBuf};

use super::Opening;
use super::part::{choose, entries, event_set, folder, owned, pick};
use crate::format::{Aedat2Options, AtisOptions, aedat2, atis, read_file};
use crate::split::{self, name_of};
use crate::{Dataset, DatasetName, Error, EventStream, FormatFault, Limits, Result, Splits};

/// Files and the classes that their folders or names say.
#[derive(Default)]
struct Files {
    paths: Vec<PathBuf>,
    labels: Vec<u32>,
}

/// N-MNIST: `Train/<digit>/NNNNN.bin` and `Test/<digit>/NNNNN.bin`, in the order of the numbers, which is MNIST's.
pub(super) fn nmnist(opening: &Opening<'_>) -> Result<Splits> {
    let (config, name) = (opening.config, DatasetName::NMnist);
    let subfolders = ["n-mnist", "N-MNIST", "nmnist", "n-mnist-1100"];
    let holds = |dir: &Path| ["Train", "Test"].iter().all(|side| dir.join(side).join("0").is_dir());
    let dir = folder(config, name, &subfolders, "Train/0 and Test/0", holds)?;
    let (train, test) = (digits(&dir.join("Train"))?, digits(&dir.join("Test"))?);
    let split = name_of(split::NMNIST, (train.labels.len(), test.labels.len()), config);
    let class_names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let limits = Limits::default();
    let read = |path: &Path| {
        let options = AtisOptions { sensor: Some((34, 34)), overflow_markers: false };
        atis(&read_file(path, &limits)?, &options, &limits, path)
    };
    let set =
        |files, limit| dataset(opening, &split, class_names.clone(), files, limit, (34, 34), read);
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

fn digits(dir: &Path) -> Result<Files> {
    let mut found = Vec::new();
    for digit in 0..10u32 {
        for path in entries(&dir.join(digit.to_string()), "bin")? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            found.push((stem.parse::<u64>().unwrap_or(u64::MAX), digit, path));
        }
    }
    found.sort();
    let mut files = Files::default();
    for (_, digit, path) in found {
        files.paths.push(path);
        files.labels.push(digit);
    }
    Ok(files)
}

const SUITS: [&str; 4] = ["club", "diamond", "heart", "spade"];

/// POKER-DVS: files named by suit, sorted by name; the 1st, 3rd, ... train and the 2nd, 4th, ... test.
pub(super) fn poker(opening: &Opening<'_>) -> Result<Splits> {
    let config = opening.config;
    let what = "*.aedat files named by club, diamond, heart and spade";
    let holds = |dir: &Path| suits(dir).is_ok_and(|files| !files.paths.is_empty());
    let subfolders = ["poker-dvs/aedat", "aedat", "poker-dvs", "poker_dvs"];
    let dir = folder(config, DatasetName::PokerDvs, &subfolders, what, holds)?;
    let (mut train, mut test) = (Files::default(), Files::default());
    let all = suits(&dir)?;
    for (i, (path, label)) in all.paths.into_iter().zip(all.labels).enumerate() {
        let side = if i % 2 == 0 { &mut train } else { &mut test };
        side.paths.push(path);
        side.labels.push(label);
    }
    let split = name_of(split::POKER_DVS, (train.labels.len(), test.labels.len()), config);
    let limits = Limits::default();
    let read = |path: &Path| {
        let options = Aedat2Options { sensor: (35, 35), mirror_x: false };
        aedat2(&read_file(path, &limits)?, &options, &limits, path)
    };
    let set = |files, limit| dataset(opening, &split, owned(&SUITS), files, limit, (35, 35), read);
    Ok(Splits { train: set(&train, config.limit_train)?, test: set(&test, config.limit_test)? })
}

fn suits(dir: &Path) -> Result<Files> {
    let mut files = Files::default();
    let mut paths = entries(dir, "aedat")?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A file of another kind is not part of the set.
        if let Some(label) = SUITS.iter().position(|suit| name.contains(suit)) {
            files.paths.push(path);
            files.labels.push(label as u32);
        }
    }
    Ok(files)
}

fn dataset(
    opening: &Opening<'_>,
    split: &str,
    class_names: Vec<String>,
    files: &Files,
    limit: Option<usize>,
    side: (usize, usize),
    read: impl Fn(&Path) -> Result<EventStream> + Sync,
) -> Result<Dataset> {
    let chosen = choose(&files.labels, limit);
    let labels = pick(&files.labels, &chosen);
    event_set(opening, split, class_names, labels, &chosen, side, |index| {
        let out_of_range = || Error::config("index", format!("{index} is out of range"));
        let path = files.paths.get(index).ok_or_else(out_of_range)?;
        let stream = read(path)?;
        if stream.events.is_empty() {
            return Err(Error::format(path, 0, FormatFault::NoEvents));
        }
        Ok(stream)
    })
}
