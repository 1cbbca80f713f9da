//! A text of numbers, one a line.

use std::path::Path;

use crate::{Error, FormatFault, Result};

/// Reads a number a line, which a comma may end; lines may be empty.
///
/// # Errors
/// [`Error::Format`] for a line that is not one finite number: of several columns none is known to be the signal, and a
/// decimal comma would be one between columns.
pub fn csv(bytes: &[u8], path: &Path) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    let mut at = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let text = std::str::from_utf8(line).ok().map(str::trim);
        let text = text.map(|text| text.strip_suffix(',').unwrap_or(text));
        if text != Some("") {
            let value = text.and_then(|text| text.parse::<f32>().ok()).filter(|x| x.is_finite());
            let why = "one finite number a line is needed, with a decimal point and not a comma; save the signal's column so";
            let refused = || Error::format(path, at, FormatFault::Header { why });
            values.push(value.ok_or_else(refused)?);
        }
        at += line.len() + 1;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_consumed_whole() {
        let read = |text: &str| csv(text.as_bytes(), Path::new("a.csv"));
        assert_eq!(read("0.5\r\n\n -1e-3,\n2").unwrap(), [0.5, -1e-3, 2.0]);
        for (text, at) in
            [("1\n0,5878\n", 2), ("1 2\n", 0), ("1\n2x\n", 2), ("1\nnan\n", 2), ("1;2", 0)]
        {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.contains("one finite number") && error.ends_with(&format!("(at byte {at})")),
                "{error}"
            );
        }
    }
}
