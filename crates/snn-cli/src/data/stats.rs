//! `snn data stats`: what the training samples of a data set are like, measured.

use std::path::PathBuf;

use anyhow::Context;
use snn_data::{Augment, DataConfig, Dataset, Kind, Preprocess, open};

use crate::output;

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data set's name
    name: String,
    /// Its folder [default: the set's own below SNN_DATA or data/]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The split whose training side is measured [default: the data set's first]
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Time steps of event frames
    #[arg(long, value_name = "N", default_value_t = 10)]
    t_steps: usize,
    /// Rows and columns of a sample, prepared as training and evaluation see it [default: the files' own, a picture whole]
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// Measure that many samples only, the first of every class
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

/// Sums over the values of one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Channel {
    n: f64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
    least: f64,
    most: f64,
    zeros: f64,
}

impl Channel {
    const EMPTY: Self = Self {
        n: 0.0,
        mean: 0.0,
        squares: 0.0,
        least: f64::INFINITY,
        most: f64::NEG_INFINITY,
        zeros: 0.0,
    };

    /// Welford's update: no sum grows so large that small values are lost in it.
    fn add(&mut self, x: f64) {
        self.n += 1.0;
        let distance = x - self.mean;
        self.mean += distance / self.n;
        self.squares += distance * (x - self.mean);
        (self.least, self.most) = (self.least.min(x), self.most.max(x));
        self.zeros += f64::from(u8::from(x == 0.0));
    }

    fn std(&self) -> f64 {
        (self.squares / self.n).sqrt()
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let splits = open(&DataConfig {
        split: args.split.clone(),
        t_steps: args.t_steps,
        size: args.size,
        limit_train: args.limit,
        limit_test: args.limit,
        roots: super::roots(),
        ..DataConfig::new(&args.name, args.data.clone())
    })?;
    super::notice(&splits);
    let set = &splits.train;
    let (channels, sizes) = match args.size.is_none() && set.kind() == Kind::Images {
        true => own_size(set)?,
        false => (channels(set)?, None),
    };
    // One shape for all samples, where they have one.
    let shape = match &sizes {
        Some((least, most)) if least != most => None,
        Some((own, _)) => Some(own.to_vec()),
        None => Some(set.sample_shape()),
    };
    let counts = super::check::counts(set);
    if args.json {
        let channel = |c: &Channel| {
            serde_json::json!({
                "mean": c.mean, "std": c.std(), "min": c.least, "max": c.most,
                "zeros": c.zeros / c.n,
            })
        };
        let json = serde_json::json!({
            "name": set.name(), "split": set.split(), "members": splits.members(),
            "n": set.len(), "shape": shape, "class_counts": counts,
            "channels": channels.iter().map(channel).collect::<Vec<_>>(),
        });
        output::print(&json.to_string());
        return Ok(());
    }
    output::print(&format!(
        "{}: split {} (members {}), {} training samples {}",
        set.name(),
        set.split(),
        splits.members().get(..12).unwrap_or(""),
        set.len(),
        match (&shape, &sizes) {
            (Some(shape), _) => format!("{shape:?}"),
            (None, Some((least, most))) => format!("of their own sizes, {least:?} to {most:?}"),
            (None, None) => String::new(),
        }
    ));
    if let Preprocess::Pictures(pictures) = set.preprocess() {
        let (side, kept) = (pictures.height, 100.0 * pictures.crop);
        output::print(&match sizes {
            Some(_) => "  measured at their own size, whole".to_owned(),
            None => format!(
                "  measured as evaluation sees them: those of another size than {side} x {side} resized, \
                 and of the shorter side the central {kept} % kept"
            ),
        });
    }
    for (name, c) in names(set).iter().zip(&channels) {
        output::print(&format!(
            "  {name:<9} mean {:.4}, deviation {:.4}, {} to {}, {:.1} % zeros",
            c.mean,
            c.std(),
            c.least,
            c.most,
            100.0 * c.zeros / c.n
        ));
    }
    let used = |values: &[f32]| values.iter().map(|x| x.to_string()).collect::<Vec<_>>().join(", ");
    if !set.mean().is_empty() {
        let (mean, std) = (used(set.mean()), used(set.std()));
        output::print(&format!("  training subtracts {mean} and divides by {std}"));
    }
    let classes: Vec<String> =
        set.class_names().iter().zip(counts).map(|(name, n)| format!("{name} {n}")).collect();
    output::print(&format!("  samples: {}", classes.join(", ")));
    Ok(())
}

/// The channels of all pictures at their own size, and the smallest and the largest size.
#[expect(clippy::type_complexity, reason = "a pair of shapes that only `run` takes apart")]
fn own_size(set: &Dataset) -> anyhow::Result<(Vec<Channel>, Option<([usize; 3], [usize; 3])>)> {
    let mut channels = Vec::new();
    let mut sizes: Option<([usize; 3], [usize; 3])> = None;
    for index in 0..set.len() {
        let picture = set.picture(index)?.context("a sample is no picture")?;
        let [n, height, width] = picture.shape();
        channels.resize(n, Channel::EMPTY);
        for (channel, plane) in
            channels.iter_mut().zip(picture.pixels().chunks_exact(height * width))
        {
            plane.iter().for_each(|&pixel| channel.add(f64::from(pixel) / 255.0));
        }
        let (least, most) = sizes.get_or_insert((picture.shape(), picture.shape()));
        *least = [n, height.min(least[1]), width.min(least[2])];
        *most = [n, height.max(most[1]), width.max(most[2])];
    }
    Ok((channels, sizes))
}

/// The channels of all samples: pixels in [0, 1], events per pixel and step, or a signal's own unit.
fn channels(set: &Dataset) -> anyhow::Result<Vec<Channel>> {
    let shape = set.sample_shape();
    // Of events [T, 2, H, W] the channels follow the steps.
    let (n, plane): (usize, usize) = match (set.kind(), shape.as_slice()) {
        (Kind::Events, [_, channels, plane @ ..]) => (*channels, plane.iter().product()),
        (_, [channels, plane @ ..]) => (*channels, plane.iter().product()),
        _ => anyhow::bail!("samples of shape {shape:?} have no channels"),
    };
    let mut channels = vec![Channel::EMPTY; n];
    for index in 0..set.len() {
        let sample = set.sample(index, &Augment::default(), None)?;
        for (i, values) in sample.x.chunks_exact(plane.max(1)).enumerate() {
            let c = i % n.max(1);
            let (mean, std) = match (set.mean().get(c), set.std().get(c)) {
                (Some(&mean), Some(&std)) => (f64::from(mean), f64::from(std)),
                _ => (0.0, 1.0),
            };
            let Some(channel) = channels.get_mut(c) else { continue };
            // Back to what it was before it was normalized, to the precision that a pixel has.
            let raw = |x: f32| f64::from((f64::from(x) * std + mean) as f32);
            let is_pixel = set.kind() == Kind::Images;
            values.iter().map(|&x| raw(x)).for_each(|x| {
                channel.add(if is_pixel { (255.0 * x).round() / 255.0 } else { x });
            });
        }
    }
    Ok(channels)
}

fn names(set: &Dataset) -> &'static [&'static str] {
    match (set.kind(), set.mean().len()) {
        (Kind::Events, _) => &["OFF", "ON"],
        (Kind::Points, _) => &["x", "y", "z"],
        (Kind::Images, 3) => &["red", "green", "blue"],
        (Kind::Images, _) => &["gray"],
        (Kind::Signals, _) => &["signal"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_pixels() {
        let pixels = vec![0, 255, 51, 102, 0, 255, 51, 102];
        let (mean, std) = (&[0.3f32][..], &[0.7f32][..]);
        let classes = vec!["a".into(), "b".into()];
        let set =
            Dataset::from_images("s", "t", classes, vec![0, 1], [1, 2, 2], pixels, (mean, std));
        let [c] = channels(&set.unwrap()).unwrap()[..] else { panic!() };
        assert!((c.mean - 0.4).abs() < 1e-12 && (c.std() - 0.14f64.sqrt()).abs() < 1e-12, "{c:?}");
        assert_eq!((c.least, c.most, c.zeros, c.n), (0.0, 1.0, 2.0, 8.0));
    }

    #[test]
    fn pictures_are_measured_whole_and_at_their_own_size() {
        let pixels = vec![0, 255, 51, 102, 0, 255, 51, 102];
        let (mean, std) = (&[0.3f32][..], &[0.7f32][..]);
        let classes = vec!["a".into(), "b".into()];
        let set =
            Dataset::from_images("s", "t", classes, vec![0, 1], [1, 2, 2], pixels, (mean, std))
                .unwrap();
        let (own, sizes) = own_size(&set).unwrap();
        assert_eq!((own, sizes), (channels(&set).unwrap(), Some(([1, 2, 2], [1, 2, 2]))));
    }

    #[test]
    fn steps_of_events_are_joined() {
        let frames = vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        let set = Dataset::from_frames("s", "t", vec!["a".into()], vec![0], [2, 2, 1, 2], frames);
        let [off, on] = channels(&set.unwrap()).unwrap()[..] else { panic!() };
        assert_eq!((off.mean, on.mean), (2.5, 4.5));
        assert_eq!((off.zeros, on.most), (1.0, 7.0));
    }
}
