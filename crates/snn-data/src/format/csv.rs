//! A text of numbers, one a line or separated by commas.

use std::path::Path;

use crate::{Error, FormatFault, Result};

/// Reads the first column; lines may be empty.
///
/// # Errors
/// [`Error::Format`] for a line that does not begin with a finite number.
pub fn csv(bytes: &[u8], path: &Path) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    let mut at = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let first = line.split(|&byte| byte == b',').next().unwrap_or(&[]);
        let text = std::str::from_utf8(first).ok().map(str::trim);
        if text != Some("") {
            let value = text.and_then(|text| text.parse::<f32>().ok()).filter(|x| x.is_finite());
            let why = "a finite number a line is needed; fetch the file again";
            let refused = || Error::format(path, at, FormatFault::Header { why });
            values.push(value.ok_or_else(refused)?);
        }
        at += line.len() + 1;
    }
    Ok(values)
}
