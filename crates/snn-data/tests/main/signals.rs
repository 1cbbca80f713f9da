//! Vibration and point clouds: the real files where they are at hand, small ones of our own elsewhere.

use std::path::Path;

use snn_data::format::{mat, npz, off, read_file, xyz};
use snn_data::{
    Augment, DataConfig, Error, Kind, Limits, Loader, LoaderConfig, Normalize, Order, Splits, Time,
    open,
};

use crate::util::per_class;
use snn_needs::shared_data;

/// Windows normalized by the training side's moments.
fn opened(name: &str, dir: &Path) -> Splits {
    let config = DataConfig::new(name, Some(dir.into()));
    open(&DataConfig { normalize: Normalize::Training, ..config }).unwrap()
}

fn values(splits: &Splits, index: usize) -> Vec<f32> {
    splits.train.sample(index, &Augment::default(), None).unwrap().x
}

#[test]
fn cwru_is_cut_into_windows() {
    let Some(dir) = shared_data() else { return };
    let splits = opened("cwru", &dir);
    assert_eq!((splits.train.num_classes(), splits.train.kind()), (10, Kind::Signals));
    assert_eq!(splits.train.sample_shape(), [1, 1, 1024]);
    // Normal has 243,938 samples: 146,362 train, which are 142 windows, and 97,576 test.
    assert_eq!(
        (per_class(splits.train.labels(), 10)[0], per_class(splits.test.labels(), 10)[0]),
        (142, 95)
    );
    assert_eq!(
        splits.train.split(),
        format!("cwru/first-60-percent-{}-{}", splits.train.len(), splits.test.len())
    );
    let all: Vec<f32> = (0..splits.train.len()).flat_map(|i| values(&splits, i)).collect();
    let mean = all.iter().map(|&x| f64::from(x)).sum::<f64>() / all.len() as f64;
    let square = all.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / all.len() as f64;
    assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-3, "{mean} {square}");
    // The first window of class B_14 is the file's beginning.
    let path = dir.join("cwru-1797/1797_B_14_DE12.npz");
    let limits = Limits::default();
    let arrays = npz(&read_file(&path, &limits).unwrap(), &limits, &path).unwrap();
    let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["DE", "FE", "BA"]);
    let first = splits.train.labels().iter().position(|&label| label == 2).unwrap();
    let (mean, std) = (splits.train.mean()[0], splits.train.std()[0]);
    for (x, &expected) in values(&splits, first).iter().zip(&arrays[0].1) {
        assert!((x * std + mean - expected as f32).abs() < 1e-5);
    }
    let faults = DataConfig {
        split: Some("first-60-percent-faults".into()),
        size: Some(512),
        ..DataConfig::new("cwru", Some(dir))
    };
    let faults = open(&faults).unwrap();
    assert_eq!((faults.train.num_classes(), faults.train.class_names()[0].as_str()), (9, "B_7"));
    assert!(faults.train.labels().iter().all(|&label| label < 9));
    assert!(faults.train.split().starts_with("cwru/first-60-percent-faults-"));
}

#[test]
fn mfpt_reads_matlab_files() {
    let Some(dir) = shared_data() else { return };
    let path = dir.join("mfpt/train_data/InnerRaceFault_vload_1.mat");
    let limits = Limits::default();
    let variables = mat(&read_file(&path, &limits).unwrap(), &limits, &path).unwrap();
    let bearing = &variables.iter().find(|(name, _)| name == "bearing").unwrap().1;
    let numbers = |name: &str| bearing.field(name).unwrap()[0].numbers().unwrap().to_vec();
    assert_eq!((numbers("rate"), numbers("sr")), (vec![25.0], vec![48_828.0]));
    assert_eq!(numbers("gs").len(), 146_484);
    let splits = opened("mfpt", &dir);
    // Four inner and three outer recordings: 87,890 samples train, 85 windows each.
    assert_eq!(per_class(splits.train.labels(), 3), [0, 3 * 85, 4 * 85]);
    assert_eq!(per_class(splits.test.labels(), 3), [0, 3 * 57, 4 * 57]);
}

#[test]
fn windows_are_normalized_each_by_its_own() {
    let Some(dir) = shared_data() else { return };
    let splits = open(&DataConfig::new("cwru", Some(dir))).unwrap();
    assert!(splits.train.mean().is_empty() && splits.train.std().is_empty());
    for index in [0, 500] {
        let x = values(&splits, index);
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / 1024.0;
        let square = x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 1024.0;
        assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-6, "{mean} {square}");
    }
}

#[test]
fn mfpt_has_three_ways_to_make_classes() {
    let dir = tempfile::tempdir().unwrap();
    let Some(shared) = shared_data() else { return };
    let opened = |dir: &Path, split: &str| {
        let split = Some(split.to_owned());
        open(&DataConfig { split, ..DataConfig::new("mfpt", Some(dir.into())) }).unwrap()
    };
    let faults = opened(&shared, "first-60-percent-faults");
    assert_eq!(faults.train.class_names(), ["outer race", "inner race"]);
    assert_eq!(per_class(faults.train.labels(), 2), [3 * 85, 4 * 85]);
    assert_eq!(per_class(faults.test.labels(), 2), [3 * 57, 4 * 57]);
    let recordings = opened(&shared, "mfpt/first-60-percent-recordings");
    assert_eq!(recordings.train.split(), "mfpt/first-60-percent-recordings-595-399");
    let names = ["InnerRaceFault_vload_1", "InnerRaceFault_vload_2", "InnerRaceFault_vload_3"];
    assert_eq!(recordings.train.class_names()[..3], names);
    assert_eq!(recordings.train.class_names()[6], "OuterRaceFault_vload_3");
    assert_eq!(per_class(recordings.train.labels(), 7), [85; 7]);
    assert_eq!(per_class(recordings.test.labels(), 7), [57; 7]);
    // A recording keeps its class wherever its file lies.
    for folder in ["train_data", "test_data"] {
        for entry in std::fs::read_dir(shared.join("mfpt").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let flat = opened(dir.path(), "first-60-percent-recordings");
    let beginning = |splits: &Splits| {
        let first = splits.train.labels().iter().position(|&label| label == 3).unwrap();
        values(splits, first)
    };
    assert_eq!(flat.train.class_names(), recordings.train.class_names());
    assert_eq!(beginning(&flat), beginning(&recordings));
}

#[test]
fn stanford_cars_lists_read() {
    let Some(dir) = shared_data() else { return };
    let limits = Limits::default();
    let read = |name: &str| {
        let path = dir.join("stanford-cars-devkit").join(name);
        mat(&read_file(&path, &limits).unwrap(), &limits, &path).unwrap()
    };
    let train = read("cars_train_annos.mat");
    let [(name, annotations)] = &train[..] else { panic!("{} variables", train.len()) };
    assert_eq!((name.as_str(), annotations.field("fname").unwrap().len()), ("annotations", 8144));
    assert_eq!(annotations.field("fname").unwrap()[0].text(), Some("00001.jpg"));
    let test = read("cars_test_annos.mat");
    assert_eq!(test[0].1.field("fname").unwrap().len(), 8041);
    let meta = read("cars_meta.mat");
    let snn_data::format::Mat::Cells(names) = &meta[0].1 else { panic!() };
    assert_eq!((names.len(), names[0].text()), (196, Some("AM General Hummer SUV 2000")));
}

#[test]
fn jnu_reads_columns() {
    let dir = tempfile::tempdir().unwrap();
    for (i, name) in ["n600_3_2", "ib600_2", "ob600_2", "tb600_2"].into_iter().enumerate() {
        let lines: String = (0..5000).map(|t| format!("{}\r\n", t % 50 + 1000 * i)).collect();
        std::fs::write(dir.path().join(format!("{name}.csv")), lines).unwrap();
    }
    let splits = opened("jnu", dir.path());
    assert_eq!(per_class(splits.train.labels(), 4), [2; 4]);
    assert_eq!(per_class(splits.test.labels(), 4), [1; 4]);
    assert_eq!(splits.train.split(), "jnu/first-60-percent-8-4");
    let limited =
        DataConfig { limit_train: Some(4), ..DataConfig::new("jnu", Some(dir.path().into())) };
    assert_eq!(open(&limited).unwrap().train.split(), "jnu/first-60-percent-8-4+limit-4-4");
    // The test side is normalized by the training side's moments.
    assert_eq!(splits.test.mean(), splits.train.mean());
    let level = |splits: &Splits, index| values(splits, index).iter().sum::<f32>() / 1024.0;
    assert!(level(&splits, 0) < level(&splits, 7));
    let long = DataConfig { size: Some(2500), ..DataConfig::new("jnu", Some(dir.path().into())) };
    assert!(open(&long).unwrap_err().to_string().contains("ib600_2.csv"));
    std::fs::write(dir.path().join("ib600_2.csv"), "1\nx\n").unwrap();
    let error = open(&DataConfig::new("jnu", Some(dir.path().into()))).unwrap_err().to_string();
    assert!(error.contains("ib600_2.csv") && error.contains("at byte 2"), "{error}");
}

#[test]
fn signals_are_not_flipped() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "1\n2\n".repeat(2000);
    for name in ["n600", "ib600", "ob600", "tb600"] {
        std::fs::write(dir.path().join(format!("{name}.csv")), &lines).unwrap();
    }
    let data = std::sync::Arc::new(opened("jnu", dir.path()).train);
    let augment = Augment { flip: true, ..Augment::default() };
    let config = LoaderConfig {
        batch: 2,
        order: Order::Stored,
        drop_last: false,
        workers: 0,
        seed: 0,
        augment,
    };
    let refused = Loader::new(data.clone(), config.clone());
    assert!(matches!(refused, Err(Error::Config { field: "augment", .. })));
    let plain = LoaderConfig { augment: Augment::default(), ..config };
    let batch = Loader::new(data, plain).unwrap().batch(0, 0).unwrap();
    assert_eq!((batch.shape, batch.time), (vec![2, 1, 1, 1024], Time::Still));
}

/// A recording of each class of JNU, sample i of which is i; without noise in it a value says where it was.
fn ramps(dir: &Path) -> DataConfig {
    let lines: String = (0..4000).map(|i| format!("{i}\n")).collect();
    for name in ["n600", "ib600", "ob600", "tb600"] {
        std::fs::write(dir.join(format!("{name}.csv")), &lines).unwrap();
    }
    let config = DataConfig::new("jnu", Some(dir.into()));
    DataConfig { size: Some(1000), normalize: Normalize::Training, ..config }
}

#[test]
fn training_windows_overlap_and_test_windows_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let config = ramps(dir.path());
    let with = |stride| DataConfig { stride, ..config.clone() };
    // 2,400 samples train: 2 whole windows, 3 that begin half a window apart.
    let (whole, half) = (open(&with(None)).unwrap(), open(&with(Some(500))).unwrap());
    assert_eq!((whole.train.len(), half.train.len()), (8, 12));
    let begins: Vec<f32> = (0..4)
        .map(|i| (values(&half, i)[0] * half.train.std()[0] + half.train.mean()[0]).round())
        .collect();
    assert_eq!(begins, [0.0, 500.0, 1000.0, 0.0]);
    assert_eq!(half.test.hash(), whole.test.hash());
    assert_eq!(half.test.members(), whole.test.members());
    assert_ne!(half.train.members(), whole.train.members());
    let same = open(&with(Some(1000))).unwrap();
    assert_eq!((same.members(), same.train.hash()), (whole.members(), whole.train.hash()));
    for wrong in
        [with(Some(0)), DataConfig { stride: Some(8), ..DataConfig::new("synthetic", None) }]
    {
        assert!(matches!(open(&wrong), Err(Error::Config { field: "stride", .. })));
    }
}

#[test]
fn signals_roll_and_change_their_sign() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(&ramps(dir.path())).unwrap().train;
    let plain = data.sample(0, &Augment::default(), None).unwrap().x;
    let augment = Augment { roll: 300, polarity_flip: 0.5, ..Augment::default() };
    let config = LoaderConfig { augment, ..LoaderConfig::stored(8) };
    assert!(Loader::new(std::sync::Arc::new(data.clone()), config).is_ok());
    let mut seen = std::collections::BTreeSet::new();
    for epoch in 0..64 {
        let x = data.sample(0, &augment, Some((1, epoch))).unwrap().x;
        let signed = |sign: f32| -> Option<i64> {
            let by = x.iter().position(|&v| v * sign == plain[0])?;
            let is_rolled = (0..1000).all(|i| x[(i + by) % 1000] * sign == plain[i]);
            is_rolled.then_some(if by > 500 { by as i64 - 1000 } else { by as i64 })
        };
        let (by, sign) = signed(1.0).map(|by| (by, 1)).or(signed(-1.0).map(|by| (by, -1))).unwrap();
        assert!(by.abs() <= 300);
        seen.insert((by > 0, sign));
    }
    assert_eq!(seen.len(), 4, "both ways and both signs are drawn");
}

#[test]
fn clouds_turn_about_their_third_axis() {
    let dir = tempfile::tempdir().unwrap();
    for side in ["train", "test"] {
        let folder = dir.path().join(side).join("a");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("1.xyz"), "0 0 0\n2 1 5\n0 3 1\n").unwrap();
    }
    let config = DataConfig::new("point_folder", Some(dir.path().into()));
    let data = open(&DataConfig { size: Some(3), ..config }).unwrap().train;
    let plain = data.sample(0, &Augment::default(), None).unwrap().x;
    let augment = Augment { rotate_degrees: 180.0, flip: true, ..Augment::default() };
    let radius = |x: &[f32], i: usize| (x[i].powi(2) + x[3 + i].powi(2)).sqrt();
    let area = |x: &[f32]| (x[1] - x[0]) * (x[5] - x[3]) - (x[2] - x[0]) * (x[4] - x[3]);
    let mut mirrored = 0;
    for epoch in 0..64 {
        let x = data.sample(0, &augment, Some((1, epoch))).unwrap().x;
        assert_eq!(x[6..], plain[6..]);
        assert!((0..3).all(|i| (radius(&x, i) - radius(&plain, i)).abs() < 1e-6));
        assert!((area(&x).abs() - area(&plain).abs()).abs() < 1e-5);
        mirrored += usize::from(area(&x) * area(&plain) < 0.0);
    }
    assert!((16..48).contains(&mirrored), "{mirrored}");
    let other = Augment { roll: 1, ..Augment::default() };
    let config = LoaderConfig { augment: other, ..LoaderConfig::stored(1) };
    let refused = Loader::new(std::sync::Arc::new(data), config);
    assert!(matches!(refused, Err(Error::Config { field: "augment", .. })));
}

#[test]
fn lidar_objects_open() {
    let Some(dir) = shared_data() else { return };
    let splits = opened("lidar_objects", &dir);
    assert_eq!((splits.train.len(), splits.test.len()), (249, 250));
    assert_eq!(splits.train.split(), "lidar-objects/even-odd");
    assert_eq!(
        (splits.train.sample_shape(), splits.train.kind()),
        (vec![3, 1, 1024], Kind::Points)
    );
    let x = values(&splits, 7);
    let radius = (0..1024).map(|i| x[i].powi(2) + x[1024 + i].powi(2) + x[2048 + i].powi(2));
    assert!((radius.fold(0.0, f32::max) - 1.0).abs() < 1e-5);
    assert!(x[..1024].iter().sum::<f32>().abs() < 1e-2);
    let limits = Limits::default();
    let path = dir.join("lidar-objects-500/000.xyz");
    let cloud = xyz(&read_file(&path, &limits).unwrap(), &limits, &path).unwrap();
    assert_eq!(cloud.len(), 1809);
}

#[test]
fn modelnet_samples_meshes_of_both_headers() {
    let Some(dir) = shared_data() else { return };
    let from = dir.join("modelnet/ModelNet40/bathtub");
    let copy = tempfile::tempdir().unwrap();
    for (side, name) in [("train", "bathtub_0001.off"), ("test", "bathtub_0002.off")] {
        let to = copy.path().join("ModelNet40/bathtub").join(side);
        std::fs::create_dir_all(&to).unwrap();
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let limits = Limits::default();
    let path = from.join("bathtub_0002.off");
    let mesh = off(&read_file(&path, &limits).unwrap(), &limits, &path).unwrap();
    assert_eq!((mesh.vertices.len(), mesh.triangles.len()), (700, 664));
    let config =
        DataConfig { size: Some(256), ..DataConfig::new("modelnet40", Some(copy.path().into())) };
    let splits = open(&config).unwrap();
    assert_eq!(splits.train.split(), "modelnet40/subset-1-1");
    assert_eq!(splits.train.class_names(), ["bathtub"]);
    let x = values(&splits, 0);
    assert_eq!((x.len(), values(&splits, 0)), (3 * 256, x.clone()));
    assert!(x.iter().all(|x| x.abs() <= 1.0));
    for folder in ["modelnet/ModelNet10/bathtub/train", "modelnet/misc", "modelnet/ModelNet40/bed"]
    {
        for entry in std::fs::read_dir(dir.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let mesh = off(&read_file(&path, &limits).unwrap(), &limits, &path).unwrap();
            assert!(!mesh.triangles.is_empty(), "{}", path.display());
        }
    }
}

#[test]
fn any_folder_of_clouds_opens() {
    let dir = tempfile::tempdir().unwrap();
    for (side, class, name) in [
        ("train", "a", "1.xyz"),
        ("train", "b", "10.xyz"),
        ("train", "b", "9.xyz"),
        ("test", "b", "2.off"),
    ] {
        let folder = dir.path().join(side).join(class);
        std::fs::create_dir_all(&folder).unwrap();
        let text = if name.ends_with("off") {
            "OFF 3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
        } else {
            "0 0 0\n2 0 0\n"
        };
        std::fs::write(folder.join(name), text).unwrap();
    }
    let splits = opened("point_folder", dir.path());
    assert_eq!((splits.train.labels(), splits.test.labels()), (&[0, 1, 1][..], &[1][..]));
    assert_eq!(splits.train.split(), "point-folder/by-folder-3-1");
    assert_eq!(values(&splits, 1).len(), 3 * 1024);
}

#[test]
fn jnu_has_a_class_for_each_state_and_speed() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["n600_3_2", "ib800_2", "ob1000_2", "tb600_2", "ib600_2", "ib1000_2"] {
        let lines: String = (0..12_000).map(|t| format!("{}\n", t % 50)).collect();
        std::fs::write(dir.path().join(format!("{name}.csv")), lines).unwrap();
    }
    let opened = |split: &str, stride: Option<usize>| {
        let split = Some(split.to_owned());
        open(&DataConfig { split, stride, ..DataConfig::new("jnu", Some(dir.path().into())) })
    };
    let splits = opened("first-80-percent-gap-12-classes", None).unwrap();
    let names = splits.train.class_names();
    assert_eq!(
        (names.len(), names[0].as_str(), names[10].as_str()),
        (12, "normal 600 rpm", "outer race 1000 rpm")
    );
    let found = per_class(splits.train.labels(), 12);
    // 9,600 samples train; of the 2,400 after them the gap leaves 1,376.
    assert_eq!(found.iter().filter(|&&n| n == 9).count(), 6);
    assert_eq!(splits.test.len(), 6);
    assert!(
        opened("random-80-percent-12-classes", Some(512))
            .unwrap_err()
            .to_string()
            .contains("stride")
    );
    let random = opened("random-80-percent-12-classes", None).unwrap();
    assert_eq!((random.train.len(), random.test.len()), (6 * 8, 6 * 3));
}

#[test]
fn noise_is_on_the_side_that_asks_for_it_and_in_the_split_s_name() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["n600_3_2", "ib600_2"] {
        let lines: String = (0..5000).map(|t| format!("{}\n", (t as f32 * 0.3).sin())).collect();
        std::fs::write(dir.path().join(format!("{name}.csv")), lines).unwrap();
    }
    let config = DataConfig::new("jnu", Some(dir.path().into()));
    let plain = open(&config).unwrap();
    let noisy = open(&DataConfig { test_snr: Some(-6.0), ..config.clone() }).unwrap();
    assert_eq!(noisy.train.split(), "jnu/first-60-percent-4-2+test-noise--6-db");
    assert_eq!(values(&noisy, 0), values(&plain, 0));
    let test = |splits: &Splits| splits.test.sample(0, &Augment::default(), None).unwrap().x;
    assert_ne!(test(&noisy), test(&plain));
    for snr in [f32::NAN, 101.0] {
        let config = DataConfig { train_snr: Some(snr), ..config.clone() };
        assert!(open(&config).unwrap_err().to_string().contains("train_snr"));
    }
}
