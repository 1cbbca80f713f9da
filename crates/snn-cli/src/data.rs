//! `snn data`: what data sets there are, and event files from one form into another.

mod check;
mod fetch;
mod frames;
mod picture;
mod roots;
mod show;
mod source;
mod stats;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use snn_data::EventStream;
use snn_data::format::{self, Format};

use crate::output;
pub(crate) use roots::{notice, roots};
use source::Source;

/// Lists, fetches and checks data sets; converts event files; cuts them into frames
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The data sets known by name, their splits, and where to get them
    List {
        /// One JSON object on one line
        #[arg(long)]
        json: bool,
    },
    /// Fetches a data set from its publisher, or says how to do so by hand
    Get {
        /// The data set's name
        name: String,
        /// Where to put it [default: data/ and the name]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Checks whether a data set is whole: its counts, sizes and classes, and where to get what is missing
    Check(check::Args),
    /// Measures the training samples: each channel's mean, deviation and range, and the samples of each class
    Stats(stats::Args),
    /// The prepared samples of large data sets that are kept on disk. SNN_CACHE names the folder, by default snn in the
    /// user's cache folder; SNN_CACHE_GIB bounds it, by default to 16 GiB
    Cache {
        #[command(subcommand)]
        action: CacheAction,
    },
    /// Writes an event file in another format, or as .npy, a structured array of t, x, y, p
    Convert {
        input: PathBuf,
        output: PathBuf,
        /// Format to write: npy, atis, bs1, bs2, bs3, aedat2, dat, evt2, evt3 or es [default: by the output's extension]
        #[arg(long, value_name = "NAME")]
        out_format: Option<String>,
        /// Lets times begin at 0, for formats that cannot hold the recording's own clock
        #[arg(long)]
        from_zero: bool,
        #[command(flatten)]
        source: Source,
    },
    /// Counts a recording's events into frames [T, 2, H, W] of a .npy, .npz or .safetensors file, called `frames` where it
    /// has a name
    Frames(frames::Args),
    /// Draws a recording, or samples of every class of a data set
    Show(show::Args),
}

#[derive(Clone, Copy, Subcommand)]
enum CacheAction {
    /// Lists what is kept, with its size
    List,
    /// Deletes all of it
    Clear,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.what {
        What::List { json } => list(json),
        What::Get { name, data } => {
            let dir = data.unwrap_or_else(|| Path::new("data").join(&name));
            fetch::run(&name, &dir)
        }
        What::Check(args) => check::run(&args),
        What::Stats(args) => stats::run(&args),
        What::Show(args) => show::run(&args),
        What::Cache { action: CacheAction::List } => crate::cache::list(),
        What::Cache { action: CacheAction::Clear } => crate::cache::clear(),
        What::Convert { input, output, out_format, from_zero, source } => {
            output::differ(&input, &output)?;
            let format = match out_format {
                Some(name) => name.parse()?,
                None => format_of(&output)?,
            };
            let mut stream = source.read(&input)?;
            if from_zero {
                let first = stream.events.iter().map(|e| e.t_us).min().unwrap_or(0);
                stream.events.iter_mut().for_each(|e| e.t_us -= first);
            }
            snn_train::write_atomic(&output, &format::encode_events(&stream, format)?)?;
            output::print(&summary(&stream, &output));
            Ok(())
        }
        What::Frames(args) => frames::run(&args),
    }
}

/// The format that a file's extension stands for.
fn format_of(output: &Path) -> anyhow::Result<Format> {
    let extension = output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    Format::of_extension(&extension).with_context(|| {
        let names = Format::WRITABLE.map(|format| format.to_string()).join(", ");
        format!("{}: its extension names no format; give --out-format {names}", output.display())
    })
}

fn summary(stream: &EventStream, output: &Path) -> String {
    let times = || stream.events.iter().map(|e| e.t_us);
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    format!(
        "{}: {} events on {} x {} pixels, {:.3} ms",
        output.display(),
        stream.events.len(),
        stream.width,
        stream.height,
        (last - first) as f64 / 1e3
    )
}

fn list(json: bool) -> anyhow::Result<()> {
    let sets = snn_data::catalog();
    if json {
        let sets: Vec<_> = sets
            .iter()
            .map(|s| {
                serde_json::json!({
                    "name": s.name, "kind": s.kind.name(), "what": s.what, "num_classes": s.num_classes,
                    "splits": s.splits.iter().map(|split| serde_json::json!({
                        "name": split.name, "train": split.train, "test": split.test,
                        "what": split.what,
                    })).collect::<Vec<_>>(),
                    "source": s.source, "terms": s.terms.what, "license": s.terms.license,
                    "readable": s.readable,
                })
            })
            .collect();
        output::print(&serde_json::json!({ "datasets": sets }).to_string());
        return Ok(());
    }
    for set in sets {
        let state = if set.readable { "" } else { "  (not read by this version)" };
        let classes = match set.num_classes {
            0 => "its folders' classes".to_owned(),
            count => format!("{count} classes"),
        };
        output::print(&format!("{:<18} {}; {classes}{state}", set.name, set.what));
        for split in set.splits {
            let size = match (split.train, split.test) {
                (0, 0) => "any size".to_owned(),
                (train, test) => format!("{train} train, {test} test"),
            };
            output::print(&format!("{:<18}   {}: {size}; {}", "", split.name, split.what));
        }
        output::print(&format!("{:<18}   {}", "", set.source));
        output::print(&format!("{:<18}   terms: {}", "", set.terms.what));
    }
    Ok(())
}
