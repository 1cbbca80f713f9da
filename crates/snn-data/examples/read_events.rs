//! Reads an ATIS file and prints how many events each of ten frames holds.
//!
//! `cargo run -p snn-data --example read_events -- 00002.bin`

use std::path::PathBuf;

use snn_data::{Error, EventOptions, FrameBy, frames, read_events};

fn main() -> Result<(), Error> {
    let usage = || Error::Config { field: "FILE", why: "name a file of events".into() };
    let path = std::env::args_os().nth(1).map(PathBuf::from).ok_or_else(usage)?;
    let stream = read_events(&path, &EventOptions::default())?;
    let x = frames(&stream, 10, FrameBy::Time)?; // [10, 2, height, width]
    for (t, frame) in x.chunks_exact((x.len() / 10).max(1)).enumerate() {
        writeln_frame(t, frame.iter().sum());
    }
    Ok(())
}

#[allow(clippy::print_stdout)] // Printing is what this example is for.
fn writeln_frame(t: usize, events: f32) {
    println!("frame {t}: {events} events");
}
