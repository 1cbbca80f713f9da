//! Recorded event sets that are held in memory: N-MNIST and POKER-DVS.

use std::path::{Path, PathBuf};

use super::Opening;
use super::files::{Item, entries, items_of, name};
use super::part::{folder, owned};
use super::recordings::{Reader, Recorded};
use crate::format::{AtisOptions, aedat2, atis, read_npy};
use crate::split::{self, Split, chosen, name_of};
use crate::{DatasetName, Result, Splits, fit};

/// N-MNIST: `Train/<digit>/NNNNN.bin` and `Test/<digit>/NNNNN.bin`, in the order of the numbers, which is MNIST's.
pub(super) fn nmnist(opening: &Opening<'_>) -> Result<Splits> {
    let subfolders = ["n-mnist", "N-MNIST", "nmnist", "n-mnist-1100"];
    let holds = |dir: &Path| ["Train", "Test"].iter().all(|side| dir.join(side).join("0").is_dir());
    let what = "Train/0 and Test/0";
    let dir = folder(opening.config, DatasetName::NMnist, &subfolders, what, holds)?;
    let sides = (digits(&dir.join("Train"))?, digits(&dir.join("Test"))?);
    let class_names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let reader = Reader {
        name: "atis 34x34",
        read: |bytes, limits, path| {
            let options = AtisOptions { sensor: Some((34, 34)), overflow_markers: false };
            atis(bytes, &options, limits, path)
        },
        resize: fit,
        side: (34, 34),
        in_memory: true,
    };
    splits(opening, &dir, split::NMNIST, &class_names, reader, sides)
}

fn digits(dir: &Path) -> Result<Vec<Item>> {
    let mut found = Vec::new();
    for digit in 0..10 {
        for path in entries(&dir.join(digit.to_string()), "bin")? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            found.push((stem.parse::<u64>().unwrap_or(u64::MAX), digit, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, digit, path)| Item::new(path, digit)).collect())
}

const SUITS: [&str; 4] = ["club", "diamond", "heart", "spade"];

pub(super) fn poker(opening: &Opening<'_>) -> Result<Splits> {
    let split = chosen(split::POKER_DVS, opening.config)?;
    if split.rule() == "tonic" { pips(opening, split) } else { cards(opening, split) }
}

/// Tonic's part of POKER-DVS: `pips_train/<suit>/N.npy` and `pips_test/<suit>/N.npy`, suits by their first two letters.
fn pips(opening: &Opening<'_>, split: &Split) -> Result<Splits> {
    let what = "pips_train and pips_test of cl, di, he and sp";
    const SIDES: [&str; 2] = ["pips_train", "pips_test"];
    const FOLDERS: [&str; 4] = ["cl", "di", "he", "sp"];
    let has = |side: &Path| FOLDERS.iter().all(|suit| side.join(suit).is_dir());
    let holds = |dir: &Path| SIDES.iter().all(|side| has(&dir.join(side)));
    let subfolders = ["poker-dvs/tonic", "POKERDVS", "poker-dvs", "poker_dvs"];
    let dir = folder(opening.config, DatasetName::PokerDvs, &subfolders, what, holds)?;
    let side = |side: &str| {
        let suits = FOLDERS.map(|suit| dir.join(side).join(suit));
        items_of(suits, |suit| entries(suit, "npy"))
    };
    let reader = Reader {
        name: "npy 35x35",
        read: |bytes, limits, path| read_npy(bytes, Some((35, 35)), limits, path),
        resize: fit,
        side: (35, 35),
        in_memory: true,
    };
    let [train, test] = SIDES.map(side);
    let sides = (train?, test?);
    splits(opening, &dir, std::slice::from_ref(split), &owned(&SUITS), reader, sides)
}

/// All of POKER-DVS: files named by suit, sorted by name; the 1st, 3rd, ... train and the 2nd, 4th, ... test.
fn cards(opening: &Opening<'_>, split: &Split) -> Result<Splits> {
    let what = "*.aedat files named by club, diamond, heart and spade";
    let holds = |dir: &Path| suits(dir).is_ok_and(|items| !items.is_empty());
    let subfolders = ["poker-dvs/aedat", "aedat", "poker-dvs", "poker_dvs"];
    let dir = folder(opening.config, DatasetName::PokerDvs, &subfolders, what, holds)?;
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (i, item) in suits(&dir)?.into_iter().enumerate() {
        if i % 2 == 0 { train.push(item) } else { test.push(item) }
    }
    let reader = Reader {
        name: "aedat2 35x35",
        read: |bytes, limits, path| aedat2(bytes, (35, 35), limits, path),
        resize: fit,
        side: (35, 35),
        in_memory: true,
    };
    splits(opening, &dir, std::slice::from_ref(split), &owned(&SUITS), reader, (train, test))
}

fn suits(dir: &Path) -> Result<Vec<Item>> {
    let mut paths = entries(dir, "aedat")?;
    paths.sort();
    // A file of another kind is not part of the set.
    let suit = |path: &Path| SUITS.iter().position(|suit| name(path).contains(suit));
    let item = |path: PathBuf| suit(&path).map(|label| Item::new(path, label as u32));
    Ok(paths.into_iter().filter_map(item).collect())
}

/// Both sides of a set of recordings, by one of `known` splits or a part of the first.
pub(super) fn splits(
    opening: &Opening<'_>,
    root: &Path,
    known: &[Split],
    class_names: &[String],
    reader: Reader,
    (train, test): (Vec<Item>, Vec<Item>),
) -> Result<Splits> {
    let config = opening.config;
    let split = &name_of(known, (train.len(), test.len()), config);
    let set = Recorded { opening, root, split, class_names, reader };
    Ok(Splits {
        train: set.dataset(&train, config.limit_train)?,
        test: set.dataset(&test, config.limit_test)?,
    })
}
