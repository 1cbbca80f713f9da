//! NumPy's `.npz`: arrays of numbers in a zip archive.

use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;

use super::npy::{read_npy, split};
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
    let members = members(bytes, limits, path)?;
    let arrays = members.into_iter().map(|(name, npy)| Ok((name, numbers(&npy, limits, path)?)));
    arrays.collect()
}

/// Reads a recording from an archive with the arrays t, x, y and p, as SpikingJelly writes it, or with one structured
/// array such as [`write_npy`](super::write_npy()) makes. Times are microseconds, p > 0 is ON.
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
    let members = members(bytes, limits, path)?;
    if let [(_, npy)] = &members[..] {
        return read_npy(npy, sensor, limits, path);
    }
    let array = |name: &str| match members.iter().find(|(member, _)| member == name) {
        Some((_, npy)) => numbers(npy, limits, path),
        None => Err(refuse("the arrays t, x, y and p, or one structured array, are needed")),
    };
    let (t, x, y, p) = (array("t")?, array("x")?, array("y")?, array("p")?);
    if [x.len(), y.len(), p.len()] != [t.len(); 3] {
        return Err(refuse("the arrays t, x, y and p differ in length; fetch the file again"));
    }
    check(path, "events", t.len() as u64, limits.events)?;
    #[allow(clippy::cast_possible_truncation)] // Whole and below 2^53.
    let whole = |value: f64, below: f64| {
        (value.fract() == 0.0 && (0.0..below).contains(&value)).then_some(value as u64)
    };
    let side = |value| u16::try_from(whole(value, 65_536.0)?).ok();
    let event = |(((t, x), y), p)| {
        Some(Event { t_us: whole(t, 2f64.powi(53))?, x: side(x)?, y: side(y)?, polarity: p > 0.0 })
    };
    let events: Option<Vec<Event>> = t.into_iter().zip(x).zip(y).zip(p).map(event).collect();
    let why = "an event's time or position is no whole number, negative or too large; save them in microseconds and pixels";
    on_sensor(events.ok_or_else(|| refuse(why))?, sensor, limits, path, |_| 0)
}

/// The members of an archive by name, without `.npy`; together they stay within `limits`.
fn members(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let refuse = |at, why| Error::format(path, at, FormatFault::Header { why });
    let most = bytes.len().saturating_sub(END_BYTES + 0xffff);
    let ending = bytes.get(most..).unwrap_or(&[]);
    let end = ending.windows(END_BYTES).rposition(|window| window.starts_with(END));
    let end = end.map(|at| most + at);
    let end = end.ok_or_else(|| {
        Error::format(path, 0, FormatFault::Magic { expected: "a whole .npz file" })
    })?;
    let place = bytes.get(end + 16..end + 20).and_then(<[u8]>::first_chunk);
    let place = place.map_or(usize::MAX, |&place| u32::from_le_bytes(place) as usize);
    let mut directory = bytes.get(place..end).ok_or_else(|| refuse(end, DAMAGED))?;
    let mut room = Room::new(bytes.len(), limits, path);
    let mut members = Vec::new();
    while !directory.is_empty() {
        let at = end - directory.len();
        let entry = entry(&mut directory).ok_or_else(|| refuse(at, DAMAGED))?;
        let content = content(bytes, &entry).ok_or_else(|| refuse(at, DAMAGED))?;
        let mut out = Vec::new();
        // Members may share their bytes, so stored ones count too.
        let read = match entry.method {
            0 => room.bound(content).read_to_end(&mut out),
            8 => room.bound(DeflateDecoder::new(content)).read_to_end(&mut out),
            _ => return Err(refuse(at, "compressed otherwise than by deflate; save it again")),
        };
        room.take(read.map_err(|_| refuse(at, DAMAGED))? as u64)?;
        let name = entry.name.strip_suffix(".npy").unwrap_or(&entry.name).to_owned();
        members.push((name, out));
    }
    Ok(members)
}

const DAMAGED: &str = "a damaged zip archive; fetch the file again";

struct Entry {
    name: String,
    method: u16,
    bytes: usize,
    place: usize,
}

/// The next entry of the directory.
fn entry(directory: &mut &[u8]) -> Option<Entry> {
    let (fixed, rest) = directory.strip_prefix(b"PK\x01\x02")?.split_at_checked(42)?;
    let short = |at: usize| Some(u16::from_le_bytes(*fixed.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(u32::from_le_bytes(*fixed.get(at..)?.first_chunk()?) as usize);
    let (name, rest) = rest.split_at_checked(short(24)?.into())?;
    *directory = rest.get(usize::from(short(26)?) + usize::from(short(28)?)..)?;
    let name = String::from_utf8_lossy(name).into_owned();
    Some(Entry { name, method: short(6)?, bytes: long(16)?, place: long(38)? })
}

/// The stored bytes of an entry, behind its own header.
fn content<'a>(bytes: &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let (fixed, rest) =
        bytes.get(entry.place..)?.strip_prefix(b"PK\x03\x04")?.split_at_checked(26)?;
    let (&[a, b, c, d], []) = fixed.get(22..)?.split_first_chunk()? else { return None };
    let skip = usize::from(u16::from_le_bytes([a, b])) + usize::from(u16::from_le_bytes([c, d]));
    rest.get(skip..)?.get(..entry.bytes)
}

/// The numbers of a `.npy` file.
fn numbers(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<f64>> {
    fn all<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Option<Vec<f64>> {
        let (numbers, rest) = bytes.as_chunks();
        rest.is_empty().then(|| numbers.iter().map(|&bytes| number(bytes)).collect())
    }
    let (header, data) = split(bytes, limits, path)?;
    let text: String = header.chars().filter(|c| !c.is_whitespace()).collect();
    let kind = text.split_once("'descr':'").and_then(|(_, rest)| rest.split_once('\''));
    let numbers = match kind.map_or("", |(kind, _)| kind) {
        "<f8" => all(data, f64::from_le_bytes),
        "<f4" => all(data, |b| f32::from_le_bytes(b).into()),
        "|i1" => all(data, |b| i8::from_le_bytes(b).into()),
        "<i2" => all(data, |b| i16::from_le_bytes(b).into()),
        "<i4" => all(data, |b| i32::from_le_bytes(b).into()),
        "<i8" => all(data, |b| i64::from_le_bytes(b) as f64),
        "|b1" | "|u1" => all(data, |b| u8::from_le_bytes(b).into()),
        "<u2" => all(data, |b| u16::from_le_bytes(b).into()),
        "<u4" => all(data, |b| u32::from_le_bytes(b).into()),
        "<u8" => all(data, |b| u64::from_le_bytes(b) as f64),
        _ => None,
    };
    let n = text.split_once("'shape':(").and_then(|(_, rest)| rest.split_once(')'));
    let n = n.and_then(|(sizes, _)| {
        let sizes = sizes.split(',').filter(|size| !size.is_empty());
        sizes.map(|size| size.parse().ok()).try_fold(1usize, |n, size| n.checked_mul(size?))
    });
    let is_whole = n.is_some() && n == numbers.as_ref().map(Vec::len);
    numbers.filter(|_| is_whole && text.contains("'fortran_order':False")).ok_or_else(|| {
        let why = "an array of little-endian numbers, as long as its header says, is needed";
        Error::format(path, 0, FormatFault::Header { why })
    })
}

/// An archive of stored `f64` vectors, as NumPy writes them; for tests.
#[cfg(test)]
pub(crate) fn write(arrays: &[(&str, &[f64])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, values) in arrays {
        let mut header =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 1), }}", values.len());
        header.push_str(
            &" ".repeat((10 + header.len() + 1).next_multiple_of(64) - 11 - header.len()),
        );
        header.push('\n');
        let mut npy = b"\x93NUMPY\x01\x00".to_vec();
        npy.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        npy.extend(header.bytes());
        npy.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let name = format!("{name}.npy");
        let size = u32::try_from(npy.len()).unwrap().to_le_bytes();
        let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
        let place = u32::try_from(out.len()).unwrap().to_le_bytes();
        let common =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &size, &size, &name_len, &[0, 0]];
        let common = common.concat();
        out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), &npy].concat());
        let tail = [&[0; 10][..], &place, name.as_bytes()].concat();
        directory.extend([b"PK\x01\x02\x14\x00", &common[..], &tail].concat());
    }
    let place = u32::try_from(out.len()).unwrap().to_le_bytes();
    let len = u32::try_from(directory.len()).unwrap().to_le_bytes();
    out.extend(directory);
    out.extend([END, &[0; 8], &len, &place, &[0, 0]].concat());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
