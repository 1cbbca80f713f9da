//! The files of `data/hostile`: what each is answered, word for word, and in how little memory.

use std::path::Path;

use snn_data::format::{cifar10, idx, mat, off, read_file, xyz};
use snn_data::{EventOptions, Limits, read_events};

use crate::unsafe_counting::peak_of;
use crate::util::repository_data;

// Long because it is one list, an answer a file.

/// Each file and its error, after the path; sorted by name.
const ANSWERS: [(&str, &str); 112] = [
    (
        "aedat1.aedat",
        ": AEDAT 1 is known but not readable by this version; convert it to one of npy, atis, bs1, bs2, bs3, aedat2, dat, evt2, evt3, es",
    ),
    (
        "aedat2-endless-line.aedat",
        ": header_bytes is 315, the limit is 256; use a smaller file, or raise `Limits::header_bytes` in your own program if it is trusted",
    ),
    (
        "aedat2-foreign.aedat",
        ": address 0x00ff0000 of event 1 is not one of a DVS128; this sensor's layout is not supported (at byte 22)",
    ),
    (
        "aedat2-header-only.aedat",
        ": no events are in it; fetch or save the file again or take it out of the data set (at byte 0)",
    ),
    (
        "aedat2-partial.aedat",
        ": 5 bytes are left after the last whole 8-byte AEDAT event; fetch or save the file again (at byte 22)",
    ),
    (
        "aedat3-all-invalid.aedat",
        ": no events are in it; fetch or save the file again or take it out of the data set (at byte 0)",
    ),
    (
        "aedat3-claim-size.aedat",
        ": a packet needs 18446744065119617025 bytes and 0 are left; fetch or save the file again (at byte 47)",
    ),
    (
        "aedat3-claim.aedat",
        ": a packet needs 34359738360 bytes and 0 are left; fetch or save the file again (at byte 47)",
    ),
    (
        "aedat3-no-end.aedat",
        ": header: the line `#!END-HEADER` is missing; fetch or save the file again (at byte 33)",
    ),
    (
        "aedat3-outside.aedat",
        ": event 0 at (128, 0) lies outside of the 128x128 sensor; give the sensor's size, or drop what is outside (at byte 75)",
    ),
    (
        "aedat3-partial-header.aedat",
        ": a packet's header needs 28 bytes and 20 are left; fetch or save the file again (at byte 47)",
    ),
    (
        "aedat3-partial.aedat",
        ": a packet needs 16 bytes and 12 are left; fetch or save the file again (at byte 47)",
    ),
    (
        "aedat3-size.aedat",
        ": header: events of 8 bytes with the time at 4 are needed; fetch or save the file again (at byte 47)",
    ),
    (
        "aedat4-bomb.aedat4",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    (
        "aedat4-claim-events.aedat4",
        ": header: a damaged flatbuffer; fetch or save the file again (at byte 58)",
    ),
    (
        "aedat4-claim-header.aedat4",
        ": header_bytes is 4294967295, the limit is 256; use a smaller file, or raise `Limits::header_bytes` in your own program if it is trusted",
    ),
    (
        "aedat4-claim-packet.aedat4",
        ": a packet needs 4294967295 bytes and 8 are left; fetch or save the file again (at byte 58)",
    ),
    (
        "aedat4-cut-frame.aedat4",
        ": header: damaged LZ4 data; fetch or save the file again (at byte 58)",
    ),
    (
        "aedat4-cut.aedat4",
        ": a packet needs 79 bytes and 70 are left; fetch or save the file again (at byte 58)",
    ),
    (
        "aedat4-far-root.aedat4",
        ": header: a damaged flatbuffer; fetch or save the file again (at byte 14)",
    ),
    (
        "aedat4-far-table.aedat4",
        ": header: a damaged flatbuffer; fetch or save the file again (at byte 58)",
    ),
    (
        "aedat4-negative.aedat4",
        ": header: an event's time or position is negative; fetch or save the file again (at byte 58)",
    ),
    (
        "aedat4-other.aedat4",
        ": no events are in it; fetch or save the file again or take it out of the data set (at byte 0)",
    ),
    (
        "aedat4-streams.aedat4",
        ": header: events of several streams are in it; export one of them (at byte 145)",
    ),
    (
        "aedat4-zstd.aedat4",
        ": header: packets compressed otherwise than by LZ4; record or export the file with LZ4 (at byte 14)",
    ),
    (
        "atis-empty.bin",
        ": no events are in it; fetch or save the file again or take it out of the data set (at byte 0)",
    ),
    (
        "atis-outside.bin",
        ": event 1 at (34, 0) lies outside of the 34x34 sensor; give the sensor's size, or drop what is outside (at byte 5)",
    ),
    (
        "atis-partial.bin",
        ": 2 bytes are left after the last whole 5-byte ATIS event; fetch or save the file again (at byte 5)",
    ),
    (
        "bs1-far.bs1",
        ": side is 65536, the limit is 32767; use a smaller file, or raise `Limits::side` in your own program if it is trusted",
    ),
    (
        "bs1-partial.bs1",
        ": 4 bytes are left after the last whole 5-byte spike; fetch or save the file again (at byte 5)",
    ),
    (
        "bs3-channel.bs3",
        ": header: a channel above 1 is no polarity; only channels 0 (OFF) and 1 (ON) are read (at byte 10)",
    ),
    (
        "bs3-partial.bs3",
        ": 1 bytes are left after the last whole 7-byte spike; fetch or save the file again (at byte 7)",
    ),
    (
        "cifar10-label.bin",
        ": label 10 of record 0 is out of range for 10 classes; use the file of this data set",
    ),
    (
        "cifar10-partial.bin",
        ": 3 bytes are left after the last whole CIFAR record; fetch or save the file again (at byte 3073)",
    ),
    (
        "dat-endless-line.dat",
        ": header_bytes is 314, the limit is 256; use a smaller file, or raise `Limits::header_bytes` in your own program if it is trusted",
    ),
    (
        "dat-kind.dat",
        ": header: changes of 8 bytes, kind 0 or 12, are needed; other kinds are not read (at byte 12)",
    ),
    (
        "dat-line-storm.dat",
        ": header_bytes is 258, the limit is 256; use a smaller file, or raise `Limits::header_bytes` in your own program if it is trusted",
    ),
    (
        "dat-outside.dat",
        ": event 0 at (0, 4) lies outside of the 4x4 sensor; give the sensor's size, or drop what is outside (at byte 35)",
    ),
    (
        "dat-partial.dat",
        ": 4 bytes are left after the last whole 8-byte DAT event; fetch or save the file again (at byte 22)",
    ),
    ("dat-version.dat", ": header: a DAT file of version 2 is needed, `% Version 2` (at byte 12)"),
    (
        "es-cut.es",
        ": an event needs 5 bytes and 3 are left; fetch or save the file again (at byte 25)",
    ),
    (
        "es-no-size.es",
        ": header: the sensor's size is cut off; fetch or save the file again (at byte 17)",
    ),
    (
        "es-outside.es",
        ": event 0 at (3, 4) lies outside of the 4x4 sensor; give the sensor's size, or drop what is outside (at byte 20)",
    ),
    (
        "es-overflows.es",
        ": no events are in it; fetch or save the file again or take it out of the data set (at byte 0)",
    ),
    (
        "es-type.es",
        ": header: ATIS events (type 2) are not read; write them as a DVS stream (type 1) (at byte 15)",
    ),
    ("es-version.es", ": header: another version; only Event Stream 2 is read (at byte 12)"),
    (
        "evt2-no-time.raw",
        ": no events are in it; fetch or save the file again or take it out of the data set (at byte 0)",
    ),
    (
        "evt2-outside.raw",
        ": event 0 at (4, 0) lies outside of the 4x4 sensor; give the sensor's size, or drop what is outside (at byte 35)",
    ),
    (
        "evt2-partial.raw",
        ": 2 bytes are left after the last whole 4-byte EVT2 word; fetch or save the file again (at byte 18)",
    ),
    (
        "evt2-version.raw",
        ": EVT 2.1 is known but not readable by this version; convert it to one of npy, atis, bs1, bs2, bs3, aedat2, dat, evt2, evt3, es",
    ),
    (
        "evt3-no-time.raw",
        ": no events are in it; fetch or save the file again or take it out of the data set (at byte 0)",
    ),
    (
        "evt3-outside.raw",
        ": event 1 at (4, 0) lies outside of the 4x4 sensor; give the sensor's size, or drop what is outside (at byte 35)",
    ),
    (
        "evt3-partial.raw",
        ": 1 bytes are left after the last whole 2-byte EVT3 word; fetch or save the file again (at byte 14)",
    ),
    (
        "evt3-vector-storm.raw",
        ": side is 65536, the limit is 32767; use a smaller file, or raise `Limits::side` in your own program if it is trusted",
    ),
    (
        "gzip-bomb.bin.gz",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    ("gzip-cut.bin.gz", ": damaged gzip data; fetch or save the file again (at byte 0)"),
    (
        "hdf5-claim-chunk.h5",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    (
        "hdf5-claim-rows.h5",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    (
        "hdf5-claim-stored.h5",
        ": header: damaged HDF5 data; fetch or save the file again (at byte 0)",
    ),
    (
        "hdf5-claim-text.h5",
        ": header: labels (integers), spikes/times (variable length, f16, f32 or f64) and spikes/units (variable length, u8 to u32) are needed, one a recording, as in shd_train.h5 (at byte 0)",
    ),
    (
        "hdf5-deep-type.h5",
        ": header: its structures are damaged, too large, or point to one another too often; fetch or save the file again, or write it with larger chunks (at byte 0)",
    ),
    (
        "hdf5-empty-chunk.h5",
        ": header: damaged HDF5 data; fetch or save the file again (at byte 0)",
    ),
    (
        "hdf5-filter-twice.h5",
        ": header: a filter that is applied twice; write the file with one compression (at byte 0)",
    ),
    (
        "hdf5-header-storm.h5",
        ": header: its structures are damaged, too large, or point to one another too often; fetch or save the file again, or write it with larger chunks (at byte 0)",
    ),
    (
        "hdf5-node-storm.h5",
        ": header: its structures are damaged, too large, or point to one another too often; fetch or save the file again, or write it with larger chunks (at byte 0)",
    ),
    ("hdf5.h5", ": header: damaged HDF5 data; fetch or save the file again (at byte 0)"),
    (
        "idx-claim.idx",
        ": side is 4294967295, the limit is 32767; use a smaller file, or raise `Limits::side` in your own program if it is trusted",
    ),
    (
        "mat-cut.mat",
        ": header: a damaged MATLAB element; fetch or save the file again (at byte 128)",
    ),
    (
        "mat-many.mat",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    (
        "mat-struct.mat",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    (
        "npy-claim-header.npy",
        ": header_bytes is 4294967295, the limit is 256; use a smaller file, or raise `Limits::header_bytes` in your own program if it is trusted",
    ),
    (
        "npy-claim.npy",
        ": events is 18446744073709551615, the limit is 134217728; use a smaller file, or raise `Limits::events` in your own program if it is trusted",
    ),
    (
        "npy-cut.npy",
        ": the array needs 26 bytes and 13 are left; fetch or save the file again (at byte 119)",
    ),
    (
        "npy-float.npy",
        ": header: an array with the integer fields or columns t, x, y, p is needed (at byte 10)",
    ),
    (
        "npy-negative.npy",
        ": header: an event's time or position is negative or too large; save pixels from 0 and times in microseconds (at byte 119)",
    ),
    (
        "npy-no-p.npy",
        ": header: an array with the integer fields or columns t, x, y, p is needed (at byte 10)",
    ),
    (
        "npy-surplus.npy",
        ": 5 bytes are left after the last whole record of the array; fetch or save the file again (at byte 132)",
    ),
    (
        "npz-bomb.npz",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    (
        "npz-claim.npz",
        ": header: a damaged zip archive; fetch or save the file again (at byte 597)",
    ),
    (
        "npz-crc.npz",
        ": header: a member's bytes differ from its checksum; fetch or save the file again (at byte 597)",
    ),
    (
        "npz-cut.npz",
        ": not a whole .npz file; name the format that the file has, or convert it (at byte 0)",
    ),
    (
        "npz-lengths.npz",
        ": header: the arrays t, x, y and p differ in length; fetch or save the file again (at byte 0)",
    ),
    (
        "npz-method.npz",
        ": header: compressed otherwise than by deflate; save it again (at byte 111)",
    ),
    (
        "npz-no-p.npz",
        ": header: the arrays t, x, y and p, or one structured array, are needed (at byte 0)",
    ),
    (
        "npz-overlap.npz",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    (
        "off-claim.off",
        ": header: a vertex is missing or damaged; fetch or save the file again (at byte 34)",
    ),
    (
        "off-corners.off",
        ": header: a face is missing or damaged; fetch or save the file again (at byte 28)",
    ),
    (
        "off-index.off",
        ": header: a face names a vertex that is not there; fetch or save the file again (at byte 28)",
    ),
    (
        "parquet-claim-footer.parquet",
        ": header_bytes is 4294967295, the limit is 256; use a smaller file, or raise `Limits::header_bytes` in your own program if it is trusted",
    ),
    (
        "parquet-claim-page.parquet",
        ": inflate_ratio is 51, the limit is 50; use a smaller file, or raise `Limits::inflate_ratio` in your own program if it is trusted",
    ),
    (
        "parquet-claim-rows.parquet",
        ": header: damaged Parquet data; fetch or save the file again (at byte 53)",
    ),
    (
        "parquet-delta.parquet",
        ": header: values in an encoding that is not read; write them plain (at byte 4)",
    ),
    (
        "parquet-far-page.parquet",
        ": header: damaged Parquet data; fetch or save the file again (at byte 4)",
    ),
    (
        "parquet-few-rows.parquet",
        ": header: damaged Parquet data; fetch or save the file again (at byte 53)",
    ),
    (
        "parquet-no-dictionary.parquet",
        ": header: damaged Parquet data; fetch or save the file again (at byte 4)",
    ),
    (
        "parquet-no-label.parquet",
        ": header: a label is negative; use the shards train-* and validation-*, which have labels (at byte 53)",
    ),
    (
        "parquet-other-columns.parquet",
        ": header: the columns image {bytes} and label are needed, as the Hub's sets of pictures have them (at byte 53)",
    ),
    (
        "parquet-zstd.parquet",
        ": header: compressed otherwise than by Snappy; write the file with Snappy (at byte 53)",
    ),
    (
        "picture-adler.png",
        ": damaged picture: Error decoding idat chunks Mismatched Adler, expected 589824 but found 589832; fetch or save the file again (at byte 0)",
    ),
    (
        "picture-animation.png",
        ": damaged picture: Error decoding idat chunks Insufficient data; fetch or save the file again (at byte 0)",
    ),
    (
        "picture-claim.png",
        ": side is 1073741824, the limit is 32767; use a smaller file, or raise `Limits::side` in your own program if it is trusted",
    ),
    (
        "picture-colors.jpg",
        ": damaged picture: its colors are of an unknown kind; fetch or save the file again (at byte 0)",
    ),
    (
        "picture-cut.jpg",
        ": damaged picture: the end is missing; fetch or save the file again (at byte 0)",
    ),
    (
        "picture-header.png",
        ": damaged picture: the chunk IHDR does not belong here; fetch or save the file again (at byte 33)",
    ),
    (
        "picture-late-colors.jpg",
        ": damaged picture: its kind of colors changes; fetch or save the file again (at byte 137)",
    ),
    (
        "picture-palette.png",
        ": damaged picture: the chunk PLTE does not belong here; fetch or save the file again (at byte 33)",
    ),
    (
        "picture-rows.jpg",
        ": damaged picture: rows are missing; fetch or save the file again (at byte 0)",
    ),
    (
        "picture-rows.png",
        ": damaged picture: rows are missing; fetch or save the file again (at byte 0)",
    ),
    (
        "picture-sampling.jpg",
        ": damaged picture: its first component is not its finest; fetch or save the file again (at byte 115)",
    ),
    (
        "picture-text.png",
        ": damaged picture: Error decoding idat chunks Insufficient data; fetch or save the file again (at byte 0)",
    ),
    (
        "unknown.foo",
        ": neither the first bytes nor the name tell which format this is; name it if it is one of idx, cifar10, cifar100, atis, atis-overflow, bs1, bs2, bs3, aedat2, aedat3, aedat4, dat, evt2, evt3, es, npy, hdf5, npz, text, or save the events as text, a line `t x y p` each (at byte 0)",
    ),
    (
        "xyz-nan.xyz",
        ": header: three finite numbers a line are needed; fetch or save the file again (at byte 6)",
    ),
];

/// Reads a file as its name's first word says; the error's text without the path.
fn answer(path: &Path) -> String {
    let limits = Limits { header_bytes: 256, ..Limits::default() };
    let name = path.file_name().unwrap().to_str().unwrap();
    let bytes = || read_file(path, &limits).unwrap();
    let error = match name.split(['-', '.']).next().unwrap() {
        "idx" => idx(&bytes(), &limits, path).map(drop).unwrap_err(),
        "cifar10" => cifar10(&bytes(), &limits, path).map(drop).unwrap_err(),
        "mat" => mat(&bytes(), &limits, path).map(drop).unwrap_err(),
        "off" => off(&bytes(), &limits, path).map(drop).unwrap_err(),
        "xyz" => xyz(&bytes(), &limits, path).map(drop).unwrap_err(),
        #[cfg(feature = "parquet")]
        "parquet" => {
            let mut file = std::fs::File::open(path).unwrap();
            let shard = snn_data::format::parquet(&mut file, &limits, path);
            let read = shard.and_then(|shard| shard.picture(&mut file, 0, &limits, path));
            read.map(drop).unwrap_err()
        }
        #[cfg(feature = "image")]
        "picture" => snn_data::format::picture(&bytes(), &limits, path).map(drop).unwrap_err(),
        _ => {
            let options = EventOptions { limits, ..EventOptions::default() };
            let read = read_events(path, &options).and_then(|stream| stream.not_empty(path));
            read.map(|stream| stream.events.len()).unwrap_err()
        }
    };
    let text = error.to_string();
    let folder = path.parent().unwrap().display();
    assert!(
        text.starts_with(&format!("{}", path.display())) && !text.contains(char::from(10)),
        "{text:?}"
    );
    text.replace(&format!("{folder}/"), "").replacen(name, "", 1)
}

/// Whether this build reads what the file is meant to be.
fn is_read(name: &str) -> bool {
    (cfg!(feature = "image") || !name.starts_with("picture"))
        && (cfg!(feature = "aedat4") || !name.starts_with("aedat4"))
        && (cfg!(feature = "hdf5") || !name.starts_with("hdf5"))
        && (cfg!(feature = "parquet") || !name.starts_with("parquet"))
}

#[test]
fn every_hostile_file_is_answered_as_listed() {
    let dir = repository_data().join("hostile");
    let mut found: Vec<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|e| e != "py"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let listed: Vec<&str> = ANSWERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed, "data/hostile and this list differ");
    for (name, expected) in ANSWERS.iter().filter(|(name, _)| is_read(name)) {
        let path = dir.join(name);
        let size = std::fs::metadata(&path).unwrap().len() as usize;
        let (text, peak) = peak_of(|| answer(&path));
        assert_eq!(text, *expected, "{name}");
        // Small files that claim to be large take no memory for it.
        let most = if size <= 1024 { 1 << 20 } else { (16 << 20) + 4 * size };
        assert!(peak <= most, "{name}: {peak} bytes for {size}");
    }
}
