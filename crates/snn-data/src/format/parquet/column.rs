//! The values of a column in one row group, page by page.

use std::io::{Read, Seek};
use std::ops::Range;
use std::path::Path;

use super::runs::runs;
use super::thrift::Struct;
use super::{DAMAGED, part, refuse};
use crate::format::room::Room;
use crate::limits::check;
use crate::{Limits, Result};

/// Bytes in which a page's header lies.
const HEADER: u64 = 1 << 15;

// Kinds of pages.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_2: i64 = 3;

// Values as they are, and as places in a dictionary (by its old name and its new one).
const PLAIN: i64 = 0;
const PLACES: [i64; 2] = [2, 8];

/// Where the pages lie and what is in them.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) rows: usize,
    pages: Range<u64>,
    /// Bytes of a number; texts have lengths of their own.
    width: Option<usize>,
    snappy: bool,
    /// Parts of the column's path that may be missing, which is the level of a value that is not.
    level: u32,
}

/// A page's header.
struct Page {
    kind: i64,
    n: usize,
    encoding: i64,
    /// Where it lies in the file.
    body: Range<u64>,
    /// Bytes of it when it is unpacked.
    size: u64,
    /// Bytes of the levels before the values in pages of the second kind, which are not packed: repetition, presence.
    levels: [usize; 2],
    packed: bool,
}

/// A page of values that others name by their places.
struct Dictionary {
    bytes: Vec<u8>,
    values: Vec<Range<usize>>,
}

impl Column {
    /// A row group's column by its description in the footer of a file of `len` bytes.
    pub(super) fn new(
        about: &Struct<'_>,
        rows: usize,
        level: u32,
        len: u64,
    ) -> std::result::Result<Self, &'static str> {
        let width = match about.number(1) {
            Some(1) => Some(4),
            Some(2) => Some(8),
            Some(6) => None,
            _ => return Err("labels are 32 or 64 bits and pictures bytes; write them so"),
        };
        let snappy = match about.number(4) {
            Some(0) => false,
            Some(1) => true,
            _ => return Err("compressed otherwise than by Snappy; write the file with Snappy"),
        };
        let number = |field| about.number(field).and_then(|place| u64::try_from(place).ok());
        let values = number(9).ok_or(DAMAGED)?;
        let start = number(11).filter(|&dictionary| dictionary > 0).unwrap_or(values).min(values);
        let end = number(7).and_then(|bytes| start.checked_add(bytes)).ok_or(DAMAGED)?;
        if end > len {
            return Err(DAMAGED);
        }
        Ok(Self { rows, pages: start..end, width, snappy, level })
    }

    /// Whether values have lengths of their own.
    pub(super) fn is_text(&self) -> bool {
        self.width.is_none()
    }

    /// Hands the values of `rows` to `found`, in order; other pages than theirs are not unpacked.
    pub(super) fn values(
        &self,
        file: &mut (impl Read + Seek),
        rows: Range<usize>,
        limits: &Limits,
        path: &Path,
        mut found: impl FnMut(&[u8]),
    ) -> Result<()> {
        let (mut at, mut row, mut dictionary) = (self.pages.start, 0usize, None);
        while row < rows.end {
            let damaged = || refuse(path, at, DAMAGED);
            let page = self.page(file, at, path)?.ok_or_else(damaged)?;
            let first = row;
            match page.kind {
                DICTIONARY => dictionary = Some(self.dictionary(file, &page, limits, path)?),
                DATA | DATA_2 => row = row.checked_add(page.n).ok_or_else(damaged)?,
                _ => {}
            }
            if row > self.rows {
                return Err(damaged());
            }
            if row > first && row > rows.start {
                let content = self.content(file, &page, limits, path)?;
                let wanted = rows.start.saturating_sub(first)..rows.end.min(row) - first;
                self.page_values(&page, &content, dictionary.as_ref(), wanted, &mut found)
                    .map_err(|why| refuse(path, at, why))?;
            }
            at = page.body.end;
        }
        Ok(())
    }

    /// The page at `at`; nothing for damage.
    fn page(&self, file: &mut (impl Read + Seek), at: u64, path: &Path) -> Result<Option<Page>> {
        let bytes = part(file, at, self.pages.end.saturating_sub(at).min(HEADER), path)?;
        let read = || {
            let mut rest = &*bytes;
            let header = Struct::read(&mut rest)?;
            let number = |of: Struct<'_>, field| usize::try_from(of.number(field)?).ok();
            let start = at + (bytes.len() - rest.len()) as u64;
            let end = start.checked_add(u64::try_from(header.number(3)?).ok()?)?;
            let kind = header.number(1)?;
            let (about, encoding) = match kind {
                DATA => (header.inner(5)?, 2),
                DICTIONARY => (header.inner(7)?, 2),
                DATA_2 => (header.inner(8)?, 4),
                // Nothing is read of it but where it ends.
                _ => (header, 1),
            };
            let levels =
                if kind == DATA_2 { [number(about, 6)?, number(about, 5)?] } else { [0; 2] };
            (end <= self.pages.end).then_some(Page {
                kind,
                n: number(about, 1)?,
                encoding: about.number(encoding)?,
                body: start..end,
                size: u64::try_from(header.number(2)?).ok()?,
                levels,
                packed: self.snappy && (kind != DATA_2 || about.number(7) != Some(0)),
            })
        };
        Ok(read())
    }

    /// The unpacked bytes of a page.
    fn content(
        &self,
        file: &mut (impl Read + Seek),
        page: &Page,
        limits: &Limits,
        path: &Path,
    ) -> Result<Vec<u8>> {
        let Range { start, end } = page.body;
        let damaged = || refuse(path, start, DAMAGED);
        check(path, "file_bytes", end - start, limits.file_bytes)?;
        let mut content = part(file, start, end - start, path)?;
        if !page.packed {
            return if content.len() as u64 == page.size { Ok(content) } else { Err(damaged()) };
        }
        Room::new(content.len(), limits, path).take(page.size)?;
        let [repetition, presence] = page.levels;
        let plain = repetition.checked_add(presence).filter(|&plain| plain <= content.len());
        let packed = content.split_off(plain.ok_or_else(damaged)?);
        let plain = content.len();
        content.resize(usize::try_from(page.size).unwrap_or(0).max(plain), 0);
        let room = content.get_mut(plain..).unwrap_or(&mut []);
        let unpacked = match packed.is_empty() {
            true => Some(0),
            false => snap::raw::Decoder::new().decompress(&packed, room).ok(),
        };
        if unpacked == Some(room.len()) { Ok(content) } else { Err(damaged()) }
    }

    fn dictionary(
        &self,
        file: &mut (impl Read + Seek),
        page: &Page,
        limits: &Limits,
        path: &Path,
    ) -> Result<Dictionary> {
        check(path, "rows", page.n as u64, limits.rows)?;
        let bytes = self.content(file, page, limits, path)?;
        let (mut rest, mut values) = (&*bytes, Vec::new());
        for _ in 0..page.n {
            let value = self.value(&mut rest);
            let value = value.ok_or_else(|| refuse(path, page.body.start, DAMAGED))?;
            let end = bytes.len() - rest.len();
            values.push(end - value.len()..end);
        }
        Ok(Dictionary { bytes, values })
    }

    /// Hands the values `wanted` of a page to `found`.
    fn page_values(
        &self,
        page: &Page,
        content: &[u8],
        dictionary: Option<&Dictionary>,
        wanted: Range<usize>,
        found: &mut impl FnMut(&[u8]),
    ) -> std::result::Result<(), &'static str> {
        let (levels, mut values) = if page.kind == DATA_2 {
            let [repetition, presence] = page.levels;
            let rest = content.get(repetition..).ok_or(DAMAGED)?;
            rest.split_at_checked(presence).ok_or(DAMAGED)?
        } else if self.level > 0 {
            let (&len, rest) = content.split_first_chunk().ok_or(DAMAGED)?;
            let len = usize::try_from(u32::from_le_bytes(len)).map_err(|_| DAMAGED)?;
            rest.split_at_checked(len).ok_or(DAMAGED)?
        } else {
            (&[][..], content)
        };
        if self.level > 0 {
            let levels = runs(levels, 32 - self.level.leading_zeros(), page.n).ok_or(DAMAGED)?;
            if levels.iter().any(|&level| level != self.level) {
                return Err("a row is without picture or label; use shards in which all have both");
            }
        }
        if page.encoding == PLAIN {
            for row in 0..wanted.end {
                let value = self.value(&mut values).ok_or(DAMAGED)?;
                if row >= wanted.start {
                    found(value);
                }
            }
            return Ok(());
        }
        if !PLACES.contains(&page.encoding) {
            return Err("values in an encoding that is not read; write them plain");
        }
        let dictionary = dictionary.ok_or(DAMAGED)?;
        let (&bits, packed) = values.split_first().ok_or(DAMAGED)?;
        let places = runs(packed, bits.into(), page.n).ok_or(DAMAGED)?;
        for &place in places.get(wanted).ok_or(DAMAGED)? {
            let place = usize::try_from(place).ok().and_then(|place| dictionary.values.get(place));
            found(place.and_then(|value| dictionary.bytes.get(value.clone())).ok_or(DAMAGED)?);
        }
        Ok(())
    }

    /// The next of values that lie one after another.
    fn value<'a>(&self, bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let len = match self.width {
            Some(width) => width,
            None => {
                let (&len, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                usize::try_from(u32::from_le_bytes(len)).ok()?
            }
        };
        let (value, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn pages_past_the_limit_are_not_read() {
        let (path, pages) = (Path::new("x"), 0..1 << 40);
        for packed in [false, true] {
            let column =
                Column { rows: 1, pages: pages.clone(), width: Some(8), snappy: packed, level: 0 };
            let page = |body: Range<u64>| {
                let levels = [0; 2];
                Page { kind: DATA, n: 1, encoding: PLAIN, body, size: 8, levels, packed }
            };
            let content = |file: &[u8], end, file_bytes| {
                let limits = Limits { file_bytes, ..Limits::default() };
                column.content(&mut std::io::Cursor::new(file), &page(0..end), &limits, path)
            };
            let error = content(&[], pages.end, 1 << 31).unwrap_err().to_string();
            let expected = "x: file_bytes is 1099511627776, the limit is 2147483648; ";
            assert!(error.starts_with(expected), "{error}");
            // Eight bytes as Snappy has them: their number, one literal of them.
            let bytes: &[u8] = if packed {
                &[8, 7 << 2, 1, 2, 3, 4, 5, 6, 7, 8]
            } else {
                &[1, 2, 3, 4, 5, 6, 7, 8]
            };
            let len = bytes.len() as u64;
            assert_eq!(content(bytes, len, len).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
            assert!(matches!(content(bytes, len, len - 1), Err(Error::Limit { .. })));
        }
    }

    #[test]
    fn dictionaries_past_the_limit_are_refused() {
        let column = Column { rows: 9, pages: 0..8, width: Some(4), snappy: false, level: 0 };
        let (kind, levels, packed) = (DICTIONARY, [0; 2], false);
        let page = Page { kind, n: 2, encoding: PLAIN, body: 0..8, size: 8, levels, packed };
        let read = |rows| {
            let limits = Limits { rows, ..Limits::default() };
            column.dictionary(&mut std::io::Cursor::new([0; 8]), &page, &limits, Path::new("x"))
        };
        assert_eq!(read(2).unwrap().values, [0..4, 4..8]);
        assert!(matches!(read(1), Err(Error::Limit { what: "rows", got: 2, limit: 1, .. })));
    }
}
