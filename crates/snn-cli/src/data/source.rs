//! How a recording is read: its format, its sensor, its place in a file of many.

use std::path::Path;

use anyhow::Context;
use snn_data::EventStream;
use snn_data::format::{self, EventOptions, Format};

/// How a recording is read.
#[derive(clap::Args)]
pub(super) struct Source {
    /// Event format [default: by the file's first bytes, else its extension]
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Sensor size in pixels, such as 34x34
    #[arg(long, value_name = "WxH")]
    sensor: Option<String>,
    /// Which recording of a file that holds many (HDF5), from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    index: usize,
}

impl Source {
    pub(super) fn read(&self, path: &Path) -> anyhow::Result<EventStream> {
        let format = self.format.as_deref().map(str::parse::<Format>).transpose()?;
        let sensor = self.sensor.as_deref().map(sensor).transpose()?;
        let options = EventOptions { format, sensor, index: self.index, ..EventOptions::default() };
        let stream = format::read_events(path, &options)?.not_empty(path)?;
        if stream.skipped_special > 0 {
            tracing::warn!(
                "{}: {} special events are no pixel events and were left out",
                path.display(),
                stream.skipped_special
            );
        }
        Ok(stream)
    }
}

fn sensor(text: &str) -> anyhow::Result<(u16, u16)> {
    text.split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)))
        .with_context(|| format!("--sensor: `{text}` is not WIDTHxHEIGHT, such as 128x128"))
}
