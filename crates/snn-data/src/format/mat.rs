//! MATLAB's `.mat` of version 5: numbers, texts, cells and structs.
//!
//! Layout: 116 bytes of text, 8 of offset, version 0x0100, `IM` for little-endian; then elements of a type and a length
//! in bytes, each padded to 8 bytes. Type 14 is an array (flags, sizes, name, content), type 15 a zlib stream of one.
//! Source: "MAT-File Format", The MathWorks, chapter 1.

use std::io::Read;
use std::path::Path;

use flate2::read::ZlibDecoder;

use super::room::Room;
use crate::{Error, FormatFault, Limits, Result};

/// A value of a `.mat` file. Sizes are left out: values stand in MATLAB's order, columns first.
#[derive(Clone, Debug, PartialEq)]
pub enum Mat {
    /// Numbers of any type.
    Numbers(Vec<f64>),
    /// A text.
    Text(String),
    /// A cell array.
    Cells(Vec<Mat>),
    /// A struct array: its fields, each with one value a record.
    Struct(Vec<(String, Vec<Mat>)>),
}

impl Mat {
    /// The values of a struct's field, one a record.
    pub fn field(&self, name: &str) -> Option<&[Mat]> {
        let Self::Struct(fields) = self else { return None };
        fields.iter().find(|(field, _)| field == name).map(|(_, values)| values.as_slice())
    }

    /// The numbers; nothing for other values.
    pub fn numbers(&self) -> Option<&[f64]> {
        if let Self::Numbers(numbers) = self { Some(numbers) } else { None }
    }

    /// The text; nothing for other values.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Arrays in arrays beyond this are refused.
const DEPTH: usize = 16;
const ARRAY: u32 = 14;
const COMPRESSED: u32 = 15;

/// Reads the variables of a file with their names, in order.
///
/// # Errors
/// [`Error::Format`] for another version, a big-endian file, objects, sparse arrays or damaged bytes; [`Error::Limit`]
/// past `limits.inflate_ratio` or `limits.file_bytes`.
pub fn mat(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<(String, Mat)>> {
    let magic = || Error::format(path, 0, FormatFault::Magic { expected: "a MATLAB 5 file" });
    let (header, mut rest) = bytes.split_at_checked(128).ok_or_else(magic)?;
    if !header.starts_with(b"MATLAB 5.0 MAT-file") || !header.ends_with(&[0, 1, b'I', b'M']) {
        return Err(magic());
    }
    let mut variables = Vec::new();
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let refuse = |why| Error::format(path, at, FormatFault::Header { why });
        let (kind, body) = element(&mut rest).ok_or_else(|| refuse(DAMAGED))?;
        let variable = match kind {
            COMPRESSED => {
                let (mut room, mut out) = (Room::new(body.len(), limits, path), Vec::new());
                let read = room.bound(ZlibDecoder::new(body)).read_to_end(&mut out);
                room.take(read.map_err(|_| refuse(DAMAGED))? as u64)?;
                let mut body = out.as_slice();
                match element(&mut body) {
                    Some((ARRAY, body)) => array(body, DEPTH).map_err(refuse)?,
                    _ => return Err(refuse(DAMAGED)),
                }
            }
            ARRAY => array(body, DEPTH).map_err(refuse)?,
            // Such as what old versions of MATLAB stored of themselves.
            _ => continue,
        };
        variables.push(variable);
    }
    Ok(variables)
}

const DAMAGED: &str = "a damaged MATLAB element; fetch the file again";
const UNSUPPORTED: &str = "objects, sparse and nested arrays of that kind are not read";

/// The next element's type and content.
fn element<'a>(bytes: &mut &'a [u8]) -> Option<(u32, &'a [u8])> {
    let (&[a, b, c, d], rest) = bytes.split_first_chunk()?;
    let (kind, small) = (u32::from(u16::from_le_bytes([a, b])), u16::from_le_bytes([c, d]));
    if small > 0 {
        // Up to four bytes stand beside the type.
        let (body, rest) = rest.split_first_chunk::<4>()?;
        *bytes = rest;
        return Some((kind, body.get(..usize::from(small))?));
    }
    let (&len, rest) = rest.split_first_chunk()?;
    let len = usize::try_from(u32::from_le_bytes(len)).ok()?;
    let (body, rest) = rest.split_at_checked(len)?;
    let padding = if kind == COMPRESSED { 0 } else { len.next_multiple_of(8) - len };
    *bytes = rest.get(padding..).unwrap_or(&[]);
    Some((kind, body))
}

/// An array's name and value.
fn array(mut bytes: &[u8], depth: usize) -> std::result::Result<(String, Mat), &'static str> {
    // An element of no bytes is an empty array, as cells may hold.
    if bytes.is_empty() {
        return Ok((String::new(), Mat::Numbers(Vec::new())));
    }
    let depth = depth.checked_sub(1).ok_or(UNSUPPORTED)?;
    let next = |bytes: &mut _| element(bytes).ok_or(DAMAGED);
    let (_, flags) = next(&mut bytes)?;
    let class = flags.first().copied().ok_or(DAMAGED)?;
    let (_, sizes) = next(&mut bytes)?;
    let mut n = 1usize;
    for &size in sizes.as_chunks().0 {
        let size = usize::try_from(i32::from_le_bytes(size)).map_err(|_| DAMAGED)?;
        n = n.checked_mul(size).ok_or(DAMAGED)?;
    }
    let (_, name) = next(&mut bytes)?;
    let name = String::from_utf8_lossy(name).into_owned();
    let value = match class {
        1 => Mat::Cells(arrays(&mut bytes, n, depth)?),
        2 => {
            let (_, width) = next(&mut bytes)?;
            let width = width.first_chunk().map_or(0, |&width| u32::from_le_bytes(width));
            let width = usize::try_from(width).ok().filter(|&width| width > 0).ok_or(DAMAGED)?;
            let (_, names) = next(&mut bytes)?;
            let names = names.chunks(width).map(|name| {
                let name = name.split(|&byte| byte == 0).next().unwrap_or(&[]);
                String::from_utf8_lossy(name).into_owned()
            });
            let mut fields: Vec<(String, Vec<Mat>)> =
                names.map(|name| (name, Vec::new())).collect();
            for _ in 0..if fields.is_empty() { 0 } else { n } {
                for (_, values) in &mut fields {
                    values.extend(arrays(&mut bytes, 1, depth)?);
                }
            }
            Mat::Struct(fields)
        }
        4 => {
            let (kind, text) = next(&mut bytes)?;
            let wide = |text: &[u8]| {
                let units = text.as_chunks().0.iter().map(|&unit| u16::from_le_bytes(unit));
                char::decode_utf16(units)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect()
            };
            let is_wide = matches!(kind, 4 | 17);
            Mat::Text(if is_wide { wide(text) } else { String::from_utf8_lossy(text).into_owned() })
        }
        6..=15 => {
            let (kind, values) = next(&mut bytes)?;
            let numbers = numbers(kind, values)?;
            if numbers.len() != n {
                return Err(DAMAGED);
            }
            Mat::Numbers(numbers)
        }
        _ => return Err(UNSUPPORTED),
    };
    Ok((name, value))
}

/// `n` arrays one after another; each takes bytes, so that a lying `n` ends with the bytes.
fn arrays(
    bytes: &mut &[u8],
    n: usize,
    depth: usize,
) -> std::result::Result<Vec<Mat>, &'static str> {
    let mut values = Vec::new();
    for _ in 0..n {
        let (kind, body) = element(bytes).ok_or(DAMAGED)?;
        if kind != ARRAY {
            return Err(DAMAGED);
        }
        values.push(array(body, depth)?.1);
    }
    Ok(values)
}

/// Numbers stored in one of MATLAB's types.
fn numbers(kind: u32, bytes: &[u8]) -> std::result::Result<Vec<f64>, &'static str> {
    fn all<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks().0.iter().map(|&bytes| number(bytes)).collect()
    }
    Ok(match kind {
        1 => all(bytes, |b| i8::from_le_bytes(b).into()),
        2 => all(bytes, |b| u8::from_le_bytes(b).into()),
        3 => all(bytes, |b| i16::from_le_bytes(b).into()),
        4 => all(bytes, |b| u16::from_le_bytes(b).into()),
        5 => all(bytes, |b| i32::from_le_bytes(b).into()),
        6 => all(bytes, |b| u32::from_le_bytes(b).into()),
        7 => all(bytes, |b| f32::from_le_bytes(b).into()),
        9 => all(bytes, f64::from_le_bytes),
        12 => all(bytes, |b| i64::from_le_bytes(b) as f64),
        13 => all(bytes, |b| u64::from_le_bytes(b) as f64),
        _ => return Err(UNSUPPORTED),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn element(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut out = kind.to_le_bytes().to_vec();
        out.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        out.extend(body);
        out.resize(out.len().next_multiple_of(8), 0);
        out
    }

    fn array(class: u8, sizes: &[i32], name: &str, content: &[u8]) -> Vec<u8> {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
        let body = [
            element(6, &[class, 0, 0, 0, 0, 0, 0, 0]),
            element(5, &sizes),
            element(1, name.as_bytes()),
            content.to_vec(),
        ];
        element(ARRAY, &body.concat())
    }

    fn file(elements: &[u8]) -> Vec<u8> {
        let mut out = b"MATLAB 5.0 MAT-file, made by a test".to_vec();
        out.resize(124, b' ');
        out.extend([0, 1, b'I', b'M']);
        out.extend(elements);
        out
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Mat)>> {
        mat(bytes, &Limits::default(), Path::new("x.mat"))
    }

    /// A struct of a text and of a number stored in two bytes beside its type, and a cell array.
    fn sample() -> Vec<u8> {
        let text: Vec<u8> = "häm".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let text = array(4, &[1, 3], "", &element(4, &text));
        let number = array(6, &[1, 1], "", &[4, 0, 2, 0, 0x39, 2, 0, 0]);
        let fields =
            [&[5, 0, 4, 0, 6, 0, 0, 0], &element(1, b"name\0\0class\0")[..], &text, &number];
        let cells = array(1, &[2, 1], "list", &[number.clone(), element(ARRAY, &[])].concat());
        [array(2, &[1, 1], "s", &fields.concat()), cells].concat()
    }

    fn check(variables: &[(String, Mat)]) {
        let [(s, record), (list, found)] = variables else { panic!("{variables:?}") };
        assert_eq!((s.as_str(), list.as_str()), ("s", "list"));
        assert_eq!(record.field("name").unwrap()[0].text(), Some("häm"));
        assert_eq!(record.field("class").unwrap()[0].numbers(), Some(&[569.0][..]));
        let cells = [Mat::Numbers(vec![569.0]), Mat::Numbers(vec![])];
        assert_eq!(*found, Mat::Cells(cells.to_vec()));
    }

    #[test]
    fn structs_cells_and_texts_read_plain_and_compressed() {
        check(&read(&file(&sample())).unwrap());
        let mut packed = Vec::new();
        let mut rest = &sample()[..];
        while !rest.is_empty() {
            let len = 8 + u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
            encoder.write_all(&rest[..len]).unwrap();
            let body = encoder.finish().unwrap();
            packed.extend(COMPRESSED.to_le_bytes());
            packed.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
            packed.extend(body);
            rest = &rest[len..];
        }
        check(&read(&file(&packed)).unwrap());
    }

    #[test]
    fn damage_is_answered() {
        let whole = file(&sample());
        for n in 0..whole.len() {
            let _ = read(&whole[..n]);
        }
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&flipped);
        }
        assert!(read(&whole[..whole.len() - 8]).is_err());
        assert!(read(b"MATLAB 7.3 MAT-file").is_err());
        // A claim of 2^62 cells, and arrays in arrays.
        assert!(read(&file(&array(1, &[1 << 30, 1 << 30, 4], "", &[]))).is_err());
        let mut nested = array(6, &[0, 0], "", &element(9, &[]));
        for _ in 0..20 {
            nested = array(1, &[1, 1], "", &nested);
        }
        assert!(read(&file(&nested)).is_err());
    }
}
