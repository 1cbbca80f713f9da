//! `snn data frames`: a recording as an array of counts.

use std::path::{Path, PathBuf};

use anyhow::Context;
use snn_data::{EventStream, FrameBy, format, frames, windows_between};

use super::source::Source;
use crate::output;

/// What is framed, and how.
#[derive(clap::Args)]
pub(crate) struct Args {
    input: PathBuf,
    /// A .npy, .npz or .safetensors file
    output: PathBuf,
    /// Number of frames
    #[arg(long, default_value_t = 10)]
    t_steps: usize,
    /// Slices of equal duration, time or time-whole, or of equally many events, count-even or count; the second of
    /// each puts the remainder into the last slice
    #[arg(long, value_name = "WAY", default_value_t = FrameBy::Time)]
    by: FrameBy,
    /// As many frames as windows of this many microseconds there are from --from-us (or the first event) to --to-us (or
    /// the last event)
    #[arg(long, value_name = "US", conflicts_with_all = ["t_steps", "by"])]
    window_us: Option<u64>,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    output::differ(&args.input, &args.output)?;
    let kind = Array::of(&args.output)?;
    let (stream, span) = args.source.read_span(&args.input)?;
    let (t_steps, x) = match args.window_us {
        None => (args.t_steps, frames(&stream, args.t_steps, args.by)?),
        Some(us) => windows_between(&stream, span, us)?,
    };
    // Counts are whole numbers, and a pixel has fewer than 2^24 events.
    let kept = x.iter().map(|&count| f64::from(count)).sum::<f64>() as usize;
    let shape = [t_steps, 2, usize::from(stream.height), usize::from(stream.width)];
    snn_train::write_atomic(&args.output, &kind.encode(x, &shape)?)?;
    summary(&args.output, &stream, t_steps, kept);
    Ok(())
}

fn summary(output: &Path, stream: &EventStream, t_steps: usize, kept: usize) {
    let left_out = match stream.events.len() - kept {
        0 => String::new(),
        n => format!("; {n} after the last frame are in none"),
    };
    output::print(&format!("{}: {t_steps} frames{left_out}", super::summary(stream, output)));
}

/// The kind of file that an extension stands for.
#[derive(Clone, Copy)]
enum Array {
    Npy,
    Npz,
    Safetensors,
}

impl Array {
    fn of(output: &Path) -> anyhow::Result<Self> {
        let extension = output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match &*extension {
            "npy" => Ok(Self::Npy),
            "npz" => Ok(Self::Npz),
            "safetensors" => Ok(Self::Safetensors),
            _ => anyhow::bail!(
                "{}: frames are written as .npy, .npz or .safetensors; name the output so",
                output.display()
            ),
        }
    }

    /// The bytes of such a file with an array of that shape, which is called `frames` where it has a name.
    fn encode(self, x: Vec<f32>, shape: &[usize]) -> anyhow::Result<Vec<u8>> {
        Ok(match self {
            Self::Npy => format::write_npy_array(&x, shape),
            Self::Npz => format::write_npz_array("frames", &x, shape).context("frames")?,
            Self::Safetensors => {
                let tensor = snn_ops::buffer::tensor(x, shape.to_vec())?;
                safetensors::serialize([("frames", tensor)], None)?
            }
        })
    }
}
