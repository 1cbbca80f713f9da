//! `snn data check`: whether a data set is whole and readable, and what to do when it is not.

use std::path::{Path, PathBuf};

use snn_data::{Augment, DataConfig, Dataset, DatasetName, Listing, open};

use crate::output;

/// What is checked.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data set's name
    name: String,
    /// Its folder [default: the set's own below SNN_DATA or data/]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The split to check against [default: the data set's first]
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Decode every sample, not only the first of each class
    #[arg(long)]
    decode: bool,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let id: DatasetName = args.name.parse()?;
    let config = DataConfig {
        split: args.split.clone(),
        roots: super::roots(),
        ..DataConfig::new(&args.name, args.data.clone())
    };
    let splits = open(&config)?;
    super::notice(&splits);
    let (train, test) = (&splits.train, &splits.test);
    for set in [train, test] {
        let shape = set.sample_shape();
        let chosen = if args.decode { (0..set.len()).collect() } else { first_of_classes(set) };
        for index in chosen {
            let sample = set.sample(index, &Augment::default(), None)?;
            anyhow::ensure!(
                sample.x.iter().all(|x| x.is_finite()),
                "sample {index} of {shape:?} holds a value that is not finite"
            );
        }
    }
    let missing = id.listing().and_then(|listing| missing(listing, train, test));
    if args.json {
        let notices = splits.notices();
        let report = report(train, test, &splits.members(), missing.as_deref(), &notices);
        output::print(&report.to_string());
    } else {
        output::print(&format!(
            "{}: split {} (members {})",
            train.name(),
            train.split(),
            splits.members().get(..12).unwrap_or("")
        ));
        for (side, set) in [("train", train), ("test", test)] {
            let (fewest, most) = per_class(set);
            output::print(&format!(
                "  {side:<5} {} samples {:?}, {} classes of {fewest} to {most}",
                set.len(),
                set.sample_shape(),
                set.num_classes()
            ));
        }
        if !train.mean().is_empty() {
            output::print(&format!("  mean {:?}, deviation {:?}", train.mean(), train.std()));
        }
    }
    match missing {
        Some(missing) => Err(crate::exit::unusable(Path::new(&args.name), missing)),
        None => Ok(()),
    }
}

/// What the whole set has and this one has not.
fn missing(listing: &Listing, train: &Dataset, test: &Dataset) -> Option<String> {
    let empty = [("training", train), ("test", test)].into_iter().find_map(|(side, set)| {
        let counts = counts(set);
        let class = set.class_names().iter().zip(&counts).find(|(_, count)| **count == 0)?.0;
        let n = counts.iter().filter(|count| **count == 0).count();
        Some(format!("{n} classes have no {side} samples, the first of them {class:?}"))
    });
    let read = train.split();
    let decided_by_settings = listing.splits.iter().all(|split| split.train == 0);
    let is_whole = decided_by_settings || listing.splits.iter().any(|split| read == split.name);
    let classes = listing.num_classes;
    let counted = if is_whole && (classes == 0 || train.num_classes() <= classes) {
        None
    } else {
        // One split's name may begin with another's.
        let named = listing.splits.iter().filter(|split| read.starts_with(split.name));
        let split = named.max_by_key(|split| split.name.len()).or(listing.splits.first())?;
        Some(format!(
            "{} of {} training and {} of {} test samples are there",
            train.len(),
            split.train,
            test.len(),
            split.test
        ))
    };
    let found: Vec<String> = counted.into_iter().chain(empty).collect();
    let source = listing.source;
    (!found.is_empty()).then(|| format!("{}; the rest comes from {source}", found.join("; ")))
}

/// The first sample of every class.
fn first_of_classes(set: &Dataset) -> Vec<usize> {
    let mut seen = vec![false; set.num_classes()];
    let mut is_new = |label: &u32| !std::mem::replace(&mut seen[*label as usize], true);
    (0..set.len()).zip(set.labels()).filter(|(_, label)| is_new(label)).map(|(i, _)| i).collect()
}

/// Samples of each class.
pub(crate) fn counts(set: &Dataset) -> Vec<usize> {
    let mut counts = vec![0; set.num_classes()];
    for &label in set.labels() {
        counts[label as usize] += 1;
    }
    counts
}

/// Samples of the smallest and of the largest class.
fn per_class(set: &Dataset) -> (usize, usize) {
    let counts = counts(set);
    (counts.iter().copied().min().unwrap_or(0), counts.iter().copied().max().unwrap_or(0))
}

fn report(
    train: &Dataset,
    test: &Dataset,
    members: &str,
    missing: Option<&str>,
    notices: &[&str],
) -> serde_json::Value {
    serde_json::json!({
        "name": train.name(), "split": train.split(), "members": members,
        "train": train.len(), "test": test.len(), "num_classes": train.num_classes(),
        "shape": train.sample_shape(), "mean": train.mean(), "std": train.std(),
        "train_hash": train.hash(), "test_hash": test.hash(), "missing": missing,
        "notices": notices,
    })
}
