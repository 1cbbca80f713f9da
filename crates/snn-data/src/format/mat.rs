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
/// What a struct's field takes: itself, and the least that an allocator gives for its name.
const FIELD: usize = size_of::<(String, Vec<Mat>)>() + 32;
const ARRAY: u32 = 14;
const COMPRESSED: u32 = 15;

/// Reads the variables of a file with their names, in order.
///
/// # Errors
/// [`Error::Format`] for another version, a big-endian file, objects, sparse arrays or damaged bytes; [`Error::Limit`]
/// where the variables together, unpacked or as values, pass `limits.inflate_ratio` (1 MiB is always free) or
/// `limits.file_bytes`.
pub fn mat(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<(String, Mat)>> {
    let magic = || Error::format(path, 0, FormatFault::Magic { expected: "a MATLAB 5 file" });
    let (header, mut rest) = bytes.split_at_checked(128).ok_or_else(magic)?;
    if !header.starts_with(b"MATLAB 5.0 MAT-file") || !header.ends_with(&[0, 1, b'I', b'M']) {
        return Err(magic());
    }
    let mut reader = Reader { room: Room::new(bytes.len(), limits, path), path, at: 0 };
    let mut variables = Vec::new();
    while !rest.is_empty() {
        reader.at = bytes.len() - rest.len();
        let (name, value) = match reader.next(&mut rest)? {
            (COMPRESSED, body) => reader.compressed(body)?,
            (ARRAY, body) => reader.array(body, DEPTH)?,
            // Such as what old versions of MATLAB stored of themselves.
            _ => continue,
        };
        reader.take(size_of::<(String, Mat)>(), 1)?;
        reader.take(name.len(), 1)?;
        variables.push((name, value));
    }
    Ok(variables)
}

const DAMAGED: &str = "a damaged MATLAB element; fetch or save the file again";
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

struct Reader<'a> {
    /// What is left to the values of the whole file.
    room: Room<'a>,
    path: &'a Path,
    /// Where the variable begins, for errors.
    at: usize,
}

impl Reader<'_> {
    fn refuse(&self, why: &'static str) -> Error {
        Error::format(self.path, self.at, FormatFault::Header { why })
    }

    /// Takes up `n` times `bytes`.
    fn take(&mut self, bytes: usize, n: usize) -> Result<()> {
        self.room.take((bytes as u64).saturating_mul(n as u64))
    }

    fn next<'b>(&self, bytes: &mut &'b [u8]) -> Result<(u32, &'b [u8])> {
        element(bytes).ok_or_else(|| self.refuse(DAMAGED))
    }

    /// The array in a zlib stream.
    fn compressed(&mut self, body: &[u8]) -> Result<(String, Mat)> {
        let (mut unpacked, mut out) = (self.room.clone(), Vec::new());
        let read = unpacked.bound(ZlibDecoder::new(body)).read_to_end(&mut out);
        unpacked.take(read.map_err(|_| self.refuse(DAMAGED))? as u64)?;
        let (ARRAY, body) = self.next(&mut &out[..])? else { return Err(self.refuse(DAMAGED)) };
        let variable = self.array(body, DEPTH)?;
        // The values stay and the bytes go: the larger of the two counts.
        self.room.shrink_to(&unpacked);
        Ok(variable)
    }

    /// An array's name and value.
    fn array(&mut self, mut bytes: &[u8], depth: usize) -> Result<(String, Mat)> {
        // An element of no bytes is an empty array, as cells may hold.
        if bytes.is_empty() {
            return Ok((String::new(), Mat::Numbers(Vec::new())));
        }
        let depth = depth.checked_sub(1).ok_or_else(|| self.refuse(UNSUPPORTED))?;
        let (_, flags) = self.next(&mut bytes)?;
        let class = flags.first().copied().ok_or_else(|| self.refuse(DAMAGED))?;
        let (_, sizes) = self.next(&mut bytes)?;
        let size = |&size: &[u8; 4]| usize::try_from(i32::from_le_bytes(size)).ok();
        let mut sizes = sizes.as_chunks().0.iter().map(size);
        let n = sizes.try_fold(1usize, |n, size| n.checked_mul(size?));
        let n = n.ok_or_else(|| self.refuse(DAMAGED))?;
        let (_, name) = self.next(&mut bytes)?;
        let name = lossy(name);
        let value = match class {
            1 => Mat::Cells(self.arrays(&mut bytes, n, depth)?),
            2 => Mat::Struct(self.fields(bytes, n, depth)?),
            4 => {
                let (kind, text) = self.next(&mut bytes)?;
                let is_wide = matches!(kind, 4 | 17);
                let text = if is_wide { wide(text) } else { lossy(text) };
                self.take(text.len(), 1)?;
                Mat::Text(text)
            }
            6..=15 => {
                let (kind, values) = self.next(&mut bytes)?;
                Mat::Numbers(self.numbers(kind, values, n)?)
            }
            _ => return Err(self.refuse(UNSUPPORTED)),
        };
        Ok((name, value))
    }

    /// `n` arrays one after another; each takes bytes, so that a lying `n` ends with the bytes.
    fn arrays(&mut self, bytes: &mut &[u8], n: usize, depth: usize) -> Result<Vec<Mat>> {
        let mut values = Vec::new();
        for _ in 0..n {
            let (ARRAY, body) = self.next(bytes)? else { return Err(self.refuse(DAMAGED)) };
            self.take(size_of::<Mat>(), 1)?;
            values.push(self.array(body, depth)?.1);
        }
        Ok(values)
    }

    /// The fields of `n` records.
    fn fields(
        &mut self,
        mut bytes: &[u8],
        n: usize,
        depth: usize,
    ) -> Result<Vec<(String, Vec<Mat>)>> {
        let (_, width) = self.next(&mut bytes)?;
        let width = width.first_chunk().map_or(0, |&width| u32::from_le_bytes(width));
        let width = usize::try_from(width).ok().filter(|&width| width > 0);
        let width = width.ok_or_else(|| self.refuse(DAMAGED))?;
        let (_, names) = self.next(&mut bytes)?;
        self.take(FIELD, names.len().div_ceil(width))?;
        let mut fields = Vec::new();
        for name in names.chunks(width) {
            let name = lossy(name.split(|&byte| byte == 0).next().unwrap_or(&[]));
            self.take(name.len(), 1)?;
            fields.push((name, Vec::new()));
        }
        for _ in 0..if fields.is_empty() { 0 } else { n } {
            for (_, values) in &mut fields {
                values.extend(self.arrays(&mut bytes, 1, depth)?);
            }
        }
        Ok(fields)
    }

    /// `n` numbers stored in one of MATLAB's types.
    fn numbers(&mut self, kind: u32, bytes: &[u8], n: usize) -> Result<Vec<f64>> {
        match kind {
            1 => self.all(bytes, n, |b| i8::from_le_bytes(b).into()),
            2 => self.all(bytes, n, |b| u8::from_le_bytes(b).into()),
            3 => self.all(bytes, n, |b| i16::from_le_bytes(b).into()),
            4 => self.all(bytes, n, |b| u16::from_le_bytes(b).into()),
            5 => self.all(bytes, n, |b| i32::from_le_bytes(b).into()),
            6 => self.all(bytes, n, |b| u32::from_le_bytes(b).into()),
            7 => self.all(bytes, n, |b| f32::from_le_bytes(b).into()),
            9 => self.all(bytes, n, f64::from_le_bytes),
            12 => self.all(bytes, n, |b| i64::from_le_bytes(b) as f64),
            13 => self.all(bytes, n, |b| u64::from_le_bytes(b) as f64),
            _ => Err(self.refuse(UNSUPPORTED)),
        }
    }

    fn all<const N: usize>(
        &mut self,
        bytes: &[u8],
        n: usize,
        number: impl Fn([u8; N]) -> f64,
    ) -> Result<Vec<f64>> {
        let (numbers, _) = bytes.as_chunks();
        if numbers.len() != n {
            return Err(self.refuse(DAMAGED));
        }
        self.take(size_of::<f64>(), n)?;
        Ok(numbers.iter().map(|&bytes| number(bytes)).collect())
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// A text of UTF-16.
fn wide(text: &[u8]) -> String {
    let units = text.as_chunks().0.iter().map(|&unit| u16::from_le_bytes(unit));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
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

    fn packed(element: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
        encoder.write_all(element).unwrap();
        let body = encoder.finish().unwrap();
        let len = u32::try_from(body.len()).unwrap().to_le_bytes();
        [&COMPRESSED.to_le_bytes()[..], &len, &body].concat()
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
        let mut all = Vec::new();
        let mut rest = &sample()[..];
        while !rest.is_empty() {
            let len = 8 + u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
            all.extend(packed(&rest[..len]));
            rest = &rest[len..];
        }
        check(&read(&file(&all)).unwrap());
    }

    #[test]
    fn variables_together_are_bounded() {
        // 800 kB as values each.
        let n = 100_000;
        let zeros = array(9, &[n, 1], "zeros", &element(2, &vec![0; n as usize]));
        let many = |n| file(&packed(&zeros).repeat(n));
        let read_with = |bytes: &[u8], limits: &Limits| mat(bytes, limits, Path::new("x.mat"));
        let found = read(&many(1)).unwrap();
        assert_eq!(found, [("zeros".to_owned(), Mat::Numbers(vec![0.0; n as usize]))]);
        let error = read(&many(2)).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "inflate_ratio", .. }), "{error}");
        let wide = Limits { inflate_ratio: 5000, ..Limits::default() };
        assert_eq!(read_with(&many(2), &wide).unwrap().len(), 2);
        let short = Limits { file_bytes: 1_000_000, ..wide };
        assert_eq!(read_with(&many(1), &short).unwrap().len(), 1);
        let error = read_with(&many(2), &short).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "file_bytes", .. }), "{error}");
        // What is unpacked counts where no value comes of it.
        let idle = array(9, &[0, 1], "", &[element(2, &[]), element(2, &[0; 800_000])].concat());
        assert_eq!(read(&file(&packed(&idle))).unwrap().len(), 1);
        let error = read(&file(&packed(&idle).repeat(2))).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "inflate_ratio", .. }), "{error}");
    }

    #[test]
    fn fields_cells_and_texts_are_bounded() {
        let fields = |width: u8, n: usize| {
            let names = element(1, &b"a".repeat(usize::from(width) * n));
            array(2, &[0, 0], "", &[&[5, 0, 4, 0, width, 0, 0, 0], &names[..]].concat())
        };
        let refused = |element: &[u8]| match read(&file(element)) {
            Err(Error::Limit { what, .. }) => assert_eq!(what, "inflate_ratio"),
            other => panic!("{:?}", other.map(|variables| variables.len())),
        };
        // A byte makes a field: too many once past 1 MiB, packed or not.
        assert_eq!(read(&file(&fields(1, 12_000))).unwrap().len(), 1);
        refused(&fields(1, 20_000));
        refused(&packed(&fields(1, 20_000)));
        // As MATLAB writes them.
        assert_eq!(read(&file(&fields(32, 20_000))).unwrap().len(), 1);
        let cells = |n: u16| {
            let empty = element(ARRAY, &[]).repeat(n.into());
            packed(&array(1, &[n.into(), 1], "", &empty))
        };
        assert_eq!(read(&file(&cells(20_000))).unwrap().len(), 1);
        refused(&cells(60_000));
        let text = |n: usize| packed(&array(4, &[1, 0], "", &element(1, &vec![0xff; n])));
        assert_eq!(read(&file(&text(300_000))).unwrap()[0].1.text().unwrap().len(), 900_000);
        refused(&text(400_000));
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
