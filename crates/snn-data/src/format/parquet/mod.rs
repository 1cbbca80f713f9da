//! Parquet shards of labelled pictures as the Hugging Face Hub has them: a column `image` of `bytes` and `path`, and a
//! column `label`.
//!
//! Layout: `PAR1`, pages, a footer in Thrift's compact protocol, its u32 length, `PAR1`. The footer lists row groups and
//! where in the file each column of them has its pages. Source: Apache Parquet's parquet.thrift and its README.

mod column;
mod runs;
mod thrift;

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use column::Column;
use thrift::{Struct, Value};

use crate::limits::check;
use crate::{Error, FormatFault, Limits, Result};

const DAMAGED: &str = "damaged Parquet data; fetch or save the file again";
const LAYOUT: &str =
    "the columns image {bytes} and label are needed, as the Hub's sets of pictures have them";
const UNLABELLED: &str =
    "a label is negative; use the shards train-* and validation-*, which have labels";

const IMAGE: &[&[u8]] = &[b"image", b"bytes"];
const LABEL: &[&[u8]] = &[b"label"];

/// A file of pictures with labels, each read when it is asked for.
#[derive(Debug)]
pub struct Shard {
    labels: Vec<u32>,
    /// Of each row group the pictures.
    groups: Vec<Column>,
}

/// Reads a shard's footer and labels.
///
/// # Errors
/// [`Error::Format`] for other columns, another compression than Snappy, an encoding other than plain or by dictionary,
/// negative labels, or damage; [`Error::Limit`] for a footer past `limits.header_bytes`, more pictures or values of a
/// dictionary than `limits.rows`, or a page past `limits.file_bytes` or `limits.inflate_ratio`.
pub fn parquet(file: &mut (impl Read + Seek), limits: &Limits, path: &Path) -> Result<Shard> {
    let len = file.seek(SeekFrom::End(0)).map_err(Error::io(path))?;
    let magic = || Error::format(path, 0, FormatFault::Magic { expected: "a Parquet file" });
    let tail = len.checked_sub(8).filter(|&at| at >= 4).ok_or_else(magic)?;
    let (head, tail_bytes) = (part(file, 0, 4, path)?, part(file, tail, 8, path)?);
    let (b"PAR1", &[l0, l1, l2, l3, b'P', b'A', b'R', b'1']) = (&*head, &*tail_bytes) else {
        return Err(magic());
    };
    let need = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    check(path, "header_bytes", need, limits.header_bytes)?;
    let at = tail.checked_sub(need).ok_or_else(|| refuse(path, tail, DAMAGED))?;
    let footer = part(file, at, need, path)?;
    let groups = groups(&footer, len).map_err(|why| refuse(path, at, why))?;
    // Equal labels are one run of a few bytes, however many a file's length allows.
    let rows = groups.iter().map(|(label, _)| label.rows as u64).sum();
    check(path, "rows", rows, limits.rows)?;
    let mut labels = Vec::new();
    for (label, _) in &groups {
        label.values(file, 0..label.rows, limits, path, |value| {
            let sign = value.last().map_or(0, |byte| byte >> 7);
            let high = value.iter().skip(4).fold(sign, |any, byte| any | byte);
            let low = value.first_chunk().map(|&low| u32::from_le_bytes(low));
            labels.push(low.filter(|_| high == 0));
        })?;
    }
    let labels = labels.into_iter().collect::<Option<_>>();
    let labels = labels.ok_or_else(|| refuse(path, at, UNLABELLED))?;
    Ok(Shard { labels, groups: groups.into_iter().map(|(_, image)| image).collect() })
}

impl Shard {
    /// The class of each picture.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The bytes of picture `index`, a JPEG or PNG file. Its whole page is unpacked for it; there may be a hundred
    /// pictures in a page.
    ///
    /// # Errors
    /// As [`parquet`], and [`Error::Config`] for a picture that is not there.
    pub fn picture(
        &self,
        file: &mut (impl Read + Seek),
        index: usize,
        limits: &Limits,
        path: &Path,
    ) -> Result<Vec<u8>> {
        let mut row = index;
        for group in &self.groups {
            if row < group.rows {
                let mut picture = Vec::new();
                group.values(file, row..row + 1, limits, path, |value| picture = value.to_vec())?;
                return Ok(picture);
            }
            row -= group.rows;
        }
        let why = format!(
            "{index} is not below {}, the number of pictures in the file",
            self.labels.len()
        );
        Err(Error::config("index", why))
    }
}

/// Labels and pictures of each row group.
fn groups(mut footer: &[u8], len: u64) -> std::result::Result<Vec<(Column, Column)>, &'static str> {
    let footer = Struct::read(&mut footer).ok_or(DAMAGED)?;
    let schema = || footer.structs(2).ok_or(DAMAGED);
    let levels = level(schema()?, LABEL).zip(level(schema()?, IMAGE)).ok_or(LAYOUT)?;
    let (mut found, mut left) = (Vec::new(), len);
    for group in footer.structs(4).ok_or(DAMAGED)? {
        let rows = group.number(3).and_then(|rows| u64::try_from(rows).ok()).ok_or(DAMAGED)?;
        // A picture takes bytes: what claims more of them than the file has is no set of pictures.
        left = left.checked_sub(rows).ok_or(DAMAGED)?;
        let rows = usize::try_from(rows).map_err(|_| DAMAGED)?;
        let column = |path: &[&[u8]], level| {
            let columns = group.structs(1).ok_or(DAMAGED)?;
            let is_it = |about: &Struct<'_>| {
                let name = path.iter().map(|part| Value::Bytes(part));
                about.list(3).is_some_and(|parts| parts.eq(name))
            };
            let about = columns.filter_map(|column| column.inner(3)).find(is_it).ok_or(LAYOUT)?;
            Column::new(&about, rows, level, len)
        };
        let (label, image) = (column(LABEL, levels.0)?, column(IMAGE, levels.1)?);
        if label.is_text() || !image.is_text() {
            return Err(LAYOUT);
        }
        found.push((label, image));
    }
    Ok(found)
}

/// Of a column how many parts of its path may be missing; nothing where there is none or where values repeat.
fn level<'a>(schema: impl Iterator<Item = Struct<'a>>, path: &[&[u8]]) -> Option<u32> {
    // Of each group that is open: the elements to come, whether it is on the path, and its level.
    let mut open = vec![(i64::MAX, true, 0)];
    for element in schema.skip(1) {
        while open.last()?.0 == 0 {
            open.pop();
        }
        let depth = open.len();
        let (left, on_path, level) = open.last_mut()?;
        *left -= 1;
        let on_path = *on_path && path.get(depth - 1).copied() == element.bytes(4);
        let level = match element.number(3) {
            Some(0) => *level,
            Some(1) => *level + 1,
            _ if on_path => return None,
            _ => 0,
        };
        if on_path && depth == path.len() {
            return Some(level);
        }
        if let Some(children) = element.number(5).filter(|&n| n > 0) {
            open.push((children, on_path, level));
        }
    }
    None
}

/// Bytes of a file, which are there.
fn part(file: &mut (impl Read + Seek), at: u64, len: u64, path: &Path) -> Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at)).map_err(Error::io(path))?;
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    file.take(len).read_to_end(&mut bytes).map_err(Error::io(path))?;
    // The file may have been cut since.
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(refuse(path, at, DAMAGED)) }
}

fn refuse(path: &Path, at: u64, why: &'static str) -> Error {
    Error::Format { path: path.into(), offset: at, fault: FormatFault::Header { why } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_past_the_limit_are_refused() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/parquet");
        let path = folder.join("train-00000-of-00002.parquet");
        let read = |rows| {
            let limits = Limits { rows, ..Limits::default() };
            parquet(&mut std::fs::File::open(&path).unwrap(), &limits, &path)
        };
        // In two row groups.
        assert_eq!(read(5).unwrap().labels(), [0, 1, 0, 999, 1]);
        let error = read(4).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "rows", got: 5, limit: 4, .. }), "{error}");
    }
}
