//! What data sets are known by in results: their hashes stay what they are while readers are rewritten.

use std::path::Path;

use sha2::{Digest, Sha256};
use snn_data::{Augment, DataConfig, Dataset, Normalize, Splits, open};
use snn_needs::shared_data;

use crate::util::repository_data;

/// Of both sides the hash of the data as results of the first versions have it, of the members and of the first samples as a
/// model takes them.
fn hashes(splits: &Splits) -> [String; 3] {
    let hex = |bytes: &[u8]| bytes.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let of = |text: String| hex(&Sha256::digest(text));
    let values = |set: &Dataset| {
        let samples =
            (0..set.len().min(5)).map(|i| set.sample(i, &Augment::default(), None).unwrap());
        samples.flat_map(|sample| sample.x).flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()
    };
    let values: String =
        hex(&Sha256::digest([values(&splits.train), values(&splits.test)].concat()));
    let former = format!("{} {}", splits.train.former_hash(), splits.test.former_hash());
    [of(former), of(splits.members()), values]
}

/// Sets whose files are read when a sample is asked for, and the hash of their contents; of the others it is the former.
const BY_CONTENT: [(&str, &str); 3] = [
    ("tiny_imagenet", "d086bf69f566"),
    ("cub200", "b6715ce92420"),
    ("lidar_objects", "439435972b5f"),
];

/// A set, its split and size, and [`hashes`] of its first 60 samples a side at T = 4.
type Known = (&'static str, Option<&'static str>, Option<usize>, [&'static str; 3]);

fn check(dir: &Path, known: &[Known]) {
    let mut wrong = Vec::new();
    for &(name, split, size, expected) in known {
        let config = DataConfig {
            t_steps: 4,
            size,
            normalize: Normalize::Training,
            split: split.map(str::to_owned),
            limit_train: Some(60),
            limit_test: Some(60),
            ..DataConfig::new(name, Some(dir.into()))
        };
        let splits = open(&config).unwrap();
        let found = hashes(&splits);
        let text = format!("{} {}", splits.train.hash(), splits.test.hash());
        let now: String = Sha256::digest(text).iter().take(6).map(|b| format!("{b:02x}")).collect();
        let by_content = BY_CONTENT.iter().find(|(set, _)| *set == name);
        assert_eq!(now, by_content.map_or(expected[0], |(_, hash)| *hash), "{name}");
        if found != expected {
            wrong.push(format!("{name} {split:?} {size:?}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn data_sets_keep_their_hashes() {
    let embedded = [
        ("fashion_mnist", None, None, ["3fcfaea899b8", "de56a6c3ca97", "95dce0af58e6"]),
        ("fashion_mnist", None, Some(20), ["47885054bf14", "de56a6c3ca97", "fa2ad5e3a8af"]),
        ("fashion_mnist_dvs", None, None, ["5e6d37e76b76", "de56a6c3ca97", "979e194ed6ad"]),
        ("fashion_mnist_dvs", None, Some(16), ["e9e63c48e2b3", "de56a6c3ca97", "d9e626eeabee"]),
        ("synthetic", None, None, ["807072a7c665", "8b7cb7005408", "63a8293ed2bf"]),
        ("synthetic_events", None, None, ["960bb78c5f96", "8b7cb7005408", "f9b632c9a6f1"]),
    ];
    check(&repository_data(), &embedded);
    let Some(dir) = shared_data() else { return };
    let shared = [
        ("mnist", None, Some(32), ["996a68a20a02", "b5f083a5eaeb", "09ae212dbaae"]),
        ("cifar10", None, None, ["3200d67ed45b", "1045839bd184", "6576a8e75887"]),
        ("cifar10", None, Some(48), ["0c92f84b03c3", "1045839bd184", "d15bf57fa474"]),
        ("cifar100", None, None, ["ece93a5bc8e1", "f0608e210f6c", "934d71a9f1bc"]),
        ("nmnist", None, None, ["cedb98a13f41", "d193f3c9acbf", "b54f9e240653"]),
        ("nmnist", None, Some(17), ["44ca103698e6", "d193f3c9acbf", "ec676e963e7b"]),
        ("poker_dvs", None, None, ["e02cf4fcd243", "6252c2a62ebd", "950131e1b773"]),
        ("tiny_imagenet", None, None, ["fbb371884d10", "4ff06cb52c61", "bbc9fbb64347"]),
        ("cub200", None, Some(64), ["884da56afc1c", "602acade657b", "a6fb853d38e3"]),
        ("lidar_objects", None, None, ["c7e4cef3985b", "fa8f82a9a982", "00e17c725f1f"]),
        ("cwru", None, None, ["9f66786ddcec", "ecf67b0408f4", "e0f90a6e4b53"]),
        (
            "cwru",
            Some("first-60-percent-faults"),
            Some(512),
            ["4573f5a5d6bb", "f8be79eb3fad", "ef2976c35484"],
        ),
        ("mfpt", None, None, ["35df60fb0141", "b8914968c375", "2424f7d46898"]),
    ];
    check(&dir, &shared);
}
