//! Damaged and hostile bytes give a value or a typed error, never a panic, and little memory.

use std::path::Path;

use snn_data::format::{
    Aedat2Options, AtisOptions, aedat2, atis, cifar10, cifar100, csv, gunzip, idx, mat, npz, off,
    read_npy, write_npy, xyz,
};
use snn_data::random::{below, stream};
use snn_data::{Event, EventOptions, EventStream, Format, Limits, format};

use crate::util::repository_data;

const EVENT_FORMATS: [&str; 16] = [
    "atis",
    "atis-overflow",
    "bs1",
    "bs2",
    "bs3",
    "aedat2",
    "aedat3",
    "aedat4",
    "dat",
    "evt2",
    "evt3",
    "es",
    "npy",
    "npz",
    "hdf5",
    "text",
];

/// Runs every reader, whatever the bytes were meant to be.
fn read_all(bytes: &[u8]) {
    let (limits, path) = (Limits::default(), Path::new("hostile"));
    let _ = gunzip(bytes, &limits, path).map(|bytes| idx(&bytes, &limits, path).map(|_| ()));
    let _ = cifar10(bytes, &limits, path);
    let _ = cifar100(bytes, &limits, path);
    for (sensor, overflow_markers) in [(None, true), (Some((34, 34)), false)] {
        let _ = atis(bytes, &AtisOptions { sensor, overflow_markers }, &limits, path);
    }
    let options = Aedat2Options { sensor: (35, 35), as_stored: false };
    let _ = aedat2(bytes, &options, &limits, path);
    let _ = read_npy(bytes, None, &limits, path);
    let _ = mat(bytes, &limits, path);
    let _ = npz(bytes, &limits, path);
    let _ = off(bytes, &limits, path);
    let _ = xyz(bytes, &limits, path);
    let _ = csv(bytes, path);
    #[cfg(feature = "image")]
    let _ = format::picture(bytes, &limits, path);
    #[cfg(feature = "parquet")]
    let _ = format::parquet(&mut std::io::Cursor::new(bytes), &limits, path);
    #[cfg(feature = "hdf5")]
    let _ = format::shd(bytes.to_vec(), &limits, path);
    let _ = Format::sniff(bytes, path);
    for name in EVENT_FORMATS {
        let format = Some(name.parse().unwrap());
        let options = EventOptions { format, ..EventOptions::default() };
        if let Ok(stream) = format::decode_events(bytes, &options, path) {
            let inside = |e: &Event| e.x < stream.width && e.y < stream.height;
            assert!(stream.events.iter().all(inside));
            let is_packed = ["aedat4", "npz", "hdf5"].contains(&name);
            assert!(is_packed || stream.events.len() <= 6 * bytes.len());
        }
    }
}

/// Twenty events in one row.
fn line() -> EventStream {
    let event =
        |i: u16| Event { t_us: 99 * u64::from(i), x: i, y: 0, polarity: i.is_multiple_of(2) };
    EventStream { width: 20, height: 1, events: (0..20).map(event).collect(), skipped_special: 0 }
}

fn samples() -> Vec<Vec<u8>> {
    let mut rng = stream(1, "hostile-samples", 0, 0);
    let mut byte = |n: u64| below(&mut rng, n) as u8;
    let atis: Vec<u8> =
        (0..40u8).flat_map(|i| [byte(34), byte(34), byte(2) << 7, i, byte(255)]).collect();
    let mut aedat = b"#!AER-DAT2.0\r\n# a line\r\n".to_vec();
    aedat.extend((0..20u8).flat_map(|i| [0, 0, byte(35), byte(70), 0, 0, i, 0]));
    let events = format::decode_events(&atis, &EventOptions::default(), Path::new("a.bin"));
    let npy = write_npy(&events.unwrap()).unwrap();
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4][..], &[9; 24]].concat();
    let mut cifar = vec![3; 3073];
    cifar[0] = 9;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, &images).unwrap();
    let mesh = b"OFF3 2 0\n0 0 0\n1 0 0\n0.5 1e0 0\n3 0 1 2\n3 2 1 0 255\n".to_vec();
    let written = [Format::Dat, Format::Evt2, Format::Evt3, Format::Es, Format::Bs1, Format::Bs3];
    let written = written.map(|format| format::encode_events(&line(), format).unwrap());
    let words = [1 | 1 << 16, 8, 4, 0, 2, 2, 2, 5 << 17 | 7 << 2 | 3, 9, 1, 10u32];
    let mut aedat3 = b"#!AER-DAT3.1\r\n#!END-HEADER\r\n".to_vec();
    aedat3.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    let others = vec![
        mesh,
        atis,
        aedat,
        aedat3,
        npy,
        images,
        cifar,
        vec![5; 3074],
        packed.finish().unwrap(),
    ];
    [others, written.into()].concat()
}

#[test]
fn every_prefix_is_answered() {
    for sample in samples() {
        let stride = 1 + sample.len() / 600;
        for n in (0..sample.len()).step_by(stride) {
            read_all(&sample[..n]);
        }
    }
}

#[test]
fn every_bit_flip_of_the_first_256_bytes_is_answered() {
    for sample in samples() {
        for bit in 0..8 * sample.len().min(256) {
            let mut flipped = sample.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            read_all(&flipped);
        }
    }
}

#[test]
fn seeded_mutations_are_answered() {
    for (which, sample) in samples().into_iter().enumerate() {
        let mut rng = stream(2, "mutations", 0, which as u64);
        for _ in 0..300 {
            let mut mutated = sample.clone();
            for _ in 0..=below(&mut rng, 8) {
                let at = below(&mut rng, mutated.len() as u64) as usize;
                mutated[at] = below(&mut rng, 256) as u8;
            }
            read_all(&mutated);
        }
    }
}

/// Of each fuzz target a few inputs that reach what others do not (`cargo xtask fuzz`).
#[test]
fn what_fuzzing_found_is_answered() {
    let mut n = 0;
    for entry in std::fs::read_dir(repository_data().join("hostile/found")).unwrap() {
        read_all(&std::fs::read(entry.unwrap().path()).unwrap());
        n += 1;
    }
    assert!(n >= 200, "{n} inputs");
}

#[test]
fn claims_beyond_the_bytes_are_refused() {
    let (limits, path) = (Limits::default(), Path::new("x"));
    for n in [u64::MAX, u64::MAX / 13 + 1, 1 << 40, 1 << 20] {
        let header = format!(
            "{{'descr': [('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|u1')], 'fortran_order': False, 'shape': ({n},), }}\n"
        );
        let mut npy = b"\x93NUMPY\x01\x00".to_vec();
        npy.extend((header.len() as u16).to_le_bytes());
        npy.extend(header.bytes());
        assert!(read_npy(&npy, None, &limits, path).is_err());
    }
    let long_header = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}";
    assert!(read_npy(long_header, None, &limits, path).is_err());
    for rank in 1..=4u8 {
        let mut claim = vec![0, 0, 8, rank];
        claim.extend(std::iter::repeat_n([0, 0, 0x7f, 0xff], rank.into()).flatten());
        assert!(idx(&claim, &limits, path).is_err());
    }
    // A storm of overflow markers makes no event and does not wrap the clock.
    let storm: Vec<u8> = [0, 240, 0, 0, 0].repeat(100_000);
    let options = AtisOptions { sensor: None, overflow_markers: true };
    assert!(atis(&storm, &options, &limits, path).unwrap().events.is_empty());
    let few = Limits { events: 10, ..Limits::default() };
    assert!(atis(&storm, &options, &few, path).is_err());
}
