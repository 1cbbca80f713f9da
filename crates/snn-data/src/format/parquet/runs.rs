//! Small numbers, as levels and places in a dictionary are written.

use super::thrift::varint;

/// `n` numbers of so many bits: runs of one number, and groups of eight that are packed, lowest bits first.
pub(super) fn runs(mut bytes: &[u8], bits: u32, n: usize) -> Option<Vec<u32>> {
    if bits > 32 {
        return None;
    }
    let width = usize::try_from(bits.div_ceil(8)).ok()?;
    let mut numbers = Vec::new();
    while numbers.len() < n {
        let head = varint(&mut bytes)?;
        let (count, left) = (usize::try_from(head >> 1).ok()?, n - numbers.len());
        if head & 1 == 0 {
            let (number, rest) = bytes.split_at_checked(width)?;
            bytes = rest;
            let number = number.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte));
            numbers.extend(std::iter::repeat_n(number, count.min(left)));
        } else {
            let len = count.checked_mul(usize::try_from(bits).ok()?)?;
            let (packed, rest) = bytes.split_at_checked(len)?;
            bytes = rest;
            let mut packed = packed.iter();
            let (mut held, mut held_bits) = (0u64, 0);
            for _ in 0..count.saturating_mul(8).min(left) {
                while held_bits < bits {
                    held |= u64::from(*packed.next()?) << held_bits;
                    held_bits += 8;
                }
                numbers.push(u32::try_from(held & ((1 << bits) - 1)).ok()?);
                held >>= bits;
                held_bits -= bits;
            }
        }
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_repeated_and_packed() {
        // Five times 300 in ten bits, then 0 to 7 in three bits (the format's own example).
        assert_eq!(runs(&[10, 0x2c, 1], 10, 5), Some(vec![300; 5]));
        assert_eq!(runs(&[3, 0x88, 0xc6, 0xfa], 3, 8), Some((0..8).collect()));
        assert_eq!(runs(&[4, 1, 3, 0b101], 1, 5), Some(vec![1, 1, 1, 0, 1]));
        assert_eq!(runs(&[6], 0, 3), Some(vec![0; 3]));
        for (wrong, bits) in
            [(&[3, 0x88, 0xc6][..], 3), (&[][..], 1), (&[10, 0x2c][..], 10), (&[2][..], 33)]
        {
            assert_eq!(runs(wrong, bits, 8), None);
        }
        // No memory is asked for what is only claimed.
        assert_eq!(runs(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 8, 8), None);
    }
}
