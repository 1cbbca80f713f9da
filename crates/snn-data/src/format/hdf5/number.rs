//! Numbers as HDF5 stores them.

use hdf5_pure::{Datatype, DatatypeByteOrder};

/// A little-endian number of 1, 2, 4 or 8 bytes.
#[derive(Clone, Copy)]
pub(super) struct Number {
    size: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Float,
    Signed,
    Unsigned,
}

impl Number {
    pub(super) fn of(datatype: &Datatype) -> Option<Self> {
        let (&size, kind) = match datatype {
            Datatype::FloatingPoint {
                size, byte_order: DatatypeByteOrder::LittleEndian, ..
            } => (size, Kind::Float),
            Datatype::FixedPoint {
                size,
                byte_order: DatatypeByteOrder::LittleEndian,
                layout,
                ..
            } => (size, if layout.signed { Kind::Signed } else { Kind::Unsigned }),
            // As h5py writes NumPy's truth values.
            Datatype::Enumeration { base_type, .. } => return Self::of_base(base_type),
            _ => return None,
        };
        let known: &[u32] = if kind == Kind::Float { &[2, 4, 8] } else { &[1, 2, 4, 8] };
        Some(Self { size: usize::try_from(size).ok().filter(|_| known.contains(&size))?, kind })
    }

    fn of_base(datatype: &Datatype) -> Option<Self> {
        if matches!(datatype, Datatype::FixedPoint { .. }) { Self::of(datatype) } else { None }
    }

    /// Bytes.
    pub(super) fn size(self) -> usize {
        self.size
    }

    pub(super) fn is_float(self) -> bool {
        self.kind == Kind::Float
    }

    /// The number that so many bytes are; whole ones past 2^53 are rounded.
    pub(super) fn value(self, bytes: &[u8]) -> f64 {
        match (self.kind, bytes) {
            (Kind::Unsigned, _) => unsigned(bytes),
            (Kind::Signed, &[.., last]) if last >= 128 => {
                // The complement of a negative number is what it lacks to -1.
                -1.0 - bytes.iter().rev().fold(0.0, |n, &byte| 256.0 * n + f64::from(!byte))
            }
            (Kind::Signed, _) => unsigned(bytes),
            (Kind::Float, &[a, b]) => half(u16::from_le_bytes([a, b])),
            (Kind::Float, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]).into(),
            (Kind::Float, _) => {
                bytes.first_chunk().map_or(f64::NAN, |&bytes| f64::from_le_bytes(bytes))
            }
        }
    }
}

fn unsigned(bytes: &[u8]) -> f64 {
    bytes.iter().rev().fold(0.0, |n, &byte| 256.0 * n + f64::from(byte))
}

/// IEEE 754's 16-bit number.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    sign * match bits >> 10 & 31 {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction) * 2f64.powi(i32::from(exponent) - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_keep_their_sign() {
        let value = |kind, bytes: &[u8]| Number { size: bytes.len(), kind }.value(bytes);
        assert_eq!(value(Kind::Unsigned, &[0xff, 0x80]), 32_768.0 + 255.0);
        assert_eq!(value(Kind::Signed, &[0xff, 0x80]), f64::from(i16::from_le_bytes([0xff, 0x80])));
        for number in [i64::MIN, -300, -1, 0, 1, 1 << 52] {
            assert_eq!(value(Kind::Signed, &number.to_le_bytes()), number as f64);
        }
    }

    #[test]
    fn halves_are_ieee() {
        let known = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x7bff, 65_504.0),
        ];
        for (bits, value) in known {
            assert_eq!(half(bits), value);
        }
        assert_eq!(half(0x0001), 2f64.powi(-24));
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}
