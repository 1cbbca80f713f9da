//! The ways to divide a data set into training and test samples, by name.
//!
//! Results on different splits of one data set cannot be compared, so every result carries the split's name and the
//! hash of its members ([`Splits::members`](crate::Splits::members)).

use crate::{DataConfig, Error, Result};

/// A way to divide a whole data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Such as `poker-dvs/even-odd`; results print it.
    pub name: &'static str,
    /// Training samples of the whole set; 0 where that depends on the settings or the folder.
    pub train: usize,
    /// Test samples of the whole set.
    pub test: usize,
    /// Which sample goes where.
    pub what: &'static str,
}

impl Split {
    const fn new(name: &'static str, (train, test): (usize, usize), what: &'static str) -> Self {
        Self { name, train, test, what }
    }

    /// The rule alone: the name after the slash.
    pub(crate) fn rule(&self) -> &'static str {
        self.name.split_once('/').map_or(self.name, |(_, rule)| rule)
    }
}

/// The split that `config` asks for by its name or its rule, else the first.
pub(crate) fn chosen(splits: &'static [Split], config: &DataConfig) -> Result<&'static Split> {
    let asked = config.split.as_deref();
    let is_asked =
        |split: &&Split| asked.is_none_or(|asked| asked == split.name || asked == split.rule());
    splits.iter().find(is_asked).ok_or_else(|| {
        let known: Vec<&str> = splits.iter().map(|split| split.name).collect();
        let (asked, known) = (asked.unwrap_or(""), known.join(", "));
        Error::config("split", format!("{asked:?} is not a split of this data set; use {known}"))
    })
}

/// The name of what was read: of the split whose numbers these are, else of a part of the first split.
///
/// A part of an official split is `<set>/subset-<train>-<test>`, of another `<set>/<rule>-subset-<train>-<test>`;
/// the limits that bite are added.
pub(crate) fn name_of(
    splits: &[Split],
    (train, test): (usize, usize),
    config: &DataConfig,
) -> String {
    let whole = splits.iter().find(|split| (split.train, split.test) == (train, test));
    let mut name = match (whole, splits.first()) {
        (Some(split), _) => split.name.to_owned(),
        // How many windows or samples there are is the user's choice: the number is part of the name.
        (None, Some(first)) if first.train == 0 => format!("{}-{train}-{test}", first.name),
        (None, Some(first)) => {
            let base = match first.name.strip_suffix("/official") {
                Some(base) => format!("{base}/subset"),
                None => format!("{}-subset", first.name),
            };
            format!("{base}-{train}-{test}")
        }
        (None, None) => String::new(),
    };
    let left = |n: usize, limit: Option<usize>| limit.map_or(n, |limit| limit.min(n));
    let limited = (left(train, config.limit_train), left(test, config.limit_test));
    if limited != (train, test) {
        name += &format!("+limit-{}-{}", limited.0, limited.1);
    }
    for (side, snr) in [("train", config.train_snr), ("test", config.test_snr)] {
        if let Some(snr) = snr {
            name += &format!("+{side}-noise-{snr}-db");
        }
    }
    name
}

const FILES: &str = "as the files are named";
const GENERATED: &str = "by their number";

pub(crate) const FASHION_MNIST: &[Split] = &[
    Split::new("fashion-mnist/official", (60_000, 10_000), FILES),
    Split::new("fashion-mnist/subset-600-per-class", (6_000, 2_000), "the embedded part"),
];
pub(crate) const SYNTHETIC: &[Split] = &[Split::new("synthetic/generated", (512, 128), GENERATED)];
pub(crate) const MNIST: &[Split] = &[Split::new("mnist/official", (60_000, 10_000), FILES)];
pub(crate) const CIFAR10: &[Split] = &[Split::new("cifar10/official", (50_000, 10_000), FILES)];
pub(crate) const CIFAR100: &[Split] = &[Split::new("cifar100/official", (50_000, 10_000), FILES)];
const FOLD: &str =
    "of every class of both folders each fifth recording tests, counted from the fold's number";
pub(crate) const NMNIST: &[Split] = &[
    Split::new("nmnist/official", (60_000, 10_000), FILES),
    Split::new("nmnist/fold-1-of-5", (0, 0), FOLD),
    Split::new("nmnist/fold-2-of-5", (0, 0), FOLD),
    Split::new("nmnist/fold-3-of-5", (0, 0), FOLD),
    Split::new("nmnist/fold-4-of-5", (0, 0), FOLD),
    Split::new("nmnist/fold-5-of-5", (0, 0), FOLD),
];
pub(crate) const POKER_DVS: &[Split] = &[
    Split::new(
        "poker-dvs/even-odd",
        (66, 65),
        "files sorted by name: the 1st, 3rd, ... train, the others test; ours, the set comes undivided",
    ),
    Split::new(
        "poker-dvs/tonic",
        (48, 20),
        "Tonic's folders pips_train and pips_test of .npy files",
    ),
];
pub(crate) const DVS_CIFAR10: &[Split] = &[
    Split::new(
        "dvs-cifar10/first-900-per-class",
        (9_000, 1_000),
        "recordings 0 to 899 of every class train, 900 to 999 test; BrainCog and TKS take the first 900 in the order of \
         their file system, of which there is no list: the order by number is ours",
    ),
    Split::new(
        "dvs-cifar10/seeded-random",
        (9_000, 1_000),
        "a tenth of every class tests, drawn once from a fixed seed; the members are ours, papers that say random name none",
    ),
    Split::new(
        "dvs-cifar10/tebn",
        (9_000, 1_000),
        "recordings 100 to 999 of every class train, 0 to 99 test; higher figures than the others",
    ),
];
pub(crate) const NCALTECH101: &[Split] = &[
    Split::new(
        "ncaltech101/first-9-of-10",
        (7_839, 870),
        "the first nine tenths of every class train, the background is a class, as in BrainCog and TKS, which leave the \
         order to the file system: the order by number is ours",
    ),
    Split::new(
        "ncaltech101/first-9-of-10-without-background",
        (7_419, 823),
        "the first nine tenths of every one of the 100 classes that show an object train; the order by number is ours",
    ),
];
pub(crate) const DVS_GESTURE: &[Split] =
    &[Split::new("dvs-gesture/official", (1_176, 288), "by the lists of trials")];
pub(crate) const NCARS: &[Split] = &[Split::new("ncars/official", (15_422, 8_607), "by folder")];
pub(crate) const SHD: &[Split] =
    &[Split::new("shd/official", (8_156, 2_264), "as the files are named")];
pub(crate) const TINY_IMAGENET: &[Split] =
    &[Split::new("tiny-imagenet/official", (100_000, 10_000), "train and val")];
pub(crate) const IMAGE_FOLDER: &[Split] =
    &[Split::new("image-folder/by-folder", (0, 0), "the folders train and test or val")];
pub(crate) const IMAGENET: &[Split] =
    &[Split::new("imagenet/official", (1_281_167, 50_000), "train and val")];
pub(crate) const CUB200: &[Split] =
    &[Split::new("cub200/official", (5_994, 5_794), "by train_test_split.txt")];
pub(crate) const STANFORD_DOGS: &[Split] =
    &[Split::new("stanford-dogs/official", (12_000, 8_580), "by train_list and test_list")];
pub(crate) const STANFORD_CARS: &[Split] =
    &[Split::new("stanford-cars/official", (8_144, 8_041), "by the devkit's lists")];

const WINDOWS: &str = "windows of the first 60 % of every recording train, of the rest test; ours, papers divide windows at random";
const GAP: &str = "the first windows train; one window after them is in neither part";
const RANDOM: &str = "windows drawn at random train, for comparison with papers: neighbours of test windows train too";
pub(crate) const CWRU: &[Split] = &[
    Split::new("cwru/first-60-percent", (0, 0), WINDOWS),
    Split::new(
        "cwru/first-60-percent-faults",
        (0, 0),
        "windows as above, without the recording Normal",
    ),
    Split::new("cwru/first-60-percent-gap-faults", (0, 0), GAP),
    Split::new("cwru/random-60-percent-faults", (0, 0), RANDOM),
];
pub(crate) const MFPT: &[Split] = &[
    Split::new("mfpt/first-60-percent", (0, 0), WINDOWS),
    Split::new(
        "mfpt/first-60-percent-faults",
        (0, 0),
        "without the baseline: outer and inner race",
    ),
    Split::new("mfpt/first-60-percent-recordings", (0, 0), "every recording is a class of its own"),
    Split::new("mfpt/first-60-percent-gap-faults", (0, 0), GAP),
    Split::new("mfpt/first-60-percent-gap-recordings", (0, 0), GAP),
    Split::new("mfpt/random-60-percent-recordings", (0, 0), RANDOM),
    Split::new(
        "mfpt/first-80-percent-gap-15-classes",
        (0, 0),
        "the first baseline, and one class for each load of the outer and of the inner race",
    ),
    Split::new("mfpt/random-80-percent-15-classes", (0, 0), RANDOM),
];
pub(crate) const JNU: &[Split] = &[
    Split::new("jnu/first-60-percent", (0, 0), WINDOWS),
    Split::new("jnu/first-60-percent-gap", (0, 0), GAP),
    Split::new(
        "jnu/first-80-percent-gap-12-classes",
        (0, 0),
        "every state at each of 600, 800 and 1,000 rpm is a class",
    ),
    Split::new("jnu/random-80-percent-12-classes", (0, 0), RANDOM),
];
pub(crate) const MODELNET10: &[Split] =
    &[Split::new("modelnet10/official", (3_991, 908), "by folder")];
pub(crate) const MODELNET40: &[Split] =
    &[Split::new("modelnet40/official", (9_843, 2_468), "by folder")];
pub(crate) const LIDAR_OBJECTS: &[Split] = &[Split::new(
    "lidar-objects/even-odd",
    (249, 250),
    "even numbers train, odd ones test; ours, the set comes undivided",
)];
pub(crate) const POINT_FOLDER: &[Split] =
    &[Split::new("point-folder/by-folder", (0, 0), "the folders train and test")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_was_read() {
        let config = DataConfig::new("mnist", None);
        assert_eq!(name_of(MNIST, (60_000, 10_000), &config), "mnist/official");
        assert_eq!(name_of(MNIST, (59_999, 10_000), &config), "mnist/subset-59999-10000");
        assert_eq!(name_of(POKER_DVS, (65, 65), &config), "poker-dvs/even-odd-subset-65-65");
        let limited = DataConfig { limit_train: Some(2), limit_test: Some(11), ..config };
        assert_eq!(name_of(MNIST, (3, 9), &limited), "mnist/subset-3-9+limit-2-9");
        let embedded = name_of(FASHION_MNIST, (6_000, 2_000), &limited);
        assert_eq!(embedded, "fashion-mnist/subset-600-per-class+limit-2-11");
    }

    #[test]
    fn splits_are_chosen_by_name_or_rule() {
        let config = |split: Option<&str>| DataConfig {
            split: split.map(str::to_owned),
            ..DataConfig::new("poker_dvs", None)
        };
        for asked in [None, Some("poker-dvs/even-odd"), Some("even-odd")] {
            assert_eq!(chosen(POKER_DVS, &config(asked)).unwrap(), &POKER_DVS[0]);
        }
        let error = chosen(POKER_DVS, &config(Some("official"))).unwrap_err().to_string();
        assert!(error.contains("\"official\"") && error.contains("poker-dvs/even-odd"), "{error}");
    }
}
