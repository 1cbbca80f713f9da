//! NumPy's `.npz`: arrays of numbers in a zip archive.

use std::io::Read;
use std::path::Path;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::npy::read_npy;
use super::numpy::Header;
use super::polarity::Polarities;
use super::room::Room;
use super::sensor::on_sensor;
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// The end of an archive: its signature, 8 bytes of counts, the directory's length and place, a comment's length.
const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;

/// Reads the arrays of an archive with their names, in row-major order whatever their sizes.
///
/// Members are stored or deflated, little-endian numbers of one of NumPy's types b1, f4, f8, i1 to i8 and u1 to u8.
///
/// # Errors
/// [`Error::Format`] for another archive or other members, [`Error::Limit`] past `limits`.
pub fn npz(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<(String, Vec<f64>)>> {
    let mut room = Room::new(bytes.len(), limits, path);
    let mut arrays = Vec::new();
    for entry in entries(bytes, path)? {
        let mut unpacked = room.clone();
        let npy = entry.content(bytes, &mut unpacked, path)?;
        let array = Array::read(&npy, limits, path)?;
        // The numbers stay and the member goes: the larger of the two counts.
        room.take(8 * array.len() as u64)?;
        room.shrink_to(&unpacked);
        arrays.push((entry.name, array.numbers().collect()));
    }
    Ok(arrays)
}

/// Reads a recording from an archive with the arrays t, x, y and p, as SpikingJelly writes it, or with one structured
/// array such as [`write_npy`](super::write_npy()) makes. Times are microseconds, p is 0 and 1 or -1
/// and 1.
///
/// # Errors
/// As [`npz`]; [`Error::Format`] too for arrays of unequal lengths, numbers that cannot be and an event outside of the
/// sensor.
pub fn npz_events(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let refuse = |why| Error::format(path, 0, FormatFault::Header { why });
    let mut room = Room::new(bytes.len(), limits, path);
    let mut members = Vec::new();
    for entry in entries(bytes, path)? {
        let npy = entry.content(bytes, &mut room, path)?;
        members.push((entry.name, npy));
    }
    if let [(_, npy)] = &members[..] {
        return read_npy(npy, sensor, limits, path);
    }
    let array = |name: &str| {
        let why = "the arrays t, x, y and p, or one structured array, are needed";
        let npy = members.iter().find(|(member, _)| member == name);
        let array = Array::read(&npy.ok_or_else(|| refuse(why))?.1, limits, path)?;
        check(path, "events", array.len() as u64, limits.events)?;
        Ok(array)
    };
    let (t, x, y, p) = (array("t")?, array("x")?, array("y")?, array("p")?);
    if [x.len(), y.len(), p.len()] != [t.len(); 3] {
        return Err(refuse(
            "the arrays t, x, y and p differ in length; fetch or save the file again",
        ));
    }
    #[allow(clippy::cast_possible_truncation)] // Whole and below 2^53.
    let whole = |value: f64, below: f64| {
        (value.fract() == 0.0 && (0.0..below).contains(&value)).then_some(value as u64)
    };
    let side = |value| u16::try_from(whole(value, 65_536.0)?).ok();
    let mut seen = Polarities::default();
    let event = |(((t, x), y), p)| {
        let polarity = seen.see(p);
        Some(Event { t_us: whole(t, 2f64.powi(53))?, x: side(x)?, y: side(y)?, polarity })
    };
    let values = t.numbers().zip(x.numbers()).zip(y.numbers()).zip(p.numbers());
    let events: Option<Vec<Event>> = values.map(event).collect();
    let why = "an event's time or position is no whole number, negative or too large; save them in microseconds and pixels";
    let events = events.ok_or_else(|| refuse(why))?;
    seen.check(p.numbers(), path, 0)?;
    on_sensor(events, sensor, limits, path, |_| 0)
}

const DAMAGED: &str = "a damaged zip archive; fetch or save the file again";

/// A member as the directory has it.
struct Entry {
    /// Without `.npy`.
    name: String,
    /// Where the directory says so.
    at: usize,
    method: u16,
    crc: u32,
    bytes: usize,
    place: usize,
}

/// The members of an archive.
fn entries(bytes: &[u8], path: &Path) -> Result<Vec<Entry>> {
    let refuse = |at| Error::format(path, at, FormatFault::Header { why: DAMAGED });
    let most = bytes.len().saturating_sub(END_BYTES + 0xffff);
    let ending = bytes.get(most..).unwrap_or(&[]);
    let end = ending.windows(END_BYTES).rposition(|window| window.starts_with(END));
    let end = end.map(|at| most + at);
    let end = end.ok_or_else(|| {
        Error::format(path, 0, FormatFault::Magic { expected: "a whole .npz file" })
    })?;
    let place = bytes.get(end + 16..end + 20).and_then(<[u8]>::first_chunk);
    let place = place.map_or(usize::MAX, |&place| u32::from_le_bytes(place) as usize);
    let mut directory = bytes.get(place..end).ok_or_else(|| refuse(end))?;
    let mut entries = Vec::new();
    while !directory.is_empty() {
        let at = end - directory.len();
        entries.push(Entry::next(&mut directory, at).ok_or_else(|| refuse(at))?);
    }
    Ok(entries)
}

impl Entry {
    /// The next of the directory.
    fn next(directory: &mut &[u8], at: usize) -> Option<Self> {
        let (fixed, rest) = directory.strip_prefix(b"PK\x01\x02")?.split_at_checked(42)?;
        let short = |at: usize| Some(u16::from_le_bytes(*fixed.get(at..)?.first_chunk()?));
        let long = |at: usize| Some(u32::from_le_bytes(*fixed.get(at..)?.first_chunk()?));
        let (name, rest) = rest.split_at_checked(short(24)?.into())?;
        *directory = rest.get(usize::from(short(26)?) + usize::from(short(28)?)..)?;
        let name = String::from_utf8_lossy(name);
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let (bytes, place) = (long(16)? as usize, long(38)? as usize);
        Some(Self { name, at, method: short(6)?, crc: long(12)?, bytes, place })
    }

    /// The unpacked bytes, taken from `room`: members may share their bytes, so that stored ones count too.
    fn content(&self, bytes: &[u8], room: &mut Room<'_>, path: &Path) -> Result<Vec<u8>> {
        let refuse = |why| Error::format(path, self.at, FormatFault::Header { why });
        let stored = self.stored(bytes).ok_or_else(|| refuse(DAMAGED))?;
        let mut out = Vec::new();
        let read = match self.method {
            0 => room.bound(stored).read_to_end(&mut out),
            8 => room.bound(DeflateDecoder::new(stored)).read_to_end(&mut out),
            _ => return Err(refuse("compressed otherwise than by deflate; save it again")),
        };
        room.take(read.map_err(|_| refuse(DAMAGED))? as u64)?;
        let mut crc = Crc::new();
        crc.update(&out);
        if crc.sum() != self.crc {
            return Err(refuse(
                "a member's bytes differ from its checksum; fetch or save the file again",
            ));
        }
        Ok(out)
    }

    /// The bytes as they stand in the archive, behind a header of their own.
    fn stored<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (fixed, rest) =
            bytes.get(self.place..)?.strip_prefix(b"PK\x03\x04")?.split_at_checked(26)?;
        let (&[a, b, c, d], []) = fixed.get(22..)?.split_first_chunk()? else { return None };
        let skip =
            usize::from(u16::from_le_bytes([a, b])) + usize::from(u16::from_le_bytes([c, d]));
        rest.get(skip..)?.get(..self.bytes)
    }
}

/// The numbers of a member, not yet converted.
struct Array<'a> {
    data: &'a [u8],
    /// A number's bytes.
    size: usize,
    number: fn(&[u8]) -> f64,
}

impl<'a> Array<'a> {
    /// The array of a `.npy` file, as long as its header says.
    fn read(npy: &'a [u8], limits: &Limits, path: &Path) -> Result<Self> {
        let (header, data) = Header::read(npy, limits, path)?;
        let refuse = |why| Error::format(path, 0, FormatFault::Header { why });
        let why = "an array of little-endian numbers, as long as its header says, is needed";
        let (size, number) = kind(header.descr.trim_matches('\'')).ok_or_else(|| refuse(why))?;
        if header.len().and_then(|n| n.checked_mul(size as u64)) != Some(data.len() as u64) {
            return Err(refuse(why));
        }
        if header.fortran_order && header.shape.iter().filter(|&&size| size > 1).count() > 1 {
            return Err(refuse(
                "columns stand one after another (Fortran order); save it with np.ascontiguousarray",
            ));
        }
        Ok(Self { data, size, number })
    }

    fn len(&self) -> usize {
        self.data.len() / self.size
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        self.data.chunks_exact(self.size).map(self.number)
    }
}

/// A number's bytes, and what reads it.
type Kind = (usize, fn(&[u8]) -> f64);

/// The kind that NumPy calls `name`.
fn kind(name: &str) -> Option<Kind> {
    fn le<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.first_chunk().copied().unwrap_or([0; N])
    }
    let kind: Kind = match name {
        "<f8" => (8, |b| f64::from_le_bytes(le(b))),
        "<f4" => (4, |b| f32::from_le_bytes(le(b)).into()),
        "|i1" => (1, |b| i8::from_le_bytes(le(b)).into()),
        "<i2" => (2, |b| i16::from_le_bytes(le(b)).into()),
        "<i4" => (4, |b| i32::from_le_bytes(le(b)).into()),
        "<i8" => (8, |b| i64::from_le_bytes(le(b)) as f64),
        "|b1" | "|u1" => (1, |b| u8::from_le_bytes(le(b)).into()),
        "<u2" => (2, |b| u16::from_le_bytes(le(b)).into()),
        "<u4" => (4, |b| u32::from_le_bytes(le(b)).into()),
        "<u8" => (8, |b| u64::from_le_bytes(le(b)) as f64),
        _ => return None,
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::numpy;
    use super::*;

    /// A member's name and `.npy` file.
    type Member<'a> = (&'a str, Vec<u8>);

    /// An archive, stored or deflated.
    fn archive(members: &[Member<'_>], deflate: bool) -> Vec<u8> {
        let long = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        let short = |n: usize| u16::try_from(n).unwrap().to_le_bytes();
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, npy) in members {
            let mut packed = npy.clone();
            if deflate {
                let mut encoder =
                    flate2::write::DeflateEncoder::new(Vec::new(), Default::default());
                encoder.write_all(npy).unwrap();
                packed = encoder.finish().unwrap();
            }
            let mut crc = Crc::new();
            crc.update(npy);
            let name = format!("{name}.npy");
            let sizes = [long(packed.len()), long(npy.len())].concat();
            let method = short(if deflate { 8 } else { 0 });
            let crc = crc.sum().to_le_bytes();
            let common =
                [&[20, 0, 0, 0][..], &method, &[0; 4], &crc, &sizes, &short(name.len()), &[0; 2]];
            let (common, place) = (common.concat(), long(out.len()));
            out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), &packed].concat());
            let tail = [&[0; 10][..], &place, name.as_bytes()].concat();
            directory.extend([b"PK\x01\x02\x14\x00", &common[..], &tail].concat());
        }
        let ends = [long(directory.len()), long(out.len())].concat();
        [&out[..], &directory, END, &[0; 8], &ends, &[0; 2]].concat()
    }

    /// Stored columns of `f64`, as NumPy writes them.
    fn write(arrays: &[(&str, &[f64])]) -> Vec<u8> {
        let member = |&(name, values): &(_, &[f64])| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name, numpy::write("'<f8'", "False", &format!("{}, 1", values.len()), &bytes))
        };
        archive(&arrays.iter().map(member).collect::<Vec<_>>(), false)
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<f64>)>> {
        npz(bytes, &Limits::default(), Path::new("x.npz"))
    }

    #[test]
    fn arrays_come_back_by_name() {
        let bytes = write(&[("DE", &[1.5, -2.0]), ("FE", &[])]);
        let arrays = read(&bytes).unwrap();
        assert_eq!(arrays, [("DE".to_owned(), vec![1.5, -2.0]), ("FE".to_owned(), vec![])]);
    }

    #[test]
    fn events_are_joined() {
        let read = |bytes: &[u8]| npz_events(bytes, None, &Limits::default(), Path::new("x.npz"));
        let p: &[f64] = &[1.0, -1.0];
        let bytes = write(&[("p", p), ("t", &[5.0, 4.0]), ("y", &[2.0, 3.0]), ("x", &[0.0, 9.0])]);
        let stream = read(&bytes).unwrap();
        assert_eq!((stream.width, stream.height), (10, 4));
        assert_eq!(stream.events[0], Event { t_us: 5, x: 0, y: 2, polarity: true });
        assert_eq!(stream.events[1], Event { t_us: 4, x: 9, y: 3, polarity: false });
        for t in [&[5.0][..], &[5.0, -1.0], &[5.0, 0.5], &[5.0, f64::NAN], &[5.0, 1e17]] {
            assert!(read(&write(&[("p", p), ("t", t), ("y", p), ("x", p)])).is_err());
        }
        assert!(read(&write(&[("p", p), ("t", p)])).unwrap_err().to_string().contains("t, x, y"));
    }

    #[test]
    fn numbers_of_every_type_read() {
        let float = 1.5f32.to_le_bytes();
        let files: [(&str, &[u8], f64); 10] = [
            ("<f8", &(-2.5f64).to_le_bytes(), -2.5),
            ("<f4", &float, 1.5),
            ("|b1", &[1], 1.0),
            ("|u1", &[200], 200.0),
            ("|i1", &[200], -56.0),
            ("<i2", &[0xfe, 0xff], -2.0),
            ("<u2", &[0xfe, 0xff], 65_534.0),
            ("<i4", &[0xfd, 0xff, 0xff, 0xff], -3.0),
            ("<u4", &[0xfd, 0xff, 0xff, 0xff], 4_294_967_293.0),
            ("<i8", &[0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -4.0),
        ];
        for (kind, value, expected) in files {
            let npy = numpy::write(&format!("'{kind}'"), "False", "1,", value);
            for deflate in [false, true] {
                let arrays = read(&archive(&[("a", npy.clone())], deflate)).unwrap();
                assert_eq!(arrays, [("a".to_owned(), vec![expected])], "{kind}");
            }
        }
    }

    #[test]
    fn fortran_order_is_named() {
        let array = |order, shape| numpy::write("'|u1'", order, shape, &[1, 2, 3, 4]);
        let one = |order, shape| read(&archive(&[("a", array(order, shape))], false));
        for (order, shape) in [("False", "2, 2"), ("True", "4,"), ("True", "1, 4")] {
            assert_eq!(one(order, shape).unwrap()[0].1, [1.0, 2.0, 3.0, 4.0]);
        }
        let error = one("True", "2, 2").unwrap_err().to_string();
        assert!(error.contains("save it with np.ascontiguousarray"), "{error}");
        // One array of columns is a recording.
        let columns = numpy::write("'|u1'", "True", "1, 4", &[1, 2, 3, 1]);
        let bytes = archive(&[("events", columns)], true);
        let stream = npz_events(&bytes, None, &Limits::default(), Path::new("x")).unwrap();
        assert_eq!(stream.events, [Event { t_us: 1, x: 2, y: 3, polarity: true }]);
    }

    #[test]
    fn events_are_counted_before_they_are_read() {
        let few = Limits { events: 2, ..Limits::default() };
        let read = |n| {
            // Of numbers that no event has.
            let npy = numpy::write("'<f4'", "False", &format!("{n},"), &[0xff; 4].repeat(n));
            let members = ["t", "x", "y", "p"].map(|name| (name, npy.clone()));
            npz_events(&archive(&members, false), None, &few, Path::new("x.npz")).unwrap_err()
        };
        assert!(matches!(read(3), Error::Limit { what: "events", got: 3, limit: 2, .. }));
        assert!(matches!(read(2), Error::Format { .. }));
    }

    #[test]
    fn numbers_count_as_they_are_kept() {
        let file = |arrays: usize, n: usize| {
            let npy = numpy::write("'|u1'", "False", &format!("{n},"), &vec![7; n]);
            archive(&vec![("a", npy); arrays], true)
        };
        // 1 MiB holds 131,072 numbers, in however many arrays.
        assert_eq!(read(&file(2, 65_536)).unwrap()[1].1, [7.0; 65_536]);
        for (arrays, n) in [(1, 131_073), (3, 43_691), (60, 10_000)] {
            let error = read(&file(arrays, n)).unwrap_err();
            assert!(matches!(error, Error::Limit { what: "inflate_ratio", .. }), "{error}");
        }
    }

    #[test]
    fn flipped_bit_of_a_member_is_found() {
        let npy = numpy::write("'<f8'", "False", "2,", &[0; 16]);
        let whole = archive(&[("a", npy.clone())], false);
        let start = 30 + "a.npy".len();
        assert_eq!(&whole[start..start + npy.len()], npy);
        for bit in 8 * start..8 * (start + npy.len()) {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = read(&flipped).unwrap_err().to_string();
            assert!(error.contains("differ from its checksum"), "{bit}: {error}");
        }
    }

    #[test]
    fn members_together_are_bounded() {
        // A thousand entries of the directory that name the same bytes.
        let one = write(&[("t", &[1.0; 1000])]);
        let end = one.len() - END_BYTES;
        let place = u32::from_le_bytes(*one[end + 16..].first_chunk().unwrap()) as usize;
        let entries = one[place..end].repeat(1000);
        let bytes = [&one[..place], &entries, &one[end..]].concat();
        let error = npz(&bytes, &Limits::default(), Path::new("x")).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "inflate_ratio", .. }), "{error}");
    }

    #[test]
    fn damage_is_answered() {
        let whole = write(&[("DE", &[1.5, -2.0]), ("FE", &[3.0])]);
        for n in 0..whole.len() {
            assert!(read(&whole[..n]).is_err(), "{n}");
        }
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&flipped);
        }
    }
}
