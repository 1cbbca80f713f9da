//! Every event format on real files, and written and read again.

use std::path::Path;

use snn_data::format::{decode_events, encode_events, read_file};
use snn_data::{Error, Event, EventOptions, EventStream, Format, Limits, read_events};

use snn_needs::shared_data;

fn event((t_us, x, y, p): (u64, u16, u16, u8)) -> Event {
    Event { t_us, x, y, polarity: p == 1 }
}

#[test]
fn real_files_hold_the_known_events() {
    let Some(dir) = shared_data() else { return };
    let dir = dir.join("event-samples");
    let read = |name: &str| read_events(&dir.join(name), &EventOptions::default()).unwrap();
    // File, events, left out, sensor, first and last event.
    let known = [
        ("aedat2/dvs128_walking_10s.aedat", 125_028, 0, (128, 128), None),
        ("aedat2/dvs128_bad_special_bits.aedat", 110_228 - 318, 318, (128, 128), None),
        ("atis-bin/nmnist_sample.bin", 4325, 0, (34, 34), None),
        ("dat/ncars_sample.dat", 2009, 0, (78, 42), Some([(0, 25, 8, 0), (99_952, 75, 28, 1)])),
        (
            "evt2/evt2_sample.raw",
            539_481,
            0,
            (600, 476),
            Some([(1_317_888, 237, 121, 1), (1_367_888, 210, 142, 1)]),
        ),
        (
            "evt3/evt3_sample.raw",
            219_596,
            0,
            (1280, 720),
            Some([(11_718_656, 874, 200, 0), (11_727_457, 1218, 572, 1)]),
        ),
        ("es/dvs.es", 473_225, 0, (320, 240), Some([(0, 0, 239, 1), (999_000, 38, 46, 1)])),
        ("slayer-bs/NTIDIGITS_1.bs1", 898, 0, (64, 1), None),
        ("slayer-bs/NMNIST_1.bs2", 4681, 0, (34, 34), None),
        (
            "slayer-bs/5.bs3",
            181_179,
            0,
            (128, 128),
            Some([(8, 78, 126, 0), (1_449_984, 28, 25, 1)]),
        ),
        (
            "aedat31-synthetic/aedat1_for_testing.aedat",
            12,
            0,
            (128, 128),
            Some([(10, 0, 0, 1), (2_178_812, 1, 1, 1)]),
        ),
    ];
    for (name, n, skipped, sensor, ends) in known {
        let stream = read(name);
        assert_eq!((stream.events.len(), stream.skipped_special), (n, skipped), "{name}");
        assert_eq!((stream.width, stream.height), sensor, "{name}");
        if let Some([first, last]) = ends {
            let found = [stream.events[0], stream.events[n - 1]];
            assert_eq!(found, [event(first), event(last)], "{name}");
        }
    }
}

#[cfg(feature = "aedat4")]
#[test]
fn real_aedat4_holds_the_known_events() {
    let Some(dir) = shared_data() else { return };
    let path = dir.join("event-samples/aedat4/dvxplorer_320x240.aedat4");
    let stream = read_events(&path, &EventOptions::default()).unwrap();
    assert_eq!((stream.events.len(), stream.width, stream.height), (111_954, 320, 240));
    assert_eq!(stream.events[0], event((1_605_537_493_718_345, 154, 204, 0)));
    assert_eq!(stream.events[111_953], event((1_605_537_494_308_262, 88, 237, 1)));
    let bytes = read_file(&path, &Limits::default()).unwrap();
    let decode = |bytes: &[u8], limits| {
        let options = EventOptions { limits, ..EventOptions::default() };
        decode_events(bytes, &options, &path)
    };
    let few = Limits { inflate_ratio: 1, ..Limits::default() };
    let error = decode(&bytes, few).unwrap_err();
    assert!(matches!(error, Error::Limit { what: "inflate_ratio", .. }), "{error}");
    let few = Limits { events: 100_000, ..Limits::default() };
    assert!(matches!(decode(&bytes, few).unwrap_err(), Error::Limit { what: "events", .. }));
    // Cut anywhere, it is damaged and named.
    for n in (0..bytes.len()).step_by(bytes.len() / 50) {
        let read = decode(&bytes[..n], Limits::default());
        let error = read.map(|stream| stream.events.len()).unwrap_err().to_string();
        assert!(error.contains("dvxplorer_320x240.aedat4"), "{error}");
    }
}

#[test]
fn evt3_equals_the_array_made_from_it_but_for_its_times() {
    let Some(dir) = shared_data() else { return };
    let dir = dir.join("event-samples/evt3");
    let read = |name: &str| read_events(&dir.join(name), &EventOptions::default()).unwrap();
    let (raw, expected) = (read("evt3_sample.raw"), read("evt3_sample.expected.npy"));
    let untimed = |e: &Event| (e.x, e.y, e.polarity);
    assert!(raw.events.iter().map(untimed).eq(expected.events.iter().map(untimed)));
    // By the clock in the words the recording takes 8.8 ms; the array's 53.9 are expelliarmus' reading.
    let lasts = |stream: &EventStream| stream.events[219_595].t_us - stream.events[0].t_us;
    assert_eq!((lasts(&raw), lasts(&expected)), (8_801, 53_857));
}

#[test]
fn recordings_without_events_are_refused_as_samples() {
    let limits = EventOptions::default();
    let path = Path::new("empty.bin");
    let empty = decode_events(&[], &limits, path).unwrap();
    let error = empty.not_empty(path).unwrap_err().to_string();
    assert!(error.starts_with("empty.bin: no events are in it"), "{error}");
    let Some(dir) = shared_data() else { return };
    let path = dir.join("event-samples/aedat2/davis346_header_only.aedat");
    let stream = read_events(&path, &limits).unwrap();
    assert!(stream.events.is_empty() && stream.not_empty(&path).is_err());
}

/// A recording that every format can hold: one row, times within 2^23 us that never fall.
fn line() -> EventStream {
    let times = [0, 0, 1, 126, 127, 128, 254, 4095, 4096, 65_535, 1 << 20, (1 << 23) - 1];
    let events = times.iter().zip(0u16..).map(|(&t_us, i)| Event {
        t_us,
        x: i * 7 % 34,
        y: 0,
        polarity: i % 3 == 0,
    });
    EventStream { width: 34, height: 1, events: events.collect(), skipped_special: 0 }
}

#[test]
fn every_writer_is_read_again() {
    let stream = line();
    for format in Format::WRITABLE {
        let bytes = encode_events(&stream, format).unwrap();
        let sensor = Some((34, 1));
        let options = EventOptions { format: Some(format), sensor, ..EventOptions::default() };
        let again = decode_events(&bytes, &options, Path::new("again")).unwrap();
        assert_eq!(again, stream, "{format}");
        // A file that is cut inside of an event says where.
        let last = bytes.len() - 1;
        let error = decode_events(&bytes[..last], &options, Path::new("cut")).unwrap_err();
        assert!(matches!(error, Error::Format { offset, .. } if offset > 0), "{format}: {error}");
    }
}

/// Events at column 31 and row 139 of ATIS have gzip's magic number as their first bytes.
#[test]
fn a_first_event_is_not_taken_for_compression() {
    let bytes = [0x1f, 0x8b, 8, 0, 9, 1, 2, 0x80, 0, 10];
    for (format, name) in [(Some(Format::AtisOverflow), "image_0001"), (None, "image_0001.bin")] {
        let sensor = Some((240, 180));
        let options = EventOptions { format, sensor, ..EventOptions::default() };
        let stream = decode_events(&bytes, &options, Path::new(name)).unwrap();
        let first = Event { t_us: 0x08_0009, x: 31, y: 139, polarity: false };
        assert_eq!((stream.events[0], stream.events.len()), (first, 2), "{name}");
        let error = decode_events(&bytes, &options, Path::new("image_0001.bin.gz")).unwrap_err();
        assert!(error.to_string().contains("gzip"), "{error}");
    }
}

#[test]
fn times_that_fall_are_read_again_as_they_were() {
    let times = [9000, 8999, 8999, 4096, 4095, 0, 8191, 8192, 100, 99];
    let at = |t_us| Event { t_us, x: 3, y: 0, polarity: true };
    let stream = EventStream { events: times.map(at).to_vec(), ..line() };
    for format in Format::WRITABLE.into_iter().filter(|format| *format != Format::Es) {
        let bytes = encode_events(&stream, format).unwrap();
        let sensor = Some((34, 1));
        let options = EventOptions { format: Some(format), sensor, ..EventOptions::default() };
        assert_eq!(
            decode_events(&bytes, &options, Path::new("again")).unwrap(),
            stream,
            "{format}"
        );
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let at = |t_us, x, y| {
        let events = vec![Event { t_us, x, y, polarity: true }];
        EventStream { width: x + 1, height: y + 1, events, skipped_special: 0 }
    };
    // The last event that fits and the first that does not.
    for (format, most, beyond) in [
        (Format::Atis, at((1 << 23) - 1, 255, 255), [at(1 << 23, 0, 0), at(0, 256, 0)]),
        (Format::Bs1, at((1 << 23) - 1, 32_766, 0), [at(1 << 23, 0, 0), at(0, 0, 1)]),
        (Format::Bs3, at((1 << 24) - 1, 4095, 4095), [at(1 << 24, 0, 0), at(0, 0, 4096)]),
        (Format::Aedat2, at((1 << 32) - 1, 127, 127), [at(1 << 32, 0, 0), at(0, 128, 0)]),
        (Format::Dat, at((1 << 32) - 1, 16_383, 16_383), [at(1 << 32, 0, 0), at(0, 16_384, 0)]),
        (Format::Evt2, at((1 << 34) - 1, 2047, 2047), [at(1 << 34, 0, 0), at(0, 0, 2048)]),
        (Format::Evt3, at((1 << 40) - 1, 2047, 2047), [at(1 << 40, 0, 0), at(0, 2048, 0)]),
        (Format::Npy, at((1 << 63) - 1, 32_766, 32_766), [at(1 << 63, 0, 0), at(0, 32_768, 0)]),
    ] {
        let sensor = Some((32_767, 32_767));
        let options = EventOptions { format: Some(format), sensor, ..EventOptions::default() };
        let bytes = encode_events(&most, format).unwrap();
        let sensor = if format == Format::Aedat2 { Some((128, 128)) } else { sensor };
        let again = decode_events(&bytes, &EventOptions { sensor, ..options }, Path::new("a"));
        assert_eq!(again.unwrap().events, most.events, "{format}");
        for stream in beyond {
            let error = encode_events(&stream, format).unwrap_err().to_string();
            assert!(error.contains("event 0 at") && error.contains("does not fit"), "{error}");
        }
    }
    let fallen =
        EventStream { events: [at(5, 0, 0).events, at(4, 0, 0).events].concat(), ..line() };
    assert!(encode_events(&fallen, Format::Es).unwrap_err().to_string().contains("sort"));
    let error = encode_events(&fallen, Format::Aedat4).unwrap_err().to_string();
    assert!(error.contains("aedat4 is not written; use one of npy, atis"), "{error}");
}

#[test]
fn unknown_files_and_pipes_say_what_to_do() {
    let error = decode_events(b"abc", &EventOptions::default(), Path::new("x.foo")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("x.foo: neither") && text.contains("evt3"), "{text}");
    for path in ["/dev/zero", "/dev", "/nowhere/x.bin"] {
        let error = read_file(Path::new(path), &Limits::default()).unwrap_err();
        let cause = std::error::Error::source(&error);
        assert!(matches!(error, Error::Io { .. }) && cause.is_none(), "{error}");
    }
    let error = read_file(Path::new("/dev/zero"), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("no regular file") && error.contains("device"), "{error}");
}

#[cfg(feature = "hdf5")]
#[test]
fn spike_trains_of_hdf5_are_read() {
    use snn_data::format::shd;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/shd.h5");
    let limits = Limits::default();
    let bytes = read_file(&path, &limits).unwrap();
    let file = shd(bytes.clone(), &limits, &path).unwrap();
    assert_eq!((file.labels(), file.len()), (&[3, 19, 0][..], 3));
    let spike = |(t_us, x)| Event { t_us, x, y: 0, polarity: true };
    let last = file.recording(2, &limits, &path).unwrap();
    assert_eq!(last.events, [(543_457, 510), (815_917, 469), (935_058, 1)].map(spike));
    assert_eq!((last.width, last.height), (700, 1));
    assert!(file.recording(1, &limits, &path).unwrap().events.is_empty());
    let error = file.recording(3, &limits, &path).unwrap_err().to_string();
    assert!(error.contains("3 is not below 3"), "{error}");
    let first = read_events(&path, &EventOptions::default()).unwrap();
    assert_eq!(first.events[0], spike((16_525, 454)));
    let few = Limits { events: 4, ..Limits::default() };
    assert!(matches!(file.recording(0, &few, &path).unwrap_err(), Error::Limit { .. }));
    // Cut anywhere or with a bit turned, it is answered.
    let answer = |bytes: Vec<u8>| {
        if let Ok(file) = shd(bytes, &limits, &path) {
            (0..file.len().min(9)).for_each(|i| drop(file.recording(i, &limits, &path)));
        }
    };
    for n in (0..bytes.len()).step_by(37) {
        answer(bytes[..n].to_vec());
        let mut turned = bytes.clone();
        turned[n] ^= 1 << (n % 8);
        answer(turned);
    }
}
