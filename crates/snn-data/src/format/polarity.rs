//! Columns of polarities that another program has written.

use std::path::Path;

use crate::{Error, FormatFault, Result};

/// Which values a column held: 0 and 1, -1 and 1, or others, which are no polarities but counts, labels or a column of
/// something else.
#[derive(Clone, Copy, Default)]
pub(super) struct Polarities(u8);

const MINUS: u8 = 1;
const ZERO: u8 = 2;
const ONE: u8 = 4;
const OTHER: u8 = 8;

/// Values that an error lists.
const LISTED: usize = 5;

impl Polarities {
    /// Whether the value is ON.
    #[inline]
    pub(super) fn see(&mut self, value: f64) -> bool {
        self.0 |= match value {
            -1.0 => MINUS,
            0.0 => ZERO,
            1.0 => ONE,
            _ => OTHER,
        };
        value > 0.0
    }

    /// Refuses a column of other values; `all` are its values again, to name some of them, `at` is its place in the file.
    ///
    /// # Errors
    /// [`Error::Format`] with [`FormatFault::Polarity`].
    pub(super) fn check(
        self,
        all: impl Iterator<Item = f64>,
        path: &Path,
        at: usize,
    ) -> Result<()> {
        if self.0 & OTHER == 0 && self.0 & (MINUS | ZERO) != MINUS | ZERO {
            return Ok(());
        }
        let mut values: Vec<f64> = Vec::new();
        for value in all {
            if !values.contains(&value) {
                values.push(value);
            }
            if values.len() > LISTED {
                break;
            }
        }
        let more = if values.len() > LISTED { ", ..." } else { "" };
        values.truncate(LISTED);
        values.sort_by(f64::total_cmp);
        let values: Vec<String> = values.iter().map(f64::to_string).collect();
        let values = format!("{}{more}", values.join(", "));
        Err(Error::format(path, at, FormatFault::Polarity { values }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_are_polarities_and_others_are_named() {
        let check = |values: &[f64]| {
            let mut seen = Polarities::default();
            let on: Vec<bool> = values.iter().map(|&value| seen.see(value)).collect();
            seen.check(values.iter().copied(), Path::new("x.npy"), 3).map(|()| on)
        };
        assert_eq!(check(&[0.0, 1.0, 0.0]).unwrap(), [false, true, false]);
        assert_eq!(check(&[-1.0, 1.0]).unwrap(), [false, true]);
        assert_eq!(check(&[1.0, 1.0]).unwrap(), [true, true]);
        assert!(check(&[]).unwrap().is_empty());
        for (wrong, named) in [
            (&[2.0, 1.0, 2.0][..], "column p holds 1, 2;"),
            (&[-1.0, 0.0, 1.0], "column p holds -1, 0, 1;"),
            (&[5.0, 9.0, 8.0, 7.0, 6.0, 4.0], "column p holds 5, 6, 7, 8, 9, ...;"),
            (&[0.5], "column p holds 0.5;"),
        ] {
            let error = check(wrong).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains("x.npy"), "{error}");
        }
    }
}
