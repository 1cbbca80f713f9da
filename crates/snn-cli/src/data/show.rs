//! `snn data show`: pictures of recordings and of data sets.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use snn_data::{Augment, DataConfig, Dataset, EventStream, FrameBy, Kind, frames, open};

use super::picture::{Picture, gif};
use super::source::Source;
use crate::output;

/// What is drawn.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A recording, or the name of a data set
    input: String,
    /// A .png, or a .gif whose frames follow each other
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What is drawn of a recording [default: frames in a .gif, image in a .png]
    #[arg(long, value_enum)]
    view: Option<View>,
    /// Number of frames
    #[arg(long, default_value_t = 10)]
    t_steps: usize,
    /// The data set's folder [default: its own below SNN_DATA or data/]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum View {
    /// Equal durations one after the other; in a .png side by side
    Frames,
    /// All events in one image
    Image,
    /// Time to the right, pixels row by row downwards
    Raster,
}

const WHITE: [u8; 3] = [255; 3];
const ON: [u8; 3] = [33, 102, 172];
const OFF: [u8; 3] = [178, 24, 43];
/// Shades of each color, so that a GIF's 256 are enough.
const SHADES: f32 = 15.0;
/// Small sensors are enlarged to about as many pixels.
const SIDE: usize = 256;
/// Classes, and samples of each, in the grid of a data set.
const GRID: (usize, usize) = (20, 8);

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let path = Path::new(&args.input);
    output::differ(path, &args.out)?;
    let is_gif = match args.out.extension().and_then(|extension| extension.to_str()) {
        Some("gif") => true,
        Some("png") => false,
        _ => anyhow::bail!("{}: neither .png nor .gif; name the picture so", args.out.display()),
    };
    let bytes = if args.data.is_some() || (!path.exists() && !args.input.contains(['/', '.'])) {
        anyhow::ensure!(
            !is_gif && args.view.is_none(),
            "a data set is shown as a .png, without --view"
        );
        let config = DataConfig {
            t_steps: args.t_steps,
            roots: super::roots(),
            ..DataConfig::new(&args.input, args.data.clone())
        };
        let splits = open(&config)?;
        super::notice(&splits);
        class_grid(&splits.train)?.png()?
    } else {
        let stream = args.source.read(path)?;
        let view = args.view.unwrap_or(if is_gif { View::Frames } else { View::Image });
        let pictures = recording(&stream, view, args.t_steps, is_gif)?;
        if is_gif { gif(&pictures, 100)? } else { pictures.first().context("no picture")?.png()? }
    };
    snn_train::write_atomic(&args.out, &bytes)?;
    output::print(&format!("{}: {} bytes", args.out.display(), bytes.len()));
    Ok(())
}

fn recording(
    stream: &EventStream,
    view: View,
    t_steps: usize,
    is_gif: bool,
) -> anyhow::Result<Vec<Picture>> {
    if view == View::Raster {
        return Ok(vec![raster(stream)?]);
    }
    let t_steps = if view == View::Image { 1 } else { t_steps };
    let counts = frames(stream, t_steps, FrameBy::TimeWhole)?;
    let (width, height) = (usize::from(stream.width), usize::from(stream.height));
    let most = usual_most(&counts);
    let scale = (SIDE / width.max(height)).max(1);
    let together = if is_gif { 1 } else { t_steps };
    let step = width * scale + 2;
    let mut pictures = Vec::new();
    for frame in counts.chunks(together * 2 * width * height) {
        let mut picture = Picture::new(step * together - 2, height * scale, [128; 3])?;
        for (place, counts) in frame.chunks(2 * width * height).enumerate() {
            draw(&mut picture, (place * step, 0), counts, width, scale, most);
        }
        pictures.push(picture);
    }
    Ok(pictures)
}

/// Draws OFF and ON counts, one plane behind the other.
fn draw(
    picture: &mut Picture,
    (left, top): (usize, usize),
    counts: &[f32],
    width: usize,
    scale: usize,
    most: f32,
) {
    let (off, on) = counts.split_at(counts.len() / 2);
    for (at, (&off, &on)) in off.iter().zip(on).enumerate() {
        let (x, y) = (left + at % width * scale, top + at / width * scale);
        picture.square(x, y, scale, color(off / most, on / most));
    }
}

/// White where nothing happens, towards red for OFF and blue for ON, both at once towards their mixture.
fn color(off: f32, on: f32) -> [u8; 3] {
    let shade = |share: f32| (share.clamp(0.0, 1.0) * SHADES).ceil() / SHADES;
    let (off, on) = (shade(off), shade(on));
    let strength = off.max(on) / (off + on).max(f32::MIN_POSITIVE);
    std::array::from_fn(|i| {
        let towards = |to: u8, share: f32| (f32::from(to) - 255.0) * share * strength;
        (255.0 + towards(OFF[i], off) + towards(ON[i], on)).round() as u8
    })
}

/// The count that 99 in 100 pixels with events do not pass, so that a hot pixel does not hide the rest.
fn usual_most(counts: &[f32]) -> f32 {
    let mut some: Vec<f32> = counts.iter().copied().filter(|&count| count > 0.0).collect();
    some.sort_unstable_by(f32::total_cmp);
    some.get(some.len() * 99 / 100).copied().unwrap_or(1.0)
}

/// Columns of a raster, and the rows that pixels are joined to where there are more.
const RASTER: (usize, usize) = (500, 256);
/// Sides of its marks; one pixel would hardly be seen.
const MARK: usize = 2;

fn raster(stream: &EventStream) -> anyhow::Result<Picture> {
    let pixels = usize::from(stream.width) * usize::from(stream.height);
    let (columns, rows) = (RASTER.0, pixels.min(RASTER.1));
    let times = || stream.events.iter().map(|event| event.t_us);
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let mut counts = vec![0.0; 2 * rows * columns];
    for event in &stream.events {
        let column =
            u128::from(event.t_us - first) * columns as u128 / (u128::from(last - first) + 1);
        let pixel = usize::from(event.y) * usize::from(stream.width) + usize::from(event.x);
        let plane = usize::from(event.polarity) * rows * columns;
        counts[plane + pixel * rows / pixels * columns + column as usize] += 1.0;
    }
    let marks = (SIDE / rows).max(1);
    let mut picture = Picture::new(columns * MARK, rows * marks * MARK, WHITE)?;
    let most = usual_most(&counts);
    let (off, on) = counts.split_at(rows * columns);
    for (at, (&off, &on)) in
        off.iter().zip(on).enumerate().filter(|(_, (off, on))| *off + *on > 0.0)
    {
        for mark in 0..marks {
            let (x, y) = (at % columns * MARK, (at / columns * marks + mark) * MARK);
            picture.square(x, y, MARK, color(off / most, on / most));
        }
    }
    Ok(picture)
}

/// One row a class with its first samples, for the first classes; the names are printed.
fn class_grid(set: &Dataset) -> anyhow::Result<Picture> {
    let shape = set.sample_shape();
    let &[.., height, width] = &shape[..] else { anyhow::bail!("{}: has no pixels", set.name()) };
    let is_shown = matches!(set.kind(), Kind::Images | Kind::Events);
    anyhow::ensure!(
        is_shown,
        "{}: neither images nor recordings; only those are shown",
        set.name()
    );
    let scale = (64 / width.max(height)).max(1);
    let (step_x, step_y) = (width * scale + 2, height * scale + 2);
    let (classes, per_class) = (set.num_classes().min(GRID.0), GRID.1);
    let mut picture = Picture::new(step_x * per_class, step_y * classes, WHITE)?;
    for class in 0..classes {
        let of_class =
            set.labels().iter().enumerate().filter(|&(_, &label)| label as usize == class);
        for (place, (index, _)) in of_class.take(per_class).enumerate() {
            let x = set.sample(index, &Augment::default(), None)?.x;
            let corner = (place * step_x, class * step_y);
            if set.is_events() {
                let mut counts = vec![0.0; 2 * width * height];
                let frames = x.chunks_exact(counts.len());
                frames
                    .for_each(|frame| counts.iter_mut().zip(frame).for_each(|(sum, n)| *sum += n));
                draw(&mut picture, corner, &counts, width, scale, usual_most(&counts));
            } else {
                pixels(&mut picture, corner, &x, set, (width, height), scale);
            }
        }
        let name = set.class_names().get(class).map_or("", String::as_str);
        output::print(&format!("row {class}: {name}"));
    }
    Ok(picture)
}

/// Draws an image of one or three channels as it was before it was normalized.
fn pixels(
    picture: &mut Picture,
    (left, top): (usize, usize),
    x: &[f32],
    set: &Dataset,
    (width, height): (usize, usize),
    scale: usize,
) {
    let channels = x.len() / (width * height);
    for at in 0..width * height {
        let color = std::array::from_fn(|i| {
            let channel = i.min(channels - 1);
            let level = x[channel * width * height + at] * set.std()[channel] + set.mean()[channel];
            (level * 255.0).round() as u8
        });
        picture.square(left + at % width * scale, top + at / width * scale, scale, color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_few_and_lie_between() {
        assert_eq!((color(0.0, 0.0), color(0.0, 9.0), color(1.0, 0.0)), (WHITE, ON, OFF));
        assert_eq!(color(1.0, 1.0), [106, 63, 108]);
        let mut all: Vec<[u8; 3]> = (0..=100)
            .flat_map(|i| (0..=100).map(move |j| color(i as f32 / 100.0, j as f32 / 100.0)))
            .collect();
        all.sort_unstable();
        all.dedup();
        assert!(all.len() <= 256, "{}", all.len());
    }

    #[test]
    fn hot_pixels_do_not_hide_the_rest() {
        let counts = [&[0.0; 50][..], &[2.0; 300], &[1000.0]].concat();
        assert_eq!(usual_most(&counts), 2.0);
        assert_eq!(usual_most(&[0.0; 4]), 1.0);
    }
}
