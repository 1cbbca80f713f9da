//! Recorded event sets that are held in memory: N-MNIST and POKER-DVS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::{Item, entries, is_folder, items_of, known_as, name};
use super::folder::{all, folder, owned, unpacked};
use super::opening::Opening;
use super::recordings::{Reader, splits};
use crate::format::Format;
use crate::preprocess::Recordings;
use crate::split::{self, Split, chosen};
use crate::{DatasetName, Result, Splits};

/// N-MNIST: `Train/<digit>/NNNNN.bin` and `Test/<digit>/NNNNN.bin`, in the order of the numbers, which is MNIST's.
pub(super) fn nmnist(opening: &Opening<'_>) -> Result<Splits> {
    let subfolders = ["n-mnist", "N-MNIST", "nmnist", "n-mnist-1100", "NMNIST"];
    let side = |dir: &Path, side: &str| unpacked(&dir.join(side), true);
    let holds = |dir: &Path| all(["Train", "Test"], |name| is_folder(&side(dir, name)?.join("0")));
    let what = "Train/0 and Test/0";
    let dir = folder(opening.config, DatasetName::NMnist, &subfolders, what, holds)?;
    let [train, test] = ["Train", "Test"].map(|name| {
        let side = side(&dir, name)?;
        Ok(known_as(digits(&side)?, &side, name))
    });
    let sides = (train?, test?);
    let class_names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let reader = held_in_memory("atis 34x34", Format::Atis, 34);
    let split = chosen(split::NMNIST, opening.config)?;
    let Some(fold) = split.rule().strip_prefix("fold-").and_then(|rule| rule.split_once("-of-"))
    else {
        return splits(opening, &dir, split::NMNIST, &class_names, reader, sides);
    };
    let sides = folded(fold, sides);
    splits(opening, &dir, std::slice::from_ref(split), &class_names, reader, sides)
}

/// The recordings of both sides divided anew: of every class those whose number, counted in order from 0, is `fold` less 1
/// modulo the number of folds test.
fn folded(
    (fold, of): (&str, &str),
    (train, test): (Vec<Item>, Vec<Item>),
) -> (Vec<Item>, Vec<Item>) {
    let number = |text: &str| text.parse::<usize>().unwrap_or(1).max(1);
    let (fold, of) = (number(fold) - 1, number(of));
    let mut seen = BTreeMap::<u32, usize>::new();
    train.into_iter().chain(test).partition(|item| {
        let place = seen.entry(item.label).or_default();
        *place += 1;
        (*place - 1) % of != fold
    })
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
    let has = |side: &Path| all(FOLDERS, |suit| is_folder(&side.join(suit)));
    let holds = |dir: &Path| all(SIDES, |side| has(&dir.join(side)));
    let subfolders = ["poker-dvs/tonic", "POKERDVS", "poker-dvs", "poker_dvs"];
    let dir = folder(opening.config, DatasetName::PokerDvs, &subfolders, what, holds)?;
    let side = |side: &str| {
        let suits = FOLDERS.map(|suit| dir.join(side).join(suit));
        items_of(suits, |suit| entries(suit, "npy"))
    };
    let reader = held_in_memory("npy 35x35", Format::Npy, 35);
    let [train, test] = SIDES.map(side);
    let sides = (train?, test?);
    splits(opening, &dir, std::slice::from_ref(split), &owned(&SUITS), reader, sides)
}

/// All of POKER-DVS: files named by suit, sorted by name; the 1st, 3rd, ... train and the 2nd, 4th, ... test.
fn cards(opening: &Opening<'_>, split: &Split) -> Result<Splits> {
    let what = "*.aedat files named by club, diamond, heart and spade";
    let holds = |dir: &Path| Ok(!suits(dir)?.is_empty());
    let subfolders = ["poker-dvs/aedat", "aedat", "poker-dvs", "poker_dvs"];
    let dir = folder(opening.config, DatasetName::PokerDvs, &subfolders, what, holds)?;
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (i, item) in suits(&dir)?.into_iter().enumerate() {
        if i % 2 == 0 { train.push(item) } else { test.push(item) }
    }
    let reader = held_in_memory("aedat2 35x35", Format::Aedat2, 35);
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

/// Small recordings of a square sensor.
fn held_in_memory(name: &'static str, format: Format, side: u16) -> Reader {
    let recordings = Recordings {
        format: Some(format),
        sensor: Some((side, side)),
        ..Recordings::new(1, side.into(), side.into())
    };
    Reader { name, recordings, in_memory: true }
}
