//! What every fuzz target checks beside not crashing: a recording lies on its sensor and within the limits, its frames
//! are made, and what a writer writes of it is read again alike.

use std::path::Path;

use snn_data::format::{decode_events, encode_events};
use snn_data::{Error, EventOptions, Format, FrameBy, Limits, frames};

/// Small enough that a target's memory is bounded too.
fn limits() -> Limits {
    Limits { file_bytes: 1 << 24, events: 1 << 16, header_bytes: 1 << 12, ..Limits::default() }
}

/// Any reader: a value or an error in one line that names the file.
pub fn reads<T>(bytes: &[u8], read: impl Fn(&[u8], &Limits, &Path) -> Result<T, Error>) {
    if let Err(error) = read(bytes, &limits(), Path::new("fuzzed")) {
        check(&error);
    }
}

fn check(error: &Error) {
    let text = error.to_string();
    // A file of many recordings may hold none.
    assert!(
        (text.starts_with("fuzzed") || text.starts_with("index: 0")) && !text.contains('\n'),
        "{text:?}"
    );
}

/// A recording in a format, or in whichever its bytes tell.
pub fn recording(bytes: &[u8], format: Option<Format>) {
    let path = Path::new("fuzzed");
    let options = EventOptions { format, limits: limits(), ..EventOptions::default() };
    let stream = match decode_events(bytes, &options, path) {
        Ok(stream) => stream,
        Err(error) => return check(&error),
    };
    let (width, height) = (stream.width, stream.height);
    assert!(stream.events.iter().all(|e| e.x < width && e.y < height));
    assert!(stream.events.len() as u64 <= options.limits.events);
    if usize::from(width) * usize::from(height) <= 1 << 14 {
        let counts = frames(&stream, 3, FrameBy::TimeWhole).expect("frames");
        assert_eq!(counts.iter().sum::<f32>(), stream.events.len() as f32);
    }
    // Event Stream writes a byte for every 127 us that pass.
    let long = stream.events.iter().any(|e| e.t_us >= 1 << 24);
    for written in Format::WRITABLE {
        if written == Format::Es && long {
            continue;
        }
        let Ok(file) = encode_events(&stream, written) else { continue };
        let sensor = Some((width, height));
        // What is written may be longer than what was read.
        let limits = Limits { file_bytes: 1 << 31, ..Limits::default() };
        let options =
            EventOptions { format: Some(written), sensor, limits, ..EventOptions::default() };
        let again = decode_events(&file, &options, path).expect("our own file");
        assert!(again.events == stream.events, "{written}");
    }
}
