//! Every real file opens and holds what its description says.

use std::path::Path;

use snn_data::format::{gunzip, read_file};
use snn_data::{
    DataConfig, DatasetName, Error, EventOptions, Limits, MAX_SIZE, MAX_T_STEPS, catalog, open,
    open_with, read_events,
};

use crate::util::{opened, per_class, repository_data};
use snn_needs::shared_data;

#[test]
fn embedded_subset_is_what_its_readme_says() {
    let splits = opened("fashion_mnist", Some(repository_data()), None);
    let (train, test) = (&splits.train, &splits.test);
    assert_eq!((train.len(), test.len(), train.num_classes()), (6000, 2000, 10));
    assert_eq!(train.split(), "fashion-mnist/subset-600-per-class");
    assert_eq!(per_class(train.labels(), 10), [600; 10]);
    assert_eq!(per_class(test.labels(), 10), [200; 10]);
    assert_eq!(train.sample_shape(), [1, 28, 28]);
    // The official order: ankle boot, T-shirt, T-shirt, dress, T-shirt.
    assert_eq!(train.labels()[..5], [9, 0, 0, 3, 0]);
    assert_eq!(test.labels()[..5], [9, 2, 1, 1, 6]);
    assert_eq!(train.class_names()[9], "Ankle boot");
    let direct = opened("fashion_mnist", Some(repository_data().join("fashion-mnist")), None);
    assert_eq!(direct.train.hash(), train.hash());
    assert_ne!(test.hash(), train.hash());
}

#[test]
fn images_take_another_size_and_a_limit() {
    let config = DataConfig::new("fashion_mnist", Some(repository_data()));
    let config =
        DataConfig { size: Some(32), limit_train: Some(20), limit_test: Some(10), ..config };
    let splits = open(&config).unwrap();
    assert_eq!(splits.train.sample_shape(), [1, 32, 32]);
    assert_eq!(per_class(splits.train.labels(), 10), [2; 10]);
    assert_eq!(splits.test.split(), "fashion-mnist/subset-600-per-class+limit-20-10");
}

#[test]
fn mnist_is_whole() {
    let Some(dir) = shared_data() else { return };
    let splits = opened("mnist", Some(dir), None);
    assert_eq!((splits.train.len(), splits.test.len()), (60_000, 10_000));
    assert_eq!(splits.train.split(), "mnist/official");
    assert_eq!(splits.train.labels()[..5], [5, 0, 4, 1, 9]);
}

#[test]
fn cifar_records_are_the_known_ones() {
    let Some(dir) = shared_data() else { return };
    let ten = opened("cifar10", Some(dir.clone()), None);
    assert_eq!((ten.train.len(), ten.test.len()), (6000, 2000));
    assert_eq!(ten.train.split(), "cifar10/subset-6000-2000");
    assert_eq!(ten.train.labels()[..5], [6, 9, 9, 4, 1]);
    assert_eq!(ten.test.labels()[..5], [3, 8, 8, 0, 6]);
    assert_eq!(ten.train.class_names()[0], "airplane");
    let first = ten.train.sample(0, &Default::default(), None).unwrap();
    let pixel = |channel: usize, at: usize| {
        let level =
            first.x[channel * 1024 + at] * ten.train.std()[channel] + ten.train.mean()[channel];
        (level * 255.0).round() as u8
    };
    assert_eq!([pixel(0, 0), pixel(1, 0), pixel(2, 0)], [59, 62, 63]);
    assert_eq!([pixel(0, 1), pixel(1, 1), pixel(2, 1)], [43, 46, 45]);
    let hundred = opened("cifar100", Some(dir), None);
    assert_eq!((hundred.train.len(), hundred.test.len()), (1000, 200));
    assert_eq!((hundred.train.num_classes(), hundred.train.class_names().len()), (100, 100));
    assert_eq!(hundred.train.sample_shape(), [3, 32, 32]);
}

#[test]
fn nmnist_opens_in_numeric_order() {
    let Some(dir) = shared_data() else { return };
    let splits = opened("nmnist", Some(dir.clone()), None);
    assert_eq!((splits.train.len(), splits.test.len()), (1000, 100));
    assert_eq!(splits.train.sample_shape(), [10, 2, 34, 34]);
    assert!(splits.train.is_events());
    assert_eq!(splits.train.split(), "nmnist/subset-1000-100");
    let config = DataConfig { size: Some(32), ..DataConfig::new("nmnist", Some(dir)) };
    let small =
        open(&DataConfig { limit_train: Some(10), limit_test: Some(10), ..config }).unwrap();
    assert_eq!(small.train.sample_shape(), [10, 2, 32, 32]);
    let x = small.train.sample(0, &Default::default(), None).unwrap().x;
    assert!(x.iter().all(|v| v.fract() == 0.0), "a crop keeps whole counts");
}

#[test]
fn nmnist_folds_test_every_recording_once() {
    let Some(dir) = shared_data() else { return };
    let mut tested = 0;
    let mut members = std::collections::BTreeSet::new();
    for fold in 1..=5 {
        let split = Some(format!("fold-{fold}-of-5"));
        let config = DataConfig {
            split,
            t_steps: 1,
            size: Some(8),
            ..DataConfig::new("nmnist", Some(dir.clone()))
        };
        let splits = open(&config).unwrap();
        assert_eq!(splits.train.len() + splits.test.len(), 1100);
        tested += splits.test.len();
        let name = format!("nmnist/fold-{fold}-of-5-{}-{}", splits.train.len(), splits.test.len());
        assert_eq!(splits.test.split(), name);
        members.insert(splits.test.members().to_string());
    }
    assert_eq!((tested, members.len()), (1100, 5));
}

#[test]
fn nmnist_files_hold_the_known_events() {
    let Some(dir) = shared_data() else { return };
    let (mut fewest, mut most, mut total) = (usize::MAX, 0, 0);
    for side in ["Train", "Test"] {
        for digit in 0..10 {
            let dir = dir.join("n-mnist-1100").join(side).join(digit.to_string());
            for entry in std::fs::read_dir(dir).unwrap() {
                let stream = read_events(&entry.unwrap().path(), &EventOptions::default()).unwrap();
                assert_eq!((stream.width, stream.height), (34, 34));
                assert!(stream.events.is_sorted_by_key(|e| e.t_us));
                fewest = fewest.min(stream.events.len());
                most = most.max(stream.events.len());
                total += stream.events.len();
            }
        }
    }
    assert_eq!((fewest, most, total), (1069, 7152, 4_518_827));
}

#[test]
fn poker_files_hold_the_known_events() {
    let Some(dir) = shared_data() else { return };
    let splits = opened("poker_dvs", Some(dir.clone()), None);
    assert_eq!((splits.train.len(), splits.test.len()), (66, 65));
    assert_eq!(splits.train.split(), "poker-dvs/even-odd");
    let labels = [splits.train.labels(), splits.test.labels()].concat();
    assert_eq!(per_class(&labels, 4), [30, 43, 23, 35]);
    let options = EventOptions { sensor: Some((35, 35)), ..EventOptions::default() };
    let (mut fewest, mut most) = (usize::MAX, 0);
    for entry in std::fs::read_dir(dir.join("poker-dvs/aedat")).unwrap() {
        let stream = read_events(&entry.unwrap().path(), &options).unwrap();
        assert_eq!(stream.skipped_special, 0);
        fewest = fewest.min(stream.events.len());
        most = most.max(stream.events.len());
    }
    assert_eq!((fewest, most), (369, 5387));
}

/// Unpacks an archive of small files.
fn untar(archive: &Path, to: &Path) {
    let limits = Limits::default();
    let packed = read_file(archive, &limits).unwrap();
    let bytes = gunzip(&packed, &limits, archive).unwrap();
    let mut rest = &bytes[..];
    // A header of 512 bytes: the name, at 124 the size in octal, at 156 the kind, 5 a folder; then the content.
    while let Some((head, body)) = rest.split_at_checked(512).filter(|(head, _)| head[0] != 0) {
        let text = |at: std::ops::Range<usize>| {
            let text = std::str::from_utf8(&head[at]).unwrap();
            text.split('\0').next().unwrap().trim().to_owned()
        };
        let (path, size) =
            (to.join(text(0..100)), usize::from_str_radix(&text(124..136), 8).unwrap());
        if head[156] == b'5' {
            std::fs::create_dir_all(path).unwrap();
        } else {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &body[..size]).unwrap();
        }
        rest = &body[size.next_multiple_of(512)..];
    }
}

#[test]
fn tonics_poker_files_hold_the_known_events() {
    let Some(shared) = shared_data() else { return };
    let dir = tempfile::tempdir().unwrap();
    for side in ["train", "test"] {
        untar(&shared.join(format!("poker-dvs/tonic/pips_{side}.tar.gz")), dir.path());
    }
    let config = DataConfig::new("poker_dvs", Some(dir.path().into()));
    let by = snn_data::FrameBy::Count;
    let splits =
        open(&DataConfig { split: Some("tonic".into()), frames_by: by, ..config }).unwrap();
    assert_eq!(splits.train.split(), "poker-dvs/tonic");
    assert_eq!(per_class(splits.train.labels(), 4), [12; 4]);
    assert_eq!(per_class(splits.test.labels(), 4), [5; 4]);
    let mut events = 0.0;
    for set in [&splits.train, &splits.test] {
        for index in 0..set.len() {
            let x = set.sample(index, &Default::default(), None).unwrap().x;
            events += x.iter().map(|&x| f64::from(x)).sum::<f64>();
        }
    }
    // As NumPy counts the arrays' rows.
    assert_eq!(events, 207_416.0);
}

#[test]
fn names_that_cannot_be_opened_say_what_to_do() {
    for listing in catalog().iter().filter(|listing| !listing.readable) {
        let text = open(&DataConfig::new(listing.name, None)).unwrap_err().to_string();
        assert!(text.contains(listing.name) && text.contains(listing.source), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
    for listing in catalog().iter().filter(|l| l.readable && !l.name.starts_with("synthetic")) {
        for dir in [None, Some("/nowhere".into())] {
            let error = open(&DataConfig::new(listing.name, dir)).unwrap_err();
            assert!(matches!(error, Error::Missing { .. }), "{error}");
            assert!(error.to_string().contains("name the folder of"), "{error}");
        }
    }
    assert!(matches!(open(&DataConfig::new("nothing", None)), Err(Error::Config { .. })));
    assert_eq!("fashion_mnist_dvs".parse::<DatasetName>().unwrap(), DatasetName::FashionMnistDvs);
}

#[test]
fn settings_out_of_range_are_refused() {
    let config = DataConfig::new("synthetic", None);
    let wrong = [
        DataConfig { t_steps: 0, ..config.clone() },
        DataConfig { size: Some(0), ..config.clone() },
        DataConfig { size: Some(usize::MAX), ..config.clone() },
        DataConfig { limit_test: Some(0), ..config.clone() },
    ];
    for config in wrong {
        assert!(matches!(open(&config), Err(Error::Config { .. })), "{config:?}");
    }
}

#[test]
fn numbers_beyond_the_memory_are_refused() {
    for name in ["synthetic", "synthetic_events"] {
        let config = DataConfig::new(name, None);
        let wrong = [
            DataConfig { limit_train: Some(usize::MAX), ..config.clone() },
            DataConfig { limit_test: Some(usize::MAX / 3 - 1), ..config.clone() },
            DataConfig { limit_train: Some(1 << 40), ..config.clone() },
            DataConfig { size: Some(MAX_SIZE), ..config.clone() },
            DataConfig { size: Some(MAX_SIZE + 1), ..config.clone() },
            DataConfig { t_steps: MAX_T_STEPS + 1, ..config.clone() },
        ];
        for config in wrong {
            assert!(matches!(open(&config), Err(Error::Config { .. })), "{config:?}");
        }
    }
    let config = DataConfig::new("synthetic_events", None);
    let config = DataConfig { t_steps: MAX_T_STEPS, size: Some(512), ..config };
    assert!(matches!(open(&config), Err(Error::Config { .. })));
}

#[test]
fn opening_tells_how_far_it_is_and_can_be_stopped() {
    let config = DataConfig { size: Some(8), ..DataConfig::new("synthetic", None) };
    let mut seen = Vec::new();
    let splits = open_with(&config, &mut |progress| {
        seen.push((progress.done, progress.total));
        true
    });
    assert_eq!(splits.unwrap().train.len(), 512);
    assert_eq!((seen[0], seen[511], seen[512]), ((0, 512), (511, 512), (0, 128)));
    for dir in [None, Some(repository_data())] {
        let name = if dir.is_none() { "synthetic_events" } else { "fashion_mnist_dvs" };
        let mut calls = 0;
        let stopped = open_with(&DataConfig::new(name, dir), &mut |_| {
            calls += 1;
            calls < 2
        });
        assert!(matches!(stopped, Err(Error::Stopped)));
        assert_eq!(calls, 2);
    }
}

#[test]
fn one_set_is_not_read_as_another() {
    let dir = tempfile::tempdir().unwrap();
    // The folder's name decides nothing.
    let copy = dir.path().join("mnist");
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(repository_data().join("fashion-mnist")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let open = |name: &str, dir: &Path| open(&DataConfig::new(name, Some(dir.to_path_buf())));
    for dir in [dir.path(), &copy] {
        let error = open("mnist", dir).unwrap_err();
        assert!(matches!(error, Error::Mismatch { .. }), "{error}");
        assert!(error.to_string().contains("holds fashion_mnist, not mnist"), "{error}");
    }
    assert_eq!(open("fashion_mnist", &copy).unwrap().train.len(), 6000);
    let Some(shared) = shared_data() else { return };
    let error = open("fashion_mnist", &shared.join("mnist")).unwrap_err();
    assert!(error.to_string().contains("holds mnist, not fashion_mnist"), "{error}");
}

#[test]
fn split_that_the_files_are_not_is_refused() {
    let config = DataConfig::new("fashion_mnist", Some(repository_data()));
    let config = |split: &str| DataConfig { split: Some(split.into()), ..config.clone() };
    assert!(open(&config("subset-600-per-class")).is_ok());
    let error = open(&config("official")).unwrap_err().to_string();
    assert!(error.contains("those of fashion-mnist/subset-600-per-class"), "{error}");
    assert!(open(&config("tebn")).unwrap_err().to_string().contains("fashion-mnist/official"));
}

/// POKER-DVS with `files` recordings of two events each, and one without if `empty`.
fn tiny_poker(dir: &Path, files: usize, empty: Option<usize>) {
    for i in 0..files {
        let suit = ["club", "diamond", "heart", "spade"][i % 4];
        let mut bytes = b"#!AER-DAT2.0\r\n".to_vec();
        if empty != Some(i) {
            bytes.extend([0, 0, 3, 5, 0, 0, 0, 9, 0, 0, 3, 5, 0, 0, 0, 99]);
        }
        std::fs::write(dir.join(format!("n{i:03}_{suit}.aedat")), bytes).unwrap();
    }
}

#[test]
fn split_says_what_was_read_and_empty_recordings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    tiny_poker(dir.path(), 7, None);
    let config = DataConfig::new("poker_dvs", Some(dir.path().into()));
    let splits = open(&config).unwrap();
    assert_eq!((splits.train.len(), splits.test.len()), (4, 3));
    assert_eq!(splits.train.split(), "poker-dvs/even-odd-subset-4-3");
    tiny_poker(dir.path(), 7, Some(5));
    let error = open(&config).unwrap_err().to_string();
    assert!(error.contains("n005_diamond.aedat") && error.contains("no events"), "{error}");
}

#[test]
fn big_files_are_refused_before_they_are_read() {
    let path = repository_data().join("fashion-mnist/t10k-images-idx3-ubyte.gz");
    let limits = Limits { file_bytes: 1000, ..Limits::default() };
    let error = read_file(&path, &limits).unwrap_err();
    assert!(matches!(error, Error::Limit { what: "file_bytes", .. }), "{error}");
}
