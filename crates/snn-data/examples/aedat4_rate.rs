//! How fast an AEDAT 4 file is decoded from memory, beside the decompression of its packets alone.
//!
//! `cargo run --release -p snn-data --features aedat4 --example aedat4_rate -- recording.aedat4`

use std::error::Error;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use lz4_flex::frame::FrameDecoder;
use snn_data::Limits;
use snn_data::format::{aedat4, read_file};

/// Where an LZ4 frame begins.
const FRAME: [u8; 4] = 0x184d_2204u32.to_le_bytes();

#[allow(clippy::print_stdout)] // Printing is what this example is for.
fn main() -> Result<(), Box<dyn Error>> {
    let path = PathBuf::from(std::env::args_os().nth(1).ok_or("name an .aedat4 file")?);
    let limits = Limits::default();
    let bytes = read_file(&path, &limits)?;
    let frames: Vec<&[u8]> = (0..bytes.len())
        .filter(|&at| bytes[at..].starts_with(&FRAME))
        .map(|at| &bytes[at..])
        .collect();
    let mut events = 0;
    let decode = best(|| {
        events = aedat4(&bytes, None, &limits, &path)?.events.len();
        Ok(())
    })?;
    let (mut out, mut unpacked) = (Vec::new(), 0);
    let unpack = best(|| {
        unpacked = 0;
        for &frame in &frames {
            out.clear();
            unpacked += FrameDecoder::new(frame).read_to_end(&mut out)?;
        }
        Ok(())
    })?;
    let rate = |seconds: f64| events as f64 / seconds / 1e6;
    println!(
        "{events} events, {} packets, {unpacked} bytes unpacked: decoding {:.1} M events/s, LZ4 alone {:.1} M events/s",
        frames.len(),
        rate(decode),
        rate(unpack)
    );
    Ok(())
}

/// Seconds of the fastest of 30 runs.
fn best(mut f: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let start = Instant::now();
        f()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}
