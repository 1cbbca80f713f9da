//! How a recording is read: its format, its sensor, its place in a file of many, the part of it.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, ensure};
use snn_data::format::{self, EventOptions, Format};
use snn_data::{EventStream, Recording};

/// How a recording is read.
#[derive(clap::Args)]
pub(super) struct Source {
    /// Event format [default: by the file's first bytes, else its extension]
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Sensor size in pixels, such as 34x34
    #[arg(long, value_name = "WxH")]
    sensor: Option<String>,
    /// Leaves out events outside of the sensor, and says how many
    #[arg(long)]
    drop_outside: bool,
    /// Which recording of a file that holds many (HDF5), from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    index: usize,
    /// Leaves out what comes before, in microseconds from the first event on
    #[arg(long, value_name = "US", default_value_t = 0)]
    from_us: u64,
    /// Leaves out what comes then and after it
    #[arg(long, value_name = "US")]
    to_us: Option<u64>,
}

impl Source {
    /// The recording, with a word about what was left out and what was not known.
    pub(super) fn read(&self, path: &Path) -> anyhow::Result<EventStream> {
        Ok(self.read_span(path)?.0)
    }

    /// The recording and the times that were asked for, on its own clock.
    pub(super) fn read_span(&self, path: &Path) -> anyhow::Result<(EventStream, Range<u64>)> {
        let format = self.format.as_deref().map(str::parse::<Format>).transpose()?;
        let sensor = self.sensor.as_deref().map(sensor).transpose()?;
        let options = EventOptions {
            format,
            sensor,
            index: self.index,
            drop_outside: self.drop_outside,
            ..EventOptions::default()
        };
        let recording = format::read_recording(path, &options)?;
        tell(&recording, path);
        ensure!(
            recording.dropped_outside == 0 || !recording.stream.events.is_empty(),
            "{}: all events are outside of the {}x{} sensor; say its size with --sensor WxH",
            path.display(),
            recording.stream.width,
            recording.stream.height
        );
        let mut stream = recording.stream.not_empty(path)?;
        let times = || stream.events.iter().map(|event| event.t_us);
        let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        let start = first.saturating_add(self.from_us);
        let end = self.to_us.map_or(last.saturating_add(1), |us| first.saturating_add(us));
        let span = start..end;
        if self.from_us > 0 || self.to_us.is_some() {
            stream.events.retain(|event| span.contains(&event.t_us));
            ensure!(
                !stream.events.is_empty(),
                "{}: no events from {} us after the first on{}; it lasts {} us: change --from-us or --to-us",
                path.display(),
                self.from_us,
                self.to_us.map_or(String::new(), |us| format!(" until {us} us")),
                last - first
            );
        }
        Ok((stream, span))
    }
}

fn tell(recording: &Recording, path: &Path) {
    let (path, stream) = (path.display(), &recording.stream);
    if stream.skipped_special > 0 {
        let n = stream.skipped_special;
        tracing::warn!("{path}: {n} special events are no pixel events and were left out");
    }
    if recording.dropped_outside > 0 {
        let (n, width, height) = (recording.dropped_outside, stream.width, stream.height);
        tracing::warn!("{path}: {n} events outside of the {width}x{height} sensor were left out");
    }
    if recording.is_measured {
        tracing::warn!(
            "{path}: no sensor size is known: {} x {} pixels are the fewest that hold all events, and may be others for \
             the next recording; --sensor WxH says it",
            stream.width,
            stream.height
        );
    }
}

fn sensor(text: &str) -> anyhow::Result<(u16, u16)> {
    text.split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)))
        .filter(|&(w, h)| w > 0 && h > 0)
        .with_context(|| format!("--sensor: `{text}` is not WIDTHxHEIGHT, such as 128x128"))
}
