//! `snn data check`: whether a data set is whole and readable, and what to do when it is not.

use std::path::{Path, PathBuf};

use snn_data::{Augment, DataConfig, Dataset, DatasetName, Listing, Split, open};

/// What is checked.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data set's name
    name: String,
    /// Its folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The split to check against [default: the data set's first]
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Also decode every sample
    #[arg(long)]
    decode: bool,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let id: DatasetName = args.name.parse()?;
    let config =
        DataConfig { split: args.split.clone(), ..DataConfig::new(&args.name, args.data.clone()) };
    let splits = open(&config)?;
    let (train, test) = (&splits.train, &splits.test);
    if args.decode {
        for set in [train, test] {
            let shape = set.sample_shape();
            for index in 0..set.len() {
                let sample = set.sample(index, &Augment::default(), None)?;
                anyhow::ensure!(
                    sample.x.iter().all(|x| x.is_finite()),
                    "sample {index} of {shape:?} holds a value that is not finite"
                );
            }
        }
    }
    let missing = id.listing().and_then(|listing| missing(listing, train, test));
    if args.json {
        crate::print(&report(train, test, &splits.members(), missing.as_deref()).to_string());
    } else {
        crate::print(&format!(
            "{}: split {} (members {})",
            train.name(),
            train.split(),
            splits.members().get(..12).unwrap_or("")
        ));
        for (side, set) in [("train", train), ("test", test)] {
            let (fewest, most) = per_class(set);
            crate::print(&format!(
                "  {side:<5} {} samples {:?}, {} classes of {fewest} to {most}",
                set.len(),
                set.sample_shape(),
                set.num_classes()
            ));
        }
        if !train.mean().is_empty() {
            crate::print(&format!("  mean {:?}, deviation {:?}", train.mean(), train.std()));
        }
    }
    match missing {
        Some(missing) => Err(crate::exit::unusable(Path::new(&args.name), missing)),
        None => Ok(()),
    }
}

/// What the whole set has and this one has not.
fn missing(listing: &Listing, train: &Dataset, test: &Dataset) -> Option<String> {
    let named = |split: &&Split| train.split() == split.name;
    let decided_by_settings = listing.splits.iter().all(|split| split.train == 0);
    let classes = listing.num_classes;
    let all_classes = classes == 0 || train.num_classes() <= classes;
    if all_classes && (decided_by_settings || listing.splits.iter().any(|split| named(&split))) {
        return None;
    }
    let split = listing.splits.iter().find(|split| train.split().starts_with(split.name));
    let split = split.or(listing.splits.first())?;
    Some(format!(
        "{} of {} training and {} of {} test samples are there; the rest comes from {}",
        train.len(),
        split.train,
        test.len(),
        split.test,
        listing.source
    ))
}

/// Samples of the smallest and of the largest class.
fn per_class(set: &Dataset) -> (usize, usize) {
    let mut counts = vec![0; set.num_classes()];
    for &label in set.labels() {
        counts[label as usize] += 1;
    }
    (counts.iter().copied().min().unwrap_or(0), counts.iter().copied().max().unwrap_or(0))
}

fn report(
    train: &Dataset,
    test: &Dataset,
    members: &str,
    missing: Option<&str>,
) -> serde_json::Value {
    serde_json::json!({
        "name": train.name(), "split": train.split(), "members": members,
        "train": train.len(), "test": test.len(), "num_classes": train.num_classes(),
        "shape": train.sample_shape(), "mean": train.mean(), "std": train.std(),
        "train_hash": train.hash(), "test_hash": test.hash(), "missing": missing,
    })
}
