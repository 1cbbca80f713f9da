//! NumPy's files as `snn eval --features` writes them: 32-bit numbers of two sizes, row by row.

use std::path::Path;

use anyhow::{Context, ensure};

/// Rows of equal width.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows {
    pub(super) width: usize,
    pub(super) values: Vec<f32>,
}

impl Rows {
    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    pub(super) fn row(&self, at: usize) -> &[f32] {
        &self.values[at * self.width..(at + 1) * self.width]
    }

    /// These rows alone.
    pub(super) fn select(&self, places: &[usize]) -> Self {
        let values = places.iter().flat_map(|&at| self.row(at)).copied().collect();
        Self { width: self.width, values }
    }
}

/// Reads such a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Rows> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    parse(&bytes)
        .with_context(|| format!("{}: is no array [N, F] of <f4; delete it", path.display()))
}

fn parse(bytes: &[u8]) -> anyhow::Result<Rows> {
    let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00").context("no NumPy file of version 1.0")?;
    let (length, rest) = rest.split_first_chunk::<2>().context("no header")?;
    let length = usize::from(u16::from_le_bytes(*length));
    let (header, data) = rest.split_at_checked(length).context("a header cut short")?;
    let header = std::str::from_utf8(header)?;
    ensure!(header.contains("'<f4'") && header.contains("False"), "the header is {header}");
    let (_, shape) = header.split_once("'shape': (").context("no shape")?;
    let (shape, _) = shape.split_once(')').context("no shape")?;
    let sides: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|side| !side.is_empty())
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let &[n, width] = sides.as_slice() else { anyhow::bail!("the shape is ({shape})") };
    let (numbers, over) = data.as_chunks::<4>();
    ensure!(
        over.is_empty() && n.checked_mul(width) == Some(numbers.len()),
        "the shape is ({shape})"
    );
    let values: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    ensure!(values.iter().all(|value| value.is_finite()), "a value is not finite");
    Ok(Rows { width, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_and_others_refused() {
        let file = |shape: &str, values: &[f32]| {
            let header =
                format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.as_bytes());
            values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
            bytes
        };
        let rows = parse(&file("(2, 3)", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])).unwrap();
        assert_eq!((rows.rows(), rows.row(1)), (2, &[3.0, 4.0, 5.0][..]));
        assert_eq!(rows.select(&[1]).values, [3.0, 4.0, 5.0]);
        for (shape, values) in
            [("(2, 2)", &[0.0; 3][..]), ("(3,)", &[0.0; 3]), ("(1, 1)", &[f32::NAN])]
        {
            assert!(parse(&file(shape, values)).is_err());
        }
        let whole = file("(1, 1)", &[1.0]);
        (0..whole.len()).for_each(|end| assert!(parse(&whole[..end]).is_err()));
    }
}
