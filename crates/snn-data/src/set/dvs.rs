//! Large recorded event sets, decoded when a sample is asked for: CIFAR10-DVS and N-Caltech101.

use std::path::Path;

use super::cifar::NAMES_10;
use super::files::{Item, entries, folders, has, is_folder, name};
use super::folder::{all, folder, owned};
use super::opening::Opening;
use super::recordings::{Reader, splits};
use crate::format::Format;
use crate::preprocess::{Orientation, Recordings, Resize};
use crate::random::{permutation, stream};
use crate::split::{self, chosen};
use crate::{DatasetName, Result, Splits};

/// CIFAR10-DVS: `<class>/cifar10_<class>_<number>.aedat`, 1,000 recordings a class, as SpikingJelly turns them; or the same
/// recordings as `.aedat4`, in which Tonic's users have them, as stored.
pub(super) fn cifar10(opening: &Opening<'_>) -> Result<Splits> {
    let config = opening.config;
    let split = chosen(split::DVS_CIFAR10, config)?;
    let of = |dir: &Path, extension| -> Result<bool> {
        for class in NAMES_10 {
            if has(&dir.join(class), extension)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let holds = |dir: &Path| Ok(of(dir, "aedat")? || of(dir, "aedat4")?);
    let subfolders = ["dvs-cifar10", "dvs_cifar10", "cifar10-dvs", "CIFAR10DVS", "cifar10dvs"];
    let what = "<class>/*.aedat or *.aedat4 of the classes airplane to truck";
    let dir = folder(config, DatasetName::DvsCifar10, &subfolders, what, holds)?;
    let is_old = of(&dir, "aedat")?;
    let extension = if is_old { "aedat" } else { "aedat4" };
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (label, class) in (0..).zip(NAMES_10) {
        let folder = dir.join(class);
        let paths = if is_folder(&folder)? { entries(&folder, extension)? } else { Vec::new() };
        let n = paths.len();
        let mut drawn = vec![false; n];
        for at in permutation(&mut stream(0, "split", 0, label.into()), n).into_iter().take(n / 10)
        {
            drawn.iter_mut().skip(at).take(1).for_each(|is_test| *is_test = true);
        }
        for (path, drawn) in paths.into_iter().zip(drawn) {
            let is_test = match (split.rule(), number(&path)) {
                ("tebn", number) => number < 100,
                ("seeded-random", _) => drawn,
                (_, number) => number >= 900,
            };
            if is_test { &mut test } else { &mut train }.push(Item::new(path, label));
        }
    }
    let reader = Reader {
        name: if is_old { "aedat2 128x128 upright" } else { "aedat4 128x128" },
        recordings: Recordings {
            format: Some(if is_old { Format::Aedat2 } else { Format::Aedat4 }),
            sensor: Some((128, 128)),
            orientation: if is_old { Orientation::OnItsSide } else { Orientation::AsStored },
            ..Recordings::new(config.t_steps, 128, 128)
        },
        in_memory: false,
    };
    let names = owned(&NAMES_10);
    splits(opening, &dir, std::slice::from_ref(split), &names, reader, (train, test))
}

/// The number that a file's name ends with; the largest where there is none.
fn number(path: &Path) -> u64 {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
    digits.parse().unwrap_or(u64::MAX)
}

/// The class of pictures that show none of the others.
const BACKGROUND: &str = "BACKGROUND_Google";

/// N-Caltech101: `<class>/image_NNNN.bin`; the classes are the folders, sorted with capitals first.
///
/// A sample is 48 x 48 unless another size is asked for: the smallest window around a recording's events, resized.
pub(super) fn ncaltech101(opening: &Opening<'_>) -> Result<Splits> {
    let config = opening.config;
    let split = chosen(split::NCALTECH101, config)?;
    let holds = |dir: &Path| {
        let classes = folders(dir)?;
        Ok(classes.len() > 1 && all(&classes, |class| has(class, "bin"))?)
    };
    let subfolders = [
        "n-caltech101/Caltech101",
        "NCALTECH101/Caltech101",
        "Caltech101",
        "ncaltech101",
        "n-caltech101",
    ];
    let what = "<class>/image_*.bin and nothing else";
    let dir = folder(config, DatasetName::NCaltech101, &subfolders, what, holds)?;
    let mut classes = folders(&dir)?;
    if split.rule().ends_with("without-background") {
        classes.retain(|path| name(path) != BACKGROUND);
    }
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (label, class) in (0..).zip(&classes) {
        let paths = entries(class, "bin")?;
        let n_train = nine_tenths(paths.len());
        for (i, path) in paths.into_iter().enumerate() {
            if i < n_train { &mut train } else { &mut test }.push(Item::new(path, label));
        }
    }
    let reader = Reader {
        name: "atis overflow, cropped",
        recordings: Recordings {
            format: Some(Format::AtisOverflow),
            crop: true,
            // Sizes differ by recording.
            resize: Resize::Bilinear,
            ..Recordings::new(config.t_steps, 48, 48)
        },
        in_memory: false,
    };
    let names: Vec<String> = classes.iter().map(|path| name(path)).collect();
    splits(opening, &dir, std::slice::from_ref(split), &names, reader, (train, test))
}

/// Nine tenths of `n`, rounded to the nearest, halves to the even number, as Python's `round` does.
fn nine_tenths(n: usize) -> usize {
    let (whole, tenths) = (9 * n / 10, 9 * n % 10);
    whole + usize::from(tenths > 5 || (tenths == 5 && whole % 2 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_round_as_python_does() {
        let rounded: Vec<usize> = [0, 1, 2, 5, 15, 25, 31, 35, 45, 800].map(nine_tenths).into();
        assert_eq!(rounded, [0, 1, 2, 4, 14, 22, 28, 32, 40, 720]);
    }

    #[test]
    fn numbers_end_the_stem() {
        assert_eq!(number(Path::new("a/cifar10_cat_950.aedat")), 950);
        assert_eq!(number(Path::new("a/cat.aedat")), u64::MAX);
    }
}
