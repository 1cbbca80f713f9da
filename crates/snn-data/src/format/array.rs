//! Arrays of numbers in NumPy's files `.npy` and `.npz`.

use flate2::Crc;

use super::numpy;
use crate::{Error, Result};

/// A `.npy` file of `values`, in row-major order, of that shape: `<f4`.
pub fn write_npy_array(values: &[f32], shape: &[usize]) -> Vec<u8> {
    let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let mut out = numpy::header("'<f4'", sides.trim_end());
    out.reserve_exact(4 * values.len());
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    out
}

/// A `.npz` archive of one such array, called `name`, not compressed.
///
/// # Errors
/// [`Error::Config`] for an array of four gigabytes, which the archive's header cannot say.
pub fn write_npz_array(name: &str, values: &[f32], shape: &[usize]) -> Result<Vec<u8>> {
    let npy = write_npy_array(values, shape);
    let name = format!("{name}.npy");
    let long = || Error::config("shape", "an array of 4 GiB or more; write a .npy file");
    let len = u32::try_from(npy.len()).map_err(|_| long())?.to_le_bytes();
    let name_len = u16::try_from(name.len()).map_err(|_| long())?.to_le_bytes();
    let mut crc = Crc::new();
    crc.update(&npy);
    // Version 2.0, no flags, stored; 00:00:00 on the first day that the format knows.
    let about = [
        &[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..],
        &crc.sum().to_le_bytes(),
        &len,
        &len,
        &name_len,
        &[0, 0],
    ]
    .concat();
    let mut out = [b"PK\x03\x04", &about[..], name.as_bytes()].concat();
    out.extend(npy);
    let at = u32::try_from(out.len()).map_err(|_| long())?;
    // Comment, disk, attributes; the member begins at 0.
    let entry = [b"PK\x01\x02\x14\0", &about[..], &[0; 14], name.as_bytes()].concat();
    out.extend(&entry);
    let entry_len = u32::try_from(entry.len()).map_err(|_| long())?.to_le_bytes();
    out.extend(
        [b"PK\x05\x06", &[0, 0, 0, 0, 1, 0, 1, 0][..], &entry_len, &at.to_le_bytes(), &[0, 0]]
            .concat(),
    );
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Limits;
    use crate::format::npz;

    #[test]
    fn arrays_are_read_again() {
        let values = [0.0, 1.5, -2.0, 3.0, 4.0, 5.0];
        let npy = write_npy_array(&values, &[1, 3, 2]);
        assert_eq!((npy.len(), npy.len() % 64), (64 * 2 + 24, 24));
        let text = String::from_utf8_lossy(&npy[10..128]);
        assert!(
            text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 2,), }"),
            "{text}"
        );
        assert_eq!(npy[128..136], [0, 0, 0, 0, 0, 0, 0xc0, 0x3f]);
        let bytes = write_npz_array("frames", &values, &[6]).unwrap();
        let arrays = npz(&bytes, &Limits::default(), Path::new("x.npz")).unwrap();
        assert_eq!(arrays, [("frames".to_owned(), values.map(f64::from).to_vec())]);
    }
}
