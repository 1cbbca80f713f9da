//! Files as people have them, and what went wrong with such.

use std::path::Path;

use snn_data::format::{decode_events, encode_events, read_recording};
use snn_data::{
    Error, Event, EventOptions, EventStream, Format, FormatFault, FrameBy, Result, frames,
    read_events,
};

fn read(bytes: &[u8], name: &str) -> Result<EventStream> {
    decode_events(bytes, &EventOptions::default(), Path::new(name))
}

/// A letter T on a DVS128, ON, the bar at the top, one event every 10 us; left of the stem's foot a dot, so that a mirror
/// image is told.
fn letter() -> EventStream {
    let bar = (30..98).map(|x| (x, 17));
    let stem = (18..108).map(|y| (63, y));
    let places = bar.chain(stem).chain([(20, 107)]);
    let event =
        |(t, (x, y)): (u64, (u16, u16))| Event { t_us: 1000 + 10 * t, x, y, polarity: true };
    let events = (0..).zip(places).map(event).collect();
    EventStream { width: 128, height: 128, events, skipped_special: 0 }
}

#[test]
fn a_letter_stands_upright_in_every_format() {
    // Addresses from the lower left corner, bit 0 for OFF.
    let mut aedat2 = b"#!AER-DAT2.0\r\n# AEChip: DVS128\r\n".to_vec();
    let n = letter().events.len() as u32;
    let words = [1 | 1 << 16, 8, 4, 0, n, n, n];
    let mut aedat31 = b"#!AER-DAT3.1\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n".to_vec();
    aedat31.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    for e in letter().events {
        let (x, y, t) = (u32::from(e.x), u32::from(e.y), e.t_us as u32);
        aedat2.extend(((127 - y) << 8 | x << 1).to_be_bytes());
        aedat2.extend(t.to_be_bytes());
        aedat31.extend((x << 17 | y << 2 | 3).to_le_bytes());
        aedat31.extend(t.to_le_bytes());
    }
    assert_eq!(read(&aedat2, "a.aedat").unwrap(), letter());
    assert_eq!(read(&aedat31, "a.aedat").unwrap(), letter());
    for format in Format::WRITABLE.into_iter().filter(|format| *format != Format::Bs1) {
        let bytes = encode_events(&letter(), format).unwrap();
        let options = EventOptions {
            format: Some(format),
            sensor: Some((128, 128)),
            ..EventOptions::default()
        };
        assert_eq!(decode_events(&bytes, &options, Path::new("a")).unwrap(), letter(), "{format}");
    }
    let options = EventOptions { as_stored: true, ..EventOptions::default() };
    let raw = decode_events(&aedat2, &options, Path::new("a.aedat")).unwrap();
    assert_eq!((raw.events[0].x, raw.events[0].y), (30, 110));
}

/// ATIS records (x, y, polarity, t).
fn atis(events: &[(u8, u8, u8, u16)]) -> Vec<u8> {
    let record = |&(x, y, p, t): &(u8, u8, u8, u16)| [x, y, p << 7, (t >> 8) as u8, t as u8];
    events.iter().flat_map(record).collect()
}

#[test]
fn overflow_marks_are_named_and_not_taken_for_events() {
    let bytes = atis(&[(1, 2, 1, 100), (3, 4, 0, 8000), (0, 240, 0, 0), (5, 6, 1, 50)]);
    let path = Path::new("image_0001.bin");
    let read = |format, sensor| {
        let options = EventOptions { format, sensor, ..EventOptions::default() };
        decode_events(&bytes, &options, path).map(|stream| stream.events)
    };
    // Whatever sensor is given, a file of which only the name is known does not get wrong times.
    for (format, sensor) in [
        (None, None),
        (None, Some((304, 241))),
        (None, Some((640, 480))),
        (Some(Format::Atis), None),
    ] {
        let error = read(format, sensor).unwrap_err().to_string();
        assert!(error.contains("event 2 at y = 240") && error.contains("atis-overflow"), "{error}");
    }
    let times = |events: Vec<Event>| events.iter().map(|e| e.t_us).collect::<Vec<_>>();
    assert_eq!(times(read(Some(Format::AtisOverflow), None).unwrap()), [100, 8000, 8242]);
    // Who says both has a sensor of 480 rows.
    assert_eq!(read(Some(Format::Atis), Some((640, 480))).unwrap().len(), 4);
    assert_eq!(read(Some(Format::Bs2), None).unwrap().len(), 4);
}

#[test]
fn one_event_outside_does_not_lose_the_rest() {
    let read = |bytes: &[u8], format, sensor| {
        let options = EventOptions {
            format: Some(format),
            sensor,
            drop_outside: true,
            ..EventOptions::default()
        };
        read_recording_of(bytes, &options)
    };
    let kept = |x, y, t_us| Event { t_us, x, y, polarity: true };
    let bytes = atis(&[(1, 2, 1, 7), (33, 34, 1, 8), (33, 33, 1, 9)]);
    let (stream, dropped) = read(&bytes, Format::Atis, None);
    assert_eq!((stream.events, dropped), (vec![kept(1, 2, 7), kept(33, 33, 9)], 1));
    assert_eq!((stream.width, stream.height), (34, 34));
    // The header's sensor, and the window of an AEDAT 2.0, whose origin is at the lower left.
    let wide = |width, height| {
        let events = vec![kept(0, 0, 7), kept(9, 5, 8), kept(3, 4, 9)];
        EventStream { width, height, events, skipped_special: 0 }
    };
    let evt = encode_events(&wide(9, 6), Format::Evt3).unwrap();
    let (stream, dropped) = read(&evt, Format::Evt3, None);
    assert_eq!((stream.events.len(), dropped, stream.width), (2, 1, 9));
    let aedat = encode_events(&wide(10, 6), Format::Aedat2).unwrap();
    let (stream, dropped) = read(&aedat, Format::Aedat2, Some((10, 5)));
    assert_eq!((stream.events, dropped), (vec![kept(9, 4, 8), kept(3, 3, 9)], 1));
    assert_eq!(read(&aedat, Format::Aedat2, Some((10, 6))).1, 0);
}

fn read_recording_of(bytes: &[u8], options: &EventOptions) -> (EventStream, u64) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::fs::write(&path, bytes).unwrap();
    let recording = read_recording(&path, options).unwrap();
    (recording.stream, recording.dropped_outside)
}

#[test]
fn a_sensor_that_nobody_said_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let measured = |name: &str, bytes: &[u8], sensor| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let options = EventOptions { sensor, ..EventOptions::default() };
        read_recording(&path, &options).unwrap().is_measured
    };
    let stream = EventStream { height: 1, ..letter() };
    let events = stream.events.iter().filter(|e| e.y == 17).map(|e| Event { y: 0, ..*e });
    let stream = EventStream { events: events.collect(), ..stream };
    for format in Format::WRITABLE {
        let bytes = encode_events(&stream, format).unwrap();
        if format == Format::Atis {
            continue;
        }
        let name = format!("a.{format}");
        let says = [Format::Aedat2, Format::Dat, Format::Evt2, Format::Evt3, Format::Es];
        assert_eq!(measured(&name, &bytes, None), !says.contains(&format), "{format}");
        assert!(!measured(&name, &bytes, Some((128, 1))), "{format}");
    }
    assert!(measured("a.raw", b"% evt 2.0\n\0\0\0\x80\x04\0\0\0", None));
    assert!(measured("a.txt", b"1 2 3 1\n", None) && !measured("b.txt", b"9 9\n1 2 3 1\n", None));
}

#[test]
fn text_is_read_by_its_content() {
    let event = |t_us, x, y, polarity| Event { t_us, x, y, polarity };
    let expected = [event(0, 0, 0, false), event(1000, 1, 2, true)];
    for (name, text) in [
        ("v2e.txt", "# text\n0.000000 0 0 0\n0.001000 1 2 1\n"),
        ("events", "0 0 0 0\n1000 1 2 1\n"),
        ("a.csv", "timestamp,x,y,polarity\r\n0,0,0,-1\r\n1000,1,2,1\r\n"),
        ("b.csv", "%geometry:4,4\n0,0,0,0\n1,2,1,1000\n"),
    ] {
        assert_eq!(read(text.as_bytes(), name).unwrap().events, expected, "{name}");
    }
    let error = read(b"1 2 3 1\n1 2 3\n", "a.txt").unwrap_err().to_string();
    assert!(error.contains("a.txt: line 2: is not the four numbers"), "{error}");
}

#[test]
fn recordings_shorter_than_their_frames_are_refused_not_emptied() {
    let events = (0..10).map(|i| Event { t_us: i, x: i as u16, y: 0, polarity: true }).collect();
    let stream = EventStream { width: 10, height: 1, events, skipped_special: 0 };
    let error = frames(&stream, 10, FrameBy::Time).unwrap_err().to_string();
    assert!(error.contains("10 frames by time") && error.contains("time-whole"), "{error}");
    let x = frames(&stream, 10, FrameBy::TimeWhole).unwrap();
    assert_eq!(x.iter().sum::<f32>(), 10.0);
}

#[cfg(feature = "hdf5")]
mod hdf5 {
    use super::*;

    fn file(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
    }

    fn expected(n: u16) -> Vec<Event> {
        let event = |i: u16| Event {
            t_us: 5 + 1000 * u64::from(i),
            x: (7 * u32::from(i) % 64) as u16,
            y: 5 * i % 48,
            polarity: i % 2 == 1,
        };
        (0..n).map(event).collect()
    }

    #[test]
    fn tables_zstandard_and_blosc_are_read() {
        for (name, n) in
            [("events_zstd.h5", 50), ("events_blosc.h5", 5000), ("events_table.h5", 50)]
        {
            let recording = read_recording(&file(name), &EventOptions::default()).unwrap();
            assert!(recording.stream.events == expected(n), "{name}");
            assert_eq!((recording.stream.width, recording.stream.height), (64, 48), "{name}");
            assert_eq!(recording.is_measured, name != "events_table.h5");
        }
    }

    #[test]
    fn damaged_chunks_are_answered() {
        for (name, magic) in
            [("events_zstd.h5", &[0x28, 0xb5, 0x2f, 0xfd][..]), ("events_blosc.h5", &[2, 1])]
        {
            let bytes = std::fs::read(file(name)).unwrap();
            let places: Vec<usize> =
                (0..bytes.len()).filter(|&at| bytes[at..].starts_with(magic)).take(12).collect();
            assert!(places.len() >= 4, "{name}");
            let mut refused = 0;
            for at in places {
                for bit in (0..8 * 60).filter(|&bit| at + bit / 8 < bytes.len()) {
                    let mut turned = bytes.clone();
                    turned[at + bit / 8] ^= 1 << (bit % 8);
                    refused += usize::from(read(&turned, "a.h5").is_err());
                }
            }
            assert!(refused > 100, "{name}: {refused}");
        }
        let mut turned = std::fs::read(file("events_zstd.h5")).unwrap();
        let at = turned.windows(4).position(|w| w == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
        turned[at] ^= 1;
        let error = read(&turned, "a.h5").unwrap_err().to_string();
        assert!(error.contains("its packed data are damaged"), "{error}");
    }

    #[test]
    fn what_is_not_read_says_what_was_found() {
        let error = read_events(&file("events_lz4.h5"), &EventOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Format { fault: FormatFault::Contents { .. }, .. }));
        let error = error.to_string();
        for part in [
            "events/x packed by LZ4 (HDF5 filter 32004)",
            "events/p, events/t",
            "Zstandard and Blosc with it are read",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}

/// The files of the cases that were reported, where they are there.
#[test]
fn reported_files_have_the_right_answer() {
    let Some(data) = snn_needs::shared_data() else { return };
    let dir = data.with_file_name("cases").join("data");
    if !dir.is_dir() {
        println!("skipped: no {}", dir.display());
        return;
    }
    let path = |name: &str| dir.join(name);
    let read = |name: &str| read_events(&path(name), &EventOptions::default());
    let raw = read("evt3_one_step_back.raw").unwrap();
    let expected = read("evt3_one_step_back.expected_xypt.csv").unwrap();
    let first = raw.events[0].t_us;
    assert!(raw.events.iter().any(|e| e.t_us == first + 19_900), "it lasts 19,900 us");
    assert_eq!((raw.events, raw.width, raw.height), (expected.events, 1280, 720));
    let places = |name: &str| {
        let mut places: Vec<_> = read(name).unwrap().events.iter().map(|e| (e.y, e.x)).collect();
        places.sort_unstable();
        places
    };
    assert_eq!(places("aedat2_T.aedat"), places("aedat31_T.aedat"));
    let bins = read("bins10.npy").unwrap();
    assert!(frames(&bins, 10, FrameBy::Time).is_err());
    for (name, values) in [
        ("pol_count.npy", "p holds 1, 2, 3;"),
        ("plain_xypt.npy", "p holds 5, 1005, 2005, 3005, 4005, ...;"),
        #[cfg(feature = "hdf5")]
        ("h_p12.h5", "p holds 1, 2;"),
    ] {
        let error = read(name).unwrap_err().to_string();
        assert!(error.contains(values), "{error}");
    }
    #[cfg(feature = "hdf5")]
    for name in ["dsec_zstd.h5", "metavision_plain.h5"] {
        let stream = read(name).unwrap();
        let times: Vec<u64> = stream.events.iter().map(|e| e.t_us).collect();
        assert_eq!(times, (0..50).map(|i| 5 + 1000 * i).collect::<Vec<_>>(), "{name}");
        let x: Vec<u16> = stream.events.iter().map(|e| e.x).take(5).collect();
        assert_eq!(x, [0, 7, 14, 21, 28], "{name}");
    }
    let text = read("v2e.txt").unwrap();
    assert_eq!((text.events.len(), text.events[19].t_us, text.events[19].y), (20, 19_000, 38));
    let options = EventOptions { format: Some(Format::AtisOverflow), ..EventOptions::default() };
    let times = read_events(&path("ncal_over.bin"), &options).unwrap();
    let times: Vec<u64> = times.events.iter().map(|e| e.t_us).collect();
    assert_eq!(times, [100, 8000, 8242, 16_292, 16_404]);
    let error = read("ncal_over.bin").unwrap_err().to_string();
    assert!(error.contains("atis-overflow"), "{error}");
}
