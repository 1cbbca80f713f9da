//! A text of numbers, one a line or separated by commas.

use std::path::Path;

use crate::{Error, FormatFault, Result};

/// Reads the first column; lines may be empty.
///
/// # Errors
/// [`Error::Format`] for a line that does not begin with a finite number; for a text of two columns of digits alone, such as
/// `0,5878`, which a number with a decimal comma looks like.
pub fn csv(bytes: &[u8], path: &Path) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    let mut at = 0;
    // Of each line, whether it may be one number with a decimal comma.
    let mut with_commas = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let first = line.split(|&byte| byte == b',').next().unwrap_or(&[]);
        let text = std::str::from_utf8(first).ok().map(str::trim);
        if text != Some("") {
            let value = text.and_then(|text| text.parse::<f32>().ok()).filter(|x| x.is_finite());
            let why = "a finite number a line is needed; fetch the file again";
            let refused = || Error::format(path, at, FormatFault::Header { why });
            values.push(value.ok_or_else(refused)?);
            with_commas += usize::from(has_decimal_comma(line));
        }
        at += line.len() + 1;
    }
    if with_commas > 0 && with_commas == values.len() {
        let why = "its numbers may have decimal commas, or be two columns of whole numbers; write decimal points, or \
                   leave one column";
        return Err(Error::format(path, 0, FormatFault::Header { why }));
    }
    Ok(values)
}

/// Whether a line is digits, a comma and digits.
fn has_decimal_comma(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"-").or(line.strip_prefix(b"+")).unwrap_or(line);
    let mut parts = line.split(|&byte| byte == b',');
    let mut is_digits =
        || parts.next().is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
    is_digits() && is_digits() && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_commas_are_not_columns() {
        let read = |text: &str| csv(text.as_bytes(), Path::new("ib600_2.csv"));
        for wrong in ["0,5878\n-0,9511\n", "1,2\r\n3,4\r\n", "+1,25\n\n"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("ib600_2.csv") && error.contains("decimal commas"), "{error}");
        }
        assert_eq!(read("0.5,1\n2,3\n").unwrap(), [0.5, 2.0]);
        assert_eq!(read("1,2,3\n4,5,6\n").unwrap(), [1.0, 4.0]);
        assert_eq!(read("1\n\n-2\n").unwrap(), [1.0, -2.0]);
    }
}
