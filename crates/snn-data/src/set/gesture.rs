//! DVS128 Gesture and N-CARS: recordings by lists of trials and by folder.

use std::path::{Path, PathBuf};

use super::files::{Item, entries, is_file, is_folder, items_of, known_as};
use super::folder::{all, folder, owned, unpacked};
use super::opening::Opening;
use super::recordings::{Reader, splits};
use crate::format::read_file;
use crate::preprocess::Recordings;
use crate::{DatasetName, Error, FormatFault, Limits, Result, Splits, split};

const GESTURES: [&str; 11] = [
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter-clockwise",
    "left arm clockwise",
    "left arm counter-clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
];

/// DVS128 Gesture: `trials_to_train.txt` and `trials_to_test.txt` name `.aedat` files (AEDAT 3.1), beside each of which
/// lies `<name>_labels.csv` with the class, the first and the last microsecond of every gesture in it.
pub(super) fn dvs_gesture(opening: &Opening<'_>) -> Result<Splits> {
    let lists = ["trials_to_train.txt", "trials_to_test.txt"];
    let holds = |dir: &Path| all(lists, |list| is_file(&dir.join(list)));
    let subfolders = ["DvsGesture", "dvs-gesture", "dvs_gesture", "DVS128Gesture", "DVSGesture"];
    let what = "trials_to_train.txt and trials_to_test.txt";
    let dir = folder(opening.config, DatasetName::DvsGesture, &subfolders, what, holds)?;
    let [train, test] = lists.map(|list| trials(&dir, list));
    let reader = Reader {
        name: "128x128",
        recordings: Recordings {
            sensor: Some((128, 128)),
            ..Recordings::new(opening.config.t_steps, 128, 128)
        },
        in_memory: false,
    };
    splits(opening, &dir, split::DVS_GESTURE, &owned(&GESTURES), reader, (train?, test?))
}

/// The gestures of the recordings that a list names.
fn trials(dir: &Path, list: &str) -> Result<Vec<Item>> {
    let list = text(&dir.join(list))?;
    let mut items = Vec::new();
    for file in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let plain = Path::new(file).file_name().is_some_and(|name| name == file);
        let path = dir.join(file);
        if !plain || !is_file(&path)? {
            let remedy = "unpack the data set's archive again".into();
            return Err(Error::Missing { path: dir.into(), what: file.into(), remedy });
        }
        let stem = file.strip_suffix(".aedat").unwrap_or(file);
        items.extend(gestures(&path, &dir.join(format!("{stem}_labels.csv")))?);
    }
    Ok(items)
}

/// The gestures of one recording: lines of class (1 to 11), first and last time; the first line may name the columns.
fn gestures(recording: &Path, labels: &Path) -> Result<Vec<Item>> {
    let text = text(labels)?;
    let (mut items, mut at) = (Vec::new(), 0);
    for (number, line) in text.split('\n').enumerate() {
        let is_number = |field: &str| field.trim().parse::<f64>().is_ok();
        let is_header = number == 0 && !line.split(',').any(is_number);
        if !is_header && !line.trim().is_empty() {
            let fields: Option<Vec<u64>> =
                line.split(',').map(|field| field.trim().parse().ok()).collect();
            let Some(&[class, start, end]) = fields.as_deref() else {
                let why = "a line is not class, startTime_usec, endTime_usec";
                return Err(Error::format(labels, at, FormatFault::Header { why }));
            };
            let label = class.checked_sub(1).filter(|&label| label < GESTURES.len() as u64);
            let Some(label) = label.and_then(|label| u32::try_from(label).ok()) else {
                let got = u32::try_from(class).unwrap_or(u32::MAX);
                let (record, num_classes) = (number as u64, GESTURES.len());
                return Err(Error::Label { path: labels.into(), record, got, num_classes });
            };
            if start >= end {
                let why = "a gesture ends before it begins";
                return Err(Error::format(labels, at, FormatFault::Header { why }));
            }
            items.push(Item { window: Some(start..end), ..Item::new(recording.into(), label) });
        }
        at += line.len() + 1;
    }
    Ok(items)
}

fn text(path: &Path) -> Result<String> {
    let limits = Limits { file_bytes: 1 << 20, ..Limits::default() };
    let bytes = read_file(path, &limits)?;
    Ok(String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).into_owned())
}

const CARS: [&str; 2] = ["background", "cars"];

/// N-CARS: `n-cars_train` and `n-cars_test`, or `train` and `test`, each of `cars/*.dat` and `background/*.dat`.
pub(super) fn ncars(opening: &Opening<'_>) -> Result<Splits> {
    let side = |dir: &Path, side: &str| -> Result<PathBuf> {
        let official = dir.join(format!("n-cars_{side}"));
        unpacked(&if is_folder(&official)? { official } else { dir.join(side) }, true)
    };
    let holds = |dir: &Path| {
        all(["train", "test"], |name| {
            let side = side(dir, name)?;
            all(CARS, |class| is_folder(&side.join(class)))
        })
    };
    let what = "train and test of cars/*.dat and background/*.dat";
    let subfolders =
        ["Prophesee_Dataset_n_cars", "NCARS/Prophesee_Dataset_n_cars", "n-cars", "ncars", "NCARS"];
    let dir = folder(opening.config, DatasetName::NCars, &subfolders, what, holds)?;
    let items = |name: &str| -> Result<Vec<Item>> {
        let side = side(&dir, name)?;
        let items = items_of(CARS.map(|class| side.join(class)), |class| entries(class, "dat"))?;
        let usual = side.file_name().unwrap_or_default().to_string_lossy();
        Ok(known_as(items, &side, &usual))
    };
    let reader = Reader {
        name: "120x100",
        recordings: Recordings {
            sensor: Some((120, 100)),
            ..Recordings::new(opening.config.t_steps, 100, 120)
        },
        in_memory: false,
    };
    splits(opening, &dir, split::NCARS, &owned(&CARS), reader, (items("train")?, items("test")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_files_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a_labels.csv");
        let read = |text: &str| {
            std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes())
                .unwrap();
            gestures(Path::new("a.aedat"), &path)
        };
        let head = "\u{feff}class,startTime_usec,endTime_usec\n";
        let items = read(&format!("{head}1,10,20\r\n11,20,30\n")).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!((items[1].label, items[1].window.clone()), (10, Some(20..30)));
        // Without the line of names every line is a gesture, and damage is none of names.
        assert_eq!(read("1,10,20\n11,20,30\n").unwrap().len(), 2);
        assert!(read("1,10\n11,20,30\n").unwrap_err().to_string().contains("(at byte 0)"));
        for wrong in ["1,10", "1,20,10", "1,10,10", "x,1,2", "1,-5,2", "1,nan,2", "1,2,3,4"] {
            let error = read(&format!("{head}{wrong}\n")).unwrap_err().to_string();
            assert!(error.contains("a_labels.csv"), "{error}");
        }
        for class in ["0", "12", "18446744073709551615"] {
            let error = read(&format!("{head}{class},1,2\n")).unwrap_err();
            assert!(matches!(error, Error::Label { record: 1, num_classes: 11, .. }), "{error}");
        }
    }
}
