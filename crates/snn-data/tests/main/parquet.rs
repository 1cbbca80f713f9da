//! ImageNet in Parquet shards, on small ones that `tests/files/parquet/make_parquet.py` made.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use snn_data::format::{parquet, read_file};
use snn_data::{Augment, DataConfig, Error, Limits, open};

use crate::unsafe_counting::peak_of;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/parquet")
}

const FILES: [&str; 3] = [
    "train-00000-of-00002.parquet",
    "train-00001-of-00002.parquet",
    "validation-00000-of-00001.parquet",
];

#[test]
fn imagenet_opens_from_shards() {
    let config = DataConfig { size: Some(2), ..DataConfig::new("imagenet", Some(folder())) };
    let splits = open(&config).unwrap();
    assert_eq!(splits.train.split(), "imagenet/subset-7-3");
    assert_eq!(splits.train.labels(), [0, 1, 0, 999, 1, 7, 7]);
    assert_eq!(splits.test.labels(), [3, 4, 3]);
    assert_eq!((splits.train.num_classes(), splits.train.sample_shape()), (1000, vec![3, 2, 2]));
    // Picture i is of the color (10 i, 20 i, 30 i) as far as a byte goes, whichever file, group and page it is in.
    for (set, first) in [(&splits.train, 0), (&splits.test, 7)] {
        for index in (0..set.len()).rev() {
            let x = set.sample(index, &Augment::default(), None).unwrap().x;
            for (channel, plane) in x.chunks(4).enumerate() {
                let expected = (10 * (channel + 1) * (first + index)).min(255) as f32;
                for x in plane {
                    let x = 255.0 * (x * set.std()[channel] + set.mean()[channel]);
                    assert!((x - expected).abs() < 0.01, "{index}: {x} for {expected}");
                }
            }
        }
    }
    let limited = open(&DataConfig { limit_train: Some(4), ..config }).unwrap();
    assert_eq!(limited.train.labels(), [0, 1, 999, 7]);
    let sample =
        |set: &snn_data::Dataset, index| set.sample(index, &Augment::default(), None).unwrap();
    assert_eq!(sample(&limited.train, 3), sample(&splits.train, 5));
    assert_ne!(limited.train.members(), splits.train.members());
}

#[test]
fn labels_that_imagenet_has_not_and_files_that_are_gone_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for name in FILES {
        std::fs::copy(folder().join(name), dir.path().join(name)).unwrap();
    }
    let splits = open(&DataConfig::new("imagenet", Some(dir.path().into()))).unwrap();
    std::fs::remove_file(dir.path().join(FILES[1])).unwrap();
    let error = splits.train.sample(5, &Augment::default(), None).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains(FILES[1]), "{error}");
    // The first of two labels 7 in 64 bits becomes 1031.
    let path = dir.path().join(FILES[1]);
    let mut bytes = std::fs::read(folder().join(FILES[1])).unwrap();
    let sevens = [7, 0, 0, 0, 0, 0, 0, 0].repeat(2);
    let at = bytes.windows(16).position(|at| at == sevens).unwrap();
    bytes[at + 1] = 4;
    std::fs::write(&path, bytes).unwrap();
    let error = open(&DataConfig::new("imagenet", Some(dir.path().into()))).unwrap_err();
    assert!(matches!(error, Error::Label { record: 0, got: 1031, .. }), "{error}");
}

/// Everything that is read of a shard, in little memory.
fn answer(bytes: &[u8], limits: &Limits) -> snn_data::Result<Vec<Vec<u8>>> {
    let path = Path::new("shard");
    let (read, peak) = peak_of(|| {
        let mut file = Cursor::new(bytes);
        let shard = parquet(&mut file, limits, path)?;
        (0..shard.labels().len().min(9))
            .map(|i| shard.picture(&mut file, i, limits, path))
            .collect()
    });
    assert!(peak < 2 << 20, "{peak}");
    if let Err(error) = &read {
        let text = error.to_string();
        assert!(text.starts_with("shard: ") && text.lines().count() == 1, "{text}");
    }
    read
}

#[test]
fn damage_is_answered() {
    for name in FILES {
        let limits = Limits::default();
        let bytes = read_file(&folder().join(name), &limits).unwrap();
        assert!(answer(&bytes, &limits).is_ok());
        for n in 0..bytes.len() {
            assert!(answer(&bytes[..n], &limits).is_err(), "{n}");
        }
        for bit in 0..8 * bytes.len() {
            let mut turned = bytes.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            let _ = answer(&turned, &limits);
        }
        let few = Limits { header_bytes: 99, ..Limits::default() };
        let error = answer(&bytes, &few).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "header_bytes", .. }), "{error}");
    }
    let limits = Limits::default();
    let null = read_file(&folder().join("null.parquet"), &limits).unwrap();
    assert!(answer(&null, &limits).unwrap_err().to_string().contains("without picture or label"));
    let bytes = read_file(&folder().join(FILES[0]), &limits).unwrap();
    let few = Limits { file_bytes: 99, ..Limits::default() };
    assert!(matches!(answer(&bytes, &few).unwrap_err(), Error::Limit { what: "file_bytes", .. }));
}

#[test]
fn half_a_million_small_structs_take_no_more_than_their_bytes() {
    // The schema: a list of structs, each of one truth, which is two bytes.
    let structs = [0x11, 0].repeat(500_000);
    let footer = [&[0x29, 0xfc, 0xa0, 0xc2, 0x1e][..], &structs, &[0]].concat();
    let len = (footer.len() as u32).to_le_bytes();
    let bytes = [b"PAR1", &footer[..], &len, b"PAR1"].concat();
    let error = answer(&bytes, &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("the columns image {bytes} and label are needed"), "{error}");
}
