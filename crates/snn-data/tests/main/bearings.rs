//! Recordings of bearings as their publishers and others write them.

use std::path::Path;

use snn_data::preprocess::Signals;
use snn_data::{DataConfig, Preprocess, Splits, open};

use crate::matlab::{array, element, mat, numbers};

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A signal that begins with `first` and lasts for two windows of 8 in the first 60 % and one after it.
fn signal(first: f64) -> Vec<f64> {
    (0..30).map(|i| first + f64::from(i % 7)).collect()
}

fn opened(name: &str, dir: &Path) -> snn_data::Result<Splits> {
    open(&DataConfig { size: Some(8), ..DataConfig::new(name, Some(dir.into())) })
}

#[test]
fn cwru_opens_from_its_publishers_files() {
    let dir = tempfile::tempdir().unwrap();
    let files = [97, 118, 185, 222, 105, 169, 209, 130, 197, 234];
    for (class, number) in files.into_iter().enumerate() {
        let file = dir.path().join(format!("{number}.mat"));
        let end = |part: &str| format!("X{number:03}_{part}_time");
        let variables = [
            numbers(&end("DE"), &signal(class as f64)),
            numbers(&end("FE"), &signal(-1.0)),
            numbers(&format!("X{number:03}RPM"), &[1797.0]),
        ];
        write(&file, &mat(&variables));
    }
    let splits = opened("cwru", dir.path()).unwrap();
    assert_eq!((splits.train.num_classes(), splits.train.len(), splits.test.len()), (10, 20, 10));
    assert_eq!(splits.train.class_names()[9], "OR@6_21");
    // By place: 105.mat, the first file but one in order, is of class IR_7.
    assert_eq!(splits.train.labels()[..4], [0, 0, 4, 4]);
    // A file of another load, under a name that says more, and one at 48 kHz, which is not part of the set.
    let name = dir.path().join("12k_Drive_End_B007_1_119.mat");
    write(&name, &mat(&[numbers("X119_DE_time", &signal(1.0))]));
    write(&dir.path().join("174.mat"), &mat(&[numbers("X173_DE_time", &signal(1.0))]));
    assert_eq!(opened("cwru", dir.path()).unwrap().train.len(), 22);
}

fn read(path: &Path, signal: &str, rate: Option<f64>) -> snn_data::Result<Vec<f32>> {
    let (mean, std) = (vec![0.0], vec![1.0]);
    let signals = Signals { window: 8, rate, signal: Some(signal.into()), mean, std };
    Preprocess::Signals(signals).read(path).map(|prepared| prepared.x)
}

#[test]
fn variables_are_found_by_what_they_are_of() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let first = |path: &Path| read(path, "DE", Some(12_000.0)).map(|x| x[0]);
    // The publisher's 174.mat holds the variable of another number.
    let fan = numbers("X173_FE_time", &signal(9.0));
    write(&file("174.mat"), &mat(&[fan, numbers("X173_DE_time", &signal(4.0))]));
    assert_eq!(first(&file("174.mat")).unwrap(), 4.0);
    // Its 99.mat holds two recordings, of which one is its own.
    let other = numbers("X098_DE_time", &signal(1.0));
    let own = numbers("X099_DE_time", &signal(2.0));
    write(&file("99.mat"), &mat(&[other.clone(), own.clone()]));
    assert_eq!(first(&file("99.mat")).unwrap(), 2.0);
    // Whose they are is not known elsewhere.
    write(&file("mine.mat"), &mat(&[other, own]));
    assert!(first(&file("mine.mat")).unwrap_err().to_string().contains("DE not found"));
    write(&file("mine.mat"), &mat(&[numbers("XY_DE_time", &signal(1.0))]));
    assert!(first(&file("mine.mat")).is_err());
}

/// A recording as MFPT publishes it: a struct of columns.
fn bearing(fields: &[(&str, &[f64])]) -> Vec<u8> {
    let names: Vec<u8> = fields
        .iter()
        .flat_map(|(name, _)| {
            let mut name = name.as_bytes().to_vec();
            name.resize(5, 0);
            name
        })
        .collect();
    let values = fields.iter().map(|(_, values)| numbers("", values));
    let content = [vec![5, 0, 4, 0, 5, 0, 0, 0], element(1, &names)];
    let content: Vec<u8> = content.into_iter().chain(values).flatten().collect();
    mat(&[array(2, 1, "bearing", &content)])
}

#[test]
fn a_recording_without_its_rate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["baseline_1", "OuterRaceFault_1", "InnerRaceFault_1"] {
        let file = dir.path().join(format!("{name}.mat"));
        write(&file, &bearing(&[("gs", &signal(0.0)), ("sr", &[48_828.0])]));
    }
    assert_eq!(opened("mfpt", dir.path()).unwrap().train.len(), 6);
    let file = dir.path().join("OuterRaceFault_1.mat");
    write(&file, &bearing(&[("gs", &signal(0.0))]));
    let error = opened("mfpt", dir.path()).unwrap_err().to_string();
    assert!(error.contains("OuterRaceFault_1.mat: bearing.sr not found"), "{error}");
    // Who asks for no rate needs none.
    assert_eq!(read(&file, "bearing.gs", None).unwrap()[0], 0.0);
}

#[test]
fn numbers_with_decimal_commas_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lines = |comma: &str| -> String {
        signal(0.0).iter().map(|x| format!("{x:.4}\n").replace('.', comma)).collect()
    };
    for name in ["n600", "ib600", "ob600", "tb600"] {
        write(&dir.path().join(format!("{name}.csv")), lines(".").as_bytes());
    }
    assert_eq!(opened("jnu", dir.path()).unwrap().train.len(), 8);
    write(&dir.path().join("ib600.csv"), lines(",").as_bytes());
    let error = opened("jnu", dir.path()).unwrap_err().to_string();
    assert!(error.contains("ib600.csv") && error.contains("not a comma"), "{error}");
}

#[test]
fn mfpt_has_a_class_for_each_load() {
    let dir = tempfile::tempdir().unwrap();
    let mut names = vec!["baseline_1".to_string(), "baseline_2".into(), "OuterRaceFault_1".into()];
    for load in 1..=7 {
        names.push(format!("OuterRaceFault_vload_{load}"));
        names.push(format!("InnerRaceFault_vload_{load}"));
    }
    for (at, name) in names.iter().enumerate() {
        let signal: Vec<f64> = (0..80).map(|i| f64::from(i % 7) + at as f64).collect();
        let file = bearing(&[("gs", &signal), ("sr", &[48_828.0])]);
        write(&dir.path().join(format!("{name}.mat")), &file);
    }
    let opened = |split: &str| {
        let config =
            DataConfig { size: Some(8), ..DataConfig::new("mfpt", Some(dir.path().into())) };
        open(&DataConfig { split: Some(split.into()), ..config })
    };
    let splits = opened("first-80-percent-gap-15-classes").unwrap();
    let classes = splits.train.class_names();
    assert_eq!((classes.len(), classes[0].as_str()), (15, "baseline 1"));
    assert_eq!(
        (classes[7].as_str(), classes[14].as_str()),
        ("outer race load 7", "inner race load 7")
    );
    // 64 of 80 samples train, 8 are in neither part, 8 test; the other baseline and outer race are left out.
    assert_eq!((splits.train.len(), splits.test.len()), (15 * 8, 15));
    assert_eq!(opened("random-80-percent-15-classes").unwrap().test.len(), 15 * 2);
    std::fs::remove_file(dir.path().join("InnerRaceFault_vload_4.mat")).unwrap();
    let error = opened("first-80-percent-gap-15-classes").unwrap_err().to_string();
    assert!(error.contains("no recording of inner race load 4"), "{error}");
}
