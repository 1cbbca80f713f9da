//! Data sets of which there is no real copy here: small ones in their true format, made by the tests.

use std::path::Path;

use snn_data::{
    Augment, CacheConfig, DataConfig, Dataset, Error, FrameBy, Splits, cache_entries, open,
};

use crate::util::per_class;

const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// AEDAT 2.0 of events (x address, y address, bit 0, t).
fn aedat2(events: &[(u8, u8, u8, u32)]) -> Vec<u8> {
    let mut bytes = b"#!AER-DAT2.0\r\n# made by a test\r\n".to_vec();
    for &(x, y, bit, t) in events {
        bytes.extend([0, 0, y, x << 1 | bit]);
        bytes.extend(t.to_be_bytes());
    }
    bytes
}

/// CIFAR10-DVS with recordings `numbers` of every class, told apart by the number of their events.
fn dvs_cifar10(root: &Path, numbers: &[u32]) {
    for class in CLASSES {
        for &number in numbers {
            let events: Vec<_> =
                (0..=number % 100).map(|i| (i as u8, 3, 0, 1000 + 7 * i)).collect();
            write(
                &root.join(class).join(format!("cifar10_{class}_{number}.aedat")),
                &aedat2(&events),
            );
        }
    }
}

fn config(name: &str, dir: &Path) -> DataConfig {
    let config = DataConfig::new(name, Some(dir.into()));
    DataConfig { t_steps: 2, frames_by: FrameBy::Count, ..config }
}

fn sums(set: &Dataset) -> Vec<f32> {
    let sample = |index| set.sample(index, &Augment::default(), None).unwrap();
    (0..set.len()).map(|index| sample(index).x.iter().sum()).collect()
}

#[test]
fn dvs_cifar10_is_divided_by_the_numbers_of_its_files() {
    let dir = tempfile::tempdir().unwrap();
    dvs_cifar10(&dir.path().join("dvs-cifar10"), &[2, 10, 99, 100, 899, 900, 950]);
    let opened = |split: Option<&str>| {
        let split = split.map(str::to_owned);
        open(&DataConfig { split, ..config("dvs_cifar10", dir.path()) }).unwrap()
    };
    let first = opened(None);
    assert_eq!(first.train.split(), "dvs-cifar10/first-900-per-class-subset-50-20");
    assert_eq!((per_class(first.train.labels(), 10), first.train.num_classes()), (vec![5; 10], 10));
    assert_eq!(first.train.sample_shape(), [2, 2, 128, 128]);
    // In the order of the numbers: 2, 10, 99, 100, 899 hold 3, 11, 100, 1, 100 events.
    assert_eq!(sums(&first.train)[..5], [3.0, 11.0, 100.0, 1.0, 100.0]);
    assert_eq!(sums(&first.test)[..2], [1.0, 51.0]);
    let tebn = opened(Some("tebn"));
    assert_eq!(tebn.train.split(), "dvs-cifar10/tebn-subset-40-30");
    assert_eq!(sums(&tebn.test)[..3], [3.0, 11.0, 100.0]);
    assert_ne!(tebn.members(), first.members());
    let wider = DataConfig { t_steps: 5, ..config("dvs_cifar10", dir.path()) };
    let wider = open(&wider).unwrap();
    assert_eq!(wider.members(), first.members());
    assert_ne!(wider.train.hash(), first.train.hash());
    // Column 127 - y address, row 127 - x address, bit 0 = ON.
    let x = first.train.sample(3, &Augment::default(), None).unwrap().x;
    let at = x.iter().position(|&value| value == 1.0).unwrap();
    assert_eq!(at, (2 + 1) * 128 * 128 + 127 * 128 + 124);
}

#[test]
fn random_split_is_always_the_same_tenth() {
    let dir = tempfile::tempdir().unwrap();
    dvs_cifar10(dir.path(), &(0..20).collect::<Vec<_>>());
    let config = DataConfig {
        split: Some("dvs-cifar10/seeded-random".into()),
        ..config("dvs_cifar10", dir.path())
    };
    let splits = open(&config).unwrap();
    assert_eq!(per_class(splits.test.labels(), 10), [2; 10]);
    assert_eq!(per_class(splits.train.labels(), 10), [18; 10]);
    // Pinned: a split that moves would let test samples into the training of an older model.
    assert_eq!(sums(&splits.test)[..6], [2.0, 5.0, 5.0, 6.0, 16.0, 19.0]);
}

/// NumPy's plain array of rows t, x, y, p in 64 bits.
fn npy(rows: &[[u64; 4]]) -> Vec<u8> {
    let n = rows.len();
    let header = format!("{{'descr': '<u8', 'fortran_order': False, 'shape': ({n}, 4), }}\n");
    let mut bytes = [b"\x93NUMPY\x01\0".as_slice(), &[header.len() as u8, 0]].concat();
    bytes.extend(header.bytes());
    bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn poker_is_also_divided_as_tonic_does() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("poker-dvs/tonic");
    for (side, suit, n) in [
        ("train", "cl", 11),
        ("train", "di", 1),
        ("train", "he", 1),
        ("test", "sp", 2),
        ("test", "cl", 0),
    ] {
        std::fs::create_dir_all(root.join(format!("pips_{side}/{suit}"))).unwrap();
        for i in 0..n {
            let events: Vec<_> = (0..=i).map(|t| [t, 32, 34, 1]).collect();
            write(&root.join(format!("pips_{side}/{suit}/{i}.npy")), &npy(&events));
        }
    }
    for side in ["train/sp", "test/di", "test/he"] {
        std::fs::create_dir_all(root.join(format!("pips_{side}"))).unwrap();
    }
    let config = DataConfig { split: Some("tonic".into()), ..config("poker_dvs", dir.path()) };
    let splits = open(&config).unwrap();
    assert_eq!(splits.train.split(), "poker-dvs/tonic-subset-13-2");
    assert_eq!(
        (per_class(splits.train.labels(), 4), splits.test.labels()),
        (vec![11, 1, 1, 0], &[3, 3][..])
    );
    assert_eq!(splits.train.sample_shape(), [2, 2, 35, 35]);
    // By number: 10.npy comes after 9.npy.
    assert_eq!(sums(&splits.train)[8..], [9.0, 10.0, 11.0, 1.0, 1.0]);
    let x = splits.test.sample(0, &Augment::default(), None).unwrap().x;
    assert_eq!(x.iter().position(|&value| value == 1.0), Some(3 * 35 * 35 + 34 * 35 + 32));
    let whole = open(&DataConfig { split: None, ..config }).unwrap_err();
    assert!(whole.to_string().contains("*.aedat"), "{whole}");
}

/// ATIS events (x, y, t) of polarity ON.
fn atis(events: &[(u8, u8, u8)]) -> Vec<u8> {
    events.iter().flat_map(|&(x, y, t)| [x, y, 0x80, 0, t]).collect()
}

#[test]
fn ncaltech101_is_cut_to_its_events_and_resized() {
    let dir = tempfile::tempdir().unwrap();
    for (class, n) in [("BACKGROUND_Google", 5), ("Faces_easy", 10), ("accordion", 15)] {
        for i in 0..n {
            // 60 x 100 pixels with an event in every corner, and one in the middle of the first row.
            let (left, top) = (7 + i, 20);
            let corners = [(0, 0, 0), (59, 0, 1), (0, 99, 2), (59, 99, 3)]
                .map(|(x, y, t)| (left + x, top + y, t));
            let path = format!("Caltech101/{class}/image_{:04}.bin", i + 1);
            write(&dir.path().join(path), &atis(&corners));
        }
    }
    let splits = open(&config("ncaltech101", dir.path())).unwrap();
    assert_eq!(splits.train.split(), "ncaltech101/first-9-of-10-subset-27-3");
    assert_eq!(splits.train.class_names(), ["BACKGROUND_Google", "Faces_easy", "accordion"]);
    assert_eq!(per_class(splits.train.labels(), 3), [4, 9, 14]);
    let sample = splits.train.sample(3, &Augment::default(), None).unwrap();
    assert_eq!(sample.shape, [2, 2, 48, 48]);
    let ones: Vec<usize> = (0..sample.x.len()).filter(|&at| sample.x[at] == 1.0).collect();
    let (plane, on) = (48 * 48, 1);
    assert_eq!(ones, [on * plane, on * plane + 47, 3 * plane + 47 * 48, 3 * plane + 47 * 48 + 47]);
    let without = DataConfig {
        split: Some("first-9-of-10-without-background".into()),
        ..config("ncaltech101", dir.path())
    };
    let without = open(&without).unwrap();
    assert_eq!(without.train.class_names(), ["Faces_easy", "accordion"]);
    assert_eq!(without.train.split(), "ncaltech101/first-9-of-10-without-background-subset-23-2");
}

fn with_cache(data: &Path, cache: &Path, t_steps: usize) -> Splits {
    let cache = Some(CacheConfig { dir: cache.into(), max_bytes: 1 << 30 });
    open(&DataConfig { cache, t_steps, ..config("dvs_cifar10", data) }).unwrap()
}

#[test]
fn cache_changes_no_value_and_is_never_stale() {
    let (data, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    dvs_cifar10(data.path(), &[1, 2, 900]);
    let plain = sums(&open(&config("dvs_cifar10", data.path())).unwrap().train);
    let cached = with_cache(data.path(), cache.path(), 2);
    for _ in 0..3 {
        assert_eq!(sums(&cached.train), plain);
    }
    assert_eq!(sums(&with_cache(data.path(), cache.path(), 2).train), plain);
    let entries = cache_entries(cache.path()).unwrap();
    // Equal files are one entry: ten classes, two contents.
    assert_eq!((entries.len(), entries[0].samples), (1, 2), "{entries:?}");
    assert!(entries[0].about.starts_with("dvs_cifar10: aedat2"), "{entries:?}");
    // The same length and, as near as a clock allows, the same time: the content decides.
    let path = data.path().join("airplane/cifar10_airplane_1.aedat");
    write(&path, &aedat2(&[(5, 5, 0, 1), (5, 6, 1, 2)]));
    let first = |set: &Dataset| set.sample(0, &Augment::default(), None);
    assert!(matches!(first(&cached.train), Err(Error::Changed { .. })));
    let moved = first(&with_cache(data.path(), cache.path(), 2).train).unwrap();
    write(&path, &aedat2(&[(9, 9, 0, 1), (9, 6, 1, 2)]));
    assert_ne!(first(&with_cache(data.path(), cache.path(), 2).train).unwrap(), moved);
    assert_eq!(sums(&with_cache(data.path(), cache.path(), 3).train).len(), 20);
    assert_eq!(cache_entries(cache.path()).unwrap().len(), 2);
}

#[test]
fn file_that_changes_late_is_found() {
    let (data, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    dvs_cifar10(data.path(), &[1, 900]);
    let path = data.path().join("airplane/cifar10_airplane_1.aedat");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    let set_time = || std::fs::File::options().write(true).open(&path).unwrap().set_modified(old);
    set_time().unwrap();
    let cached = with_cache(data.path(), cache.path(), 2);
    let first = cached.train.sample(0, &Augment::default(), None).unwrap();
    assert_eq!(cached.train.sample(0, &Augment::default(), None).unwrap(), first);
    // Length and time of modification are those of before.
    let before = std::fs::read(&path).unwrap();
    write(&path, &aedat2(&[(9, 9, 0, 1), (9, 6, 1, 2)]));
    set_time().unwrap();
    let error = cached.train.sample(0, &Augment::default(), None).unwrap_err().to_string();
    assert!(error.contains("cifar10_airplane_1.aedat") && error.contains("changed"), "{error}");
    let again = with_cache(data.path(), cache.path(), 2);
    assert_ne!(again.train.hash(), cached.train.hash());
    assert_eq!(again.train.members(), cached.train.members());
    assert_ne!(again.train.sample(0, &Augment::default(), None).unwrap(), first);
    // The same content at another time is the same file.
    write(&path, &before);
    assert_eq!(cached.train.sample(0, &Augment::default(), None).unwrap(), first);
}

#[test]
fn recordings_that_are_missing_or_empty_are_named() {
    let dir = tempfile::tempdir().unwrap();
    dvs_cifar10(dir.path(), &[1, 900]);
    let splits = open(&config("dvs_cifar10", dir.path())).unwrap();
    let path = dir.path().join("cat/cifar10_cat_1.aedat");
    write(&path, &aedat2(&[]));
    assert!(matches!(
        splits.train.sample(3, &Augment::default(), None),
        Err(Error::Changed { .. })
    ));
    let splits = open(&config("dvs_cifar10", dir.path())).unwrap();
    let error = splits.train.sample(3, &Augment::default(), None).unwrap_err().to_string();
    assert!(error.contains("cifar10_cat_1.aedat") && error.contains("no events"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = splits.train.sample(3, &Augment::default(), None).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

/// AEDAT 3.1 of one packet of ON events (x, y, t).
fn aedat31(events: &[(u32, u32, u32)]) -> Vec<u8> {
    let mut bytes = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n".to_vec();
    let n = events.len() as i32;
    bytes.extend([1i16, 0].iter().flat_map(|x| x.to_le_bytes()));
    bytes.extend([8, 4, 0, n, n, n].iter().flat_map(|x: &i32| x.to_le_bytes()));
    for &(x, y, t) in events {
        bytes.extend((x << 17 | y << 2 | 3).to_le_bytes());
        bytes.extend(t.to_le_bytes());
    }
    bytes
}

#[test]
fn dvs_gesture_is_divided_by_its_lists() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("DvsGesture");
    let events: Vec<_> = (0..100).map(|t| (t, 5, 10 * t)).collect();
    for user in ["user01_led", "user02_led", "user24_led"] {
        write(&root.join(format!("{user}.aedat")), &aedat31(&events));
        let labels = "class,startTime_usec,endTime_usec\n2,0,300\n11,300,350\n";
        write(&root.join(format!("{user}_labels.csv")), labels.as_bytes());
    }
    write(&root.join("trials_to_train.txt"), b"user02_led.aedat\nuser01_led.aedat\n\n");
    write(&root.join("trials_to_test.txt"), b"user24_led.aedat\n");
    let splits = open(&config("dvs_gesture", dir.path())).unwrap();
    assert_eq!(splits.train.split(), "dvs-gesture/subset-4-2");
    assert_eq!((splits.train.labels(), splits.test.labels()), (&[1, 10, 1, 10][..], &[1, 10][..]));
    assert_eq!(splits.train.class_names()[10], "other gestures");
    // 0 <= t < 300 and 300 <= t < 350: thirty events and five.
    assert_eq!(sums(&splits.train), [30.0, 5.0, 30.0, 5.0]);
    let x = splits.train.sample(1, &Augment::default(), None).unwrap().x;
    // The first of five, the 31st of all, is ON at (30, 5).
    assert_eq!(x.iter().position(|&value| value == 1.0), Some(128 * 128 + 5 * 128 + 30));
    write(&root.join("trials_to_test.txt"), b"../user24_led.aedat\n");
    assert!(matches!(open(&config("dvs_gesture", dir.path())), Err(Error::Missing { .. })));
}

#[test]
fn gestures_of_a_recording_are_made_and_change_together() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = data.path().join("a.aedat");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    let record = |events: &[(u32, u32, u32)]| {
        write(&path, &aedat31(events));
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    };
    let labels = b"class,startTime_usec,endTime_usec\n1,0,5\n2,5,9\n3,9,12\n";
    write(&data.path().join("a_labels.csv"), labels);
    for list in ["trials_to_train.txt", "trials_to_test.txt"] {
        write(&data.path().join(list), b"a.aedat\n");
    }
    record(&[(1, 1, 4), (1, 1, 5), (2, 2, 8), (3, 3, 11)]);
    let cache = Some(CacheConfig { dir: dir.path().into(), max_bytes: 1 << 30 });
    let config = DataConfig { cache, ..config("dvs_gesture", data.path()) };
    let opened = || open(&config).unwrap().train;
    let set = opened();
    let stored = || cache_entries(dir.path()).unwrap()[0].samples;
    assert_eq!(stored(), 0);
    set.sample(1, &Augment::default(), None).unwrap();
    assert_eq!(stored(), 3, "the recording was decoded for one of its gestures");
    for _ in 0..2 {
        assert_eq!(sums(&set), [1.0, 2.0, 1.0]);
    }
    record(&[(1, 1, 4), (1, 1, 3), (2, 2, 8), (3, 3, 10)]);
    let gesture = |set: &Dataset, index| set.sample(index, &Augment::default(), None);
    assert!((0..3).all(|index| matches!(gesture(&set, index), Err(Error::Changed { .. }))));
    assert_eq!(sums(&opened()), [2.0, 1.0, 1.0]);
    assert_eq!(stored(), 6);
    // A gesture without events is its own fault.
    record(&[(1, 1, 4), (1, 1, 3), (2, 2, 8)]);
    let set = opened();
    set.sample(0, &Augment::default(), None).unwrap();
    let error = set.sample(2, &Augment::default(), None).unwrap_err().to_string();
    assert!(error.contains("a.aedat") && error.contains("no events"), "{error}");
    assert_eq!(stored(), 8);
}

#[test]
fn ncars_is_divided_by_its_folders() {
    let dir = tempfile::tempdir().unwrap();
    // Prophesee's .dat of one event at (3, 4).
    let mut dat = b"% Version 2\n\x0c\x08".to_vec();
    dat.extend([9u32, 1 << 28 | 4 << 14 | 3].iter().flat_map(|word| word.to_le_bytes()));
    for (side, class, n) in [("train", "cars", 3), ("train", "background", 2), ("test", "cars", 1)]
    {
        for i in 0..n {
            let name = format!("n-cars_{side}/{class}/obj_{i:06}_td.dat");
            write(&dir.path().join(name), &dat);
        }
    }
    std::fs::create_dir_all(dir.path().join("n-cars_test/background")).unwrap();
    let splits = open(&config("ncars", dir.path())).unwrap();
    assert_eq!(splits.train.split(), "ncars/subset-5-1");
    assert_eq!((splits.train.labels(), splits.test.labels()), (&[0, 0, 1, 1, 1][..], &[1][..]));
    assert_eq!(splits.train.sample_shape(), [2, 2, 100, 120]);
    assert_eq!(splits.train.class_names(), ["background", "cars"]);
    assert_eq!(sums(&splits.train), [1.0; 5]);
    let x = splits.train.sample(4, &Augment::default(), None).unwrap().x;
    let [step, row] = [2 * 100 * 120, 120];
    // One event ends the last of two frames of equally many events.
    assert_eq!(x.iter().position(|&value| value == 1.0), Some(step + 100 * 120 + 4 * row + 3));
}
