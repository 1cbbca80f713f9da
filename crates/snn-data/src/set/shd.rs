//! SHD, the Heidelberg spoken digits: the recordings of two HDF5 files, framed when the set is opened.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::choice::{choose, pick};
use super::files::is_file;
use super::folder::{all, folder, owned};
use super::held::event_set;
use super::opening::Opening;
use super::recordings::configured;
use crate::format::{Format, Shd, gunzip, read_file, shd};
use crate::preprocess::Recordings;
use crate::split::{self, name_of};
use crate::{Dataset, DatasetName, Error, Limits, Result, Splits};

const DIGITS: [&str; 20] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "null", "eins",
    "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun",
];

/// The channels of the artificial ear.
const CHANNELS: u16 = 700;

/// `shd_train.h5` and `shd_test.h5`, plain or `.gz`. A sample is `[T, 2, 1, 700]`, all of its spikes ON; where `size`
/// is given, that many groups of neighbouring channels take the channels' place.
pub(super) fn digits(opening: &Opening<'_>) -> Result<Splits> {
    let config = opening.config;
    let columns = match config.size.map(u16::try_from) {
        None => CHANNELS,
        Some(Ok(columns)) if columns <= CHANNELS => columns,
        Some(_) => {
            let why = format!("there are {CHANNELS} channels to join; give 1 to {CHANNELS}");
            return Err(Error::config("size", why));
        }
    };
    let what = "shd_train.h5[.gz] and shd_test.h5[.gz]";
    let holds = |dir: &Path| all(["train", "test"], |side| is_file(&file(dir, side)));
    let dir = folder(config, DatasetName::Shd, &["shd", "SHD", "hdspikes"], what, holds)?;
    let [train, test] = ["train", "test"].map(|side| read(&file(&dir, side)));
    let (train, test) = (train?, test?);
    let split = name_of(split::SHD, (train.len(), test.len()), config);
    let framing = Recordings {
        format: Some(Format::Hdf5),
        columns: Some(columns),
        height: 1,
        width: columns.into(),
        ..configured(config, Recordings::new(config.t_steps, 1, columns.into()))
    };
    let set = |recordings: &Shd, side, limit| -> Result<Dataset> {
        let path = file(&dir, side);
        let chosen = choose(recordings.labels(), limit);
        let labels = pick(recordings.labels(), &chosen);
        event_set(opening, &split, owned(&DIGITS), labels, &chosen, framing.clone(), |index| {
            let stream = recordings.recording(index, &Limits::default(), &path)?;
            framing.check_frames(&stream, &path)?;
            Ok(framing.placed(stream.not_empty(&path)?))
        })
    };
    Ok(Splits {
        train: set(&train, "train", config.limit_train)?,
        test: set(&test, "test", config.limit_test)?,
    })
}

/// The plain file or the compressed one.
fn file(dir: &Path, side: &str) -> PathBuf {
    let plain = dir.join(format!("shd_{side}.h5"));
    if plain.is_file() { plain } else { dir.join(format!("shd_{side}.h5.gz")) }
}

fn read(path: &Path) -> Result<Shd> {
    let limits = Limits::default();
    let mut bytes = read_file(path, &limits)?;
    if let Cow::Owned(unpacked) = gunzip(&bytes, &limits, path)? {
        bytes = unpacked;
    }
    let recordings = shd(bytes, &limits, path)?;
    let num_classes = DIGITS.len();
    let is_wrong = |(_, label): &(u64, &u32)| **label as usize >= num_classes;
    if let Some((record, &got)) = (0..).zip(recordings.labels()).find(is_wrong) {
        return Err(Error::Label { path: path.into(), record, got, num_classes });
    }
    Ok(recordings)
}
