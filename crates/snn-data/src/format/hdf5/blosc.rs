//! What Zstandard and Blosc have packed.

use ruzstd::decoding::FrameDecoder;

/// Bytes that a Zstandard frame may look back where its content is shorter: what levels up to 19 use.
const WINDOW: u64 = 1 << 23;

/// Unpacks Zstandard frames that hold as many bytes as `out` has; `None` is damage.
pub(super) fn zstd(packed: &[u8], out: &mut [u8]) -> Option<()> {
    if window(packed)? > WINDOW.max(out.len() as u64) {
        return None;
    }
    (FrameDecoder::new().decode_all(packed, out).ok()? == out.len()).then_some(())
}

/// Elements of `size` bytes of which all first bytes stand together, then all second ones; what is left over stands at the
/// end.
pub(super) fn unshuffled(bytes: &[u8], size: usize) -> Vec<u8> {
    let n = bytes.len() / size.max(1);
    let from = |at: usize| if at < n * size { at % size * n + at / size } else { at };
    (0..bytes.len()).map(|at| bytes.get(from(at)).copied().unwrap_or(0)).collect()
}

/// Blosc splits a block by the bytes of its elements where there are at most so many, and at least so many elements.
const SPLITS: usize = 16;
const SPLIT_ELEMENTS: usize = 128;

// Bits of its flags.
const SHUFFLED: u8 = 1;
const COPIED: u8 = 2;
const BIT_SHUFFLED: u8 = 4;
const NOT_SPLIT: u8 = 0x10;
/// The number of Zstandard in the upper three bits.
const ZSTD: u8 = 4;

/// Unpacks a Blosc 1 buffer of Zstandard that holds as many bytes as `out` has; `None` is damage, or another compressor.
///
/// Layout, little-endian: two bytes of versions, flags, an element's bytes, u32 bytes in all, in a block, and packed; u32
/// places of the blocks; of each block its parts, each u32 bytes and as many packed ones, or as they are where they are no
/// fewer. Source: `README_CHUNK_FORMAT` of c-blosc.
pub(super) fn blosc(packed: &[u8], out: &mut [u8]) -> Option<()> {
    let (&[_, _, flags, size, ref words @ ..], content) = packed.split_first_chunk::<16>()?;
    let word = |at: usize| -> Option<usize> {
        usize::try_from(u32::from_le_bytes(*words.get(at..)?.first_chunk()?)).ok()
    };
    let (all, block, size) = (word(0)?, word(4)?, usize::from(size));
    if all != out.len() || size == 0 || flags & BIT_SHUFFLED != 0 {
        return None;
    }
    if flags & COPIED != 0 {
        out.copy_from_slice(content.get(..all)?);
        return Some(());
    }
    if block == 0 || flags >> 5 != ZSTD {
        return None;
    }
    let (places, _) = content.as_chunks();
    for (out, place) in out.chunks_mut(block).zip(places) {
        let is_whole = out.len() == block;
        let splits =
            flags & NOT_SPLIT == 0 && is_whole && size <= SPLITS && block / size >= SPLIT_ELEMENTS;
        let part = out.len() / if splits { size } else { 1 };
        let mut rest = packed.get(usize::try_from(u32::from_le_bytes(*place)).ok()?..)?;
        let bytes = out.len();
        for out in out.chunks_mut(part).take(bytes / part.max(1)) {
            let (&len, after) = rest.split_first_chunk()?;
            let (packed, after) =
                after.split_at_checked(usize::try_from(u32::from_le_bytes(len)).ok()?)?;
            if packed.len() == out.len() {
                out.copy_from_slice(packed);
            } else {
                zstd(packed, out)?;
            }
            rest = after;
        }
        if flags & SHUFFLED != 0 && size > 1 {
            out.copy_from_slice(&unshuffled(out, size));
        }
    }
    (all.div_ceil(block) <= places.len()).then_some(())
}

/// How far a Zstandard frame claims to look back; all of what it holds where it is one segment. Source: RFC 8878, 3.1.1.1.
fn window(frame: &[u8]) -> Option<u64> {
    let (&flags, rest) = frame.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?.split_first()?;
    if flags & 0x20 == 0 {
        let &descriptor = rest.first()?;
        let base = 1u64 << (10 + (descriptor >> 3));
        return Some(base + base / 8 * u64::from(descriptor & 7));
    }
    let dictionary = [0, 1, 2, 4].get(usize::from(flags & 3))?;
    let size = rest.get(*dictionary..)?;
    let (bytes, more) = *[(1, 0), (2, 256), (4, 0), (8, 0)].get(usize::from(flags >> 6))?;
    let size = size.get(..bytes)?.iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    size.checked_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_find_their_elements_again() {
        assert_eq!(unshuffled(&[1, 3, 5, 2, 4, 6, 7], 2), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(unshuffled(&[1, 2], 1), [1, 2]);
    }

    #[test]
    fn copied_blocks_and_damaged_ones_are_told() {
        let head = |flags, all: u32| {
            [&[2, 1, flags, 2][..], &all.to_le_bytes(), &[4, 0, 0, 0, 20, 0, 0, 0]].concat()
        };
        let read = |bytes: &[u8]| {
            let mut out = [0; 4];
            blosc(bytes, &mut out).map(|()| out)
        };
        assert_eq!(read(&[&head(COPIED, 4)[..], &[1, 2, 3, 4]].concat()), Some([1, 2, 3, 4]));
        // One block at 20 of one part, as it is, shuffled.
        let block = [20, 0, 0, 0, 4, 0, 0, 0, 1, 3, 2, 4];
        let whole = [&head(ZSTD << 5 | SHUFFLED, 4)[..], &block].concat();
        assert_eq!(read(&whole), Some([1, 2, 3, 4]));
        for n in 0..whole.len() {
            assert_eq!(read(&whole[..n]), None, "{n}");
        }
        assert_eq!(read(&[&head(ZSTD << 5, 5)[..], &block].concat()), None);
        assert_eq!(read(&[&head(1 << 5, 4)[..], &block].concat()), None);
        assert_eq!(read(&[&head(ZSTD << 5 | BIT_SHUFFLED, 4)[..], &block].concat()), None);
    }

    #[test]
    fn windows_are_those_of_the_standard() {
        let magic = [0x28, 0xb5, 0x2f, 0xfd];
        let of = |rest: &[u8]| window(&[&magic[..], rest].concat());
        assert_eq!(of(&[0, 0]), Some(1024));
        assert_eq!(of(&[0, 13 << 3 | 4]), Some((1 << 23) + (1 << 22)));
        assert_eq!(of(&[0x20, 100]), Some(100));
        assert_eq!(of(&[0x60, 44, 1]), Some(556));
        assert_eq!(of(&[0xe3, 9, 9, 9, 9, 1, 0, 0, 0, 0, 0, 0, 0]), Some(1));
        assert_eq!(of(&[0xe3, 9, 9, 9, 9, 1]), None);
        assert_eq!(window(b"\x28\xb5\x2f"), None);
    }
}
