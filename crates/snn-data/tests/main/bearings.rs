//! Recordings of bearings as their publishers and others write them.

use std::path::Path;

use snn_data::preprocess::Signals;
use snn_data::{DataConfig, Preprocess, Splits, open};

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// One element of a MATLAB 5 file.
fn element(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = [kind, body.len() as u32].iter().flat_map(|x| x.to_le_bytes()).collect();
    out.extend(body);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn array(class: u8, n: usize, name: &str, content: &[u8]) -> Vec<u8> {
    let sizes: Vec<u8> = [n as i32, 1].iter().flat_map(|size| size.to_le_bytes()).collect();
    let flags = element(6, &[class, 0, 0, 0, 0, 0, 0, 0]);
    let parts = [flags, element(5, &sizes), element(1, name.as_bytes()), content.to_vec()];
    element(14, &parts.concat())
}

fn numbers(name: &str, values: &[f64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    array(6, values.len(), name, &element(9, &bytes))
}

fn mat(variables: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"MATLAB 5.0 MAT-file".to_vec();
    out.resize(124, b' ');
    out.extend([0, 1, b'I', b'M']);
    out.extend(variables.concat());
    out
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

#[test]
fn a_recording_without_its_rate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bearing = |fields: &[(&str, &[f64])]| {
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
    };
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
