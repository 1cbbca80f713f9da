//! The few parts of Google's FlatBuffers that AEDAT 4 uses, bounds checked.

/// A table: fields found through a list of their places.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    at: usize,
    places: &'a [u8],
}

impl<'a> Table<'a> {
    /// The table that a buffer begins with.
    pub(super) fn root(buffer: &'a [u8]) -> Option<Self> {
        let at = usize::try_from(u32::from_le_bytes(*buffer.first_chunk()?)).ok()?;
        let back = i64::from(i32::from_le_bytes(*buffer.get(at..)?.first_chunk()?));
        let list =
            buffer.get(usize::try_from(i64::try_from(at).ok()?.checked_sub(back)?).ok()?..)?;
        let len = usize::from(u16::from_le_bytes(*list.first_chunk()?));
        // The list begins with its own length and the table's.
        Some(Self { buffer, at, places: list.get(4..len)? })
    }

    /// The bytes from a field on; `Some(None)` where it has its default.
    #[allow(clippy::option_option)] // Damage and absence are two things.
    fn field(&self, number: usize) -> Option<Option<&'a [u8]>> {
        let place =
            self.places.as_chunks().0.get(number).map_or(0, |&place| u16::from_le_bytes(place));
        if place == 0 {
            return Some(None);
        }
        Some(Some(self.buffer.get(self.at.checked_add(place.into())?..)?))
    }

    /// A number's bytes.
    #[allow(clippy::option_option)]
    pub(super) fn scalar<const N: usize>(&self, number: usize) -> Option<Option<[u8; N]>> {
        let Some(field) = self.field(number)? else { return Some(None) };
        Some(Some(*field.first_chunk()?))
    }

    /// The items of a vector or a text, `size` bytes each.
    #[allow(clippy::option_option)]
    pub(super) fn vector(&self, number: usize, size: usize) -> Option<Option<&'a [u8]>> {
        let Some(field) = self.field(number)? else { return Some(None) };
        let ahead = usize::try_from(u32::from_le_bytes(*field.first_chunk()?)).ok()?;
        let (&n, items) = field.get(ahead..)?.split_first_chunk()?;
        let n = usize::try_from(u32::from_le_bytes(n)).ok()?;
        Some(Some(items.get(..n.checked_mul(size)?)?))
    }
}
