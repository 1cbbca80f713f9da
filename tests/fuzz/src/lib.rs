//! What every fuzz target checks beside not crashing: a recording lies on its sensor and within the limits, its frames
//! are made, and what a writer writes of it is read again alike.
//!
//! snn-data's tests run the targets too, on a fixed number of seeded inputs.

use std::io::Cursor;
use std::path::Path;

use snn_data::format::{
    cifar10, cifar100, csv, decode_events, encode_events, gunzip, idx, mat, npz, off, parquet,
    picture, shd, xyz,
};
use snn_data::{Error, EventOptions, Format, FrameBy, Limits, frames};

/// What a target does with the bytes that it is given.
type Target = fn(&[u8]);

/// Every target by its name, which is that of its file in `targets`.
pub const TARGETS: &[(&str, Target)] = &[
    ("aedat2", |bytes| recording(bytes, Some(Format::Aedat2))),
    ("aedat3", |bytes| recording(bytes, Some(Format::Aedat3))),
    ("aedat4", |bytes| recording(bytes, Some(Format::Aedat4))),
    ("atis", |bytes| recording(bytes, Some(Format::Atis))),
    ("atis_overflow", |bytes| recording(bytes, Some(Format::AtisOverflow))),
    ("bs1", |bytes| recording(bytes, Some(Format::Bs1))),
    ("bs2", |bytes| recording(bytes, Some(Format::Bs2))),
    ("bs3", |bytes| recording(bytes, Some(Format::Bs3))),
    ("dat", |bytes| recording(bytes, Some(Format::Dat))),
    ("es", |bytes| recording(bytes, Some(Format::Es))),
    ("evt2", |bytes| recording(bytes, Some(Format::Evt2))),
    ("evt3", |bytes| recording(bytes, Some(Format::Evt3))),
    ("hdf5", |bytes| recording(bytes, Some(Format::Hdf5))),
    ("npy", |bytes| recording(bytes, Some(Format::Npy))),
    ("npz", |bytes| recording(bytes, Some(Format::Npz))),
    ("text", |bytes| recording(bytes, Some(Format::Text))),
    ("cifar10", |bytes| reads(bytes, cifar10)),
    ("cifar100", |bytes| reads(bytes, cifar100)),
    ("csv", |bytes| reads(bytes, |bytes, _, path| csv(bytes, path))),
    ("gzip", |bytes| reads(bytes, |bytes, limits, path| gunzip(bytes, limits, path).map(drop))),
    ("idx", |bytes| reads(bytes, |bytes, limits, path| idx(bytes, limits, path).map(drop))),
    ("mat", |bytes| reads(bytes, mat)),
    ("npz_arrays", |bytes| reads(bytes, npz)),
    ("off", |bytes| reads(bytes, off)),
    ("parquet", |bytes| reads(bytes, shard)),
    ("picture", |bytes| reads(bytes, picture)),
    ("shd", |bytes| reads(bytes, spikes)),
    ("sniff", |bytes| recording(bytes, None)),
    ("xyz", |bytes| reads(bytes, xyz)),
];

/// Runs the target of that name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    target.expect("a target of TARGETS").1(bytes);
}

fn shard(bytes: &[u8], limits: &Limits, path: &Path) -> Result<(), Error> {
    let mut file = Cursor::new(bytes);
    let shard = parquet(&mut file, limits, path)?;
    let n = shard.labels().len().min(9);
    (0..n).try_for_each(|index| shard.picture(&mut file, index, limits, path).map(drop))
}

fn spikes(bytes: &[u8], limits: &Limits, path: &Path) -> Result<(), Error> {
    let file = shd(bytes.to_vec(), limits, path)?;
    (0..file.len().min(9)).try_for_each(|index| file.recording(index, limits, path).map(drop))
}

/// Small enough that a target's memory is bounded too.
fn limits() -> Limits {
    Limits { file_bytes: 1 << 24, events: 1 << 16, header_bytes: 1 << 12, ..Limits::default() }
}

/// Any reader: a value or an error in one line that names the file.
fn reads<T>(bytes: &[u8], read: impl Fn(&[u8], &Limits, &Path) -> Result<T, Error>) {
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
fn recording(bytes: &[u8], format: Option<Format>) {
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
