//! Structs of Thrift's compact protocol, in which Parquet writes its headers, bounds checked.
//!
//! No tree is built of them, which would take a hundred times the bytes of a list of small structs: a struct or a list
//! is the bytes that it lies in, and is read again for each field that is asked for.

/// Structs in structs beyond this are refused.
const DEPTH: usize = 12;

/// The type of structs.
const STRUCT: u8 = 12;

/// A value; numbers, bytes and structs are told apart, their exact types are not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Number(i64),
    Bytes(&'a [u8]),
    List(List<'a>),
    Struct(Struct<'a>),
    /// A double, which no header needs.
    Double,
}

/// The type of the items, and the items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct List<'a>(u8, &'a [u8]);

/// The bytes of fields by their numbers, which have been walked through once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Struct<'a>(&'a [u8]);

impl<'a> Struct<'a> {
    /// The struct that `bytes` begin with, which are left behind it.
    pub(super) fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        fields(bytes, DEPTH)
    }

    fn get(&self, number: i64) -> Option<Value<'a>> {
        let (mut rest, mut last) = (self.0, 0);
        while let (next, Some(value)) = field(&mut rest, last, DEPTH)? {
            if next == number {
                return Some(value);
            }
            last = next;
        }
        None
    }

    pub(super) fn number(&self, number: i64) -> Option<i64> {
        if let Some(Value::Number(value)) = self.get(number) { Some(value) } else { None }
    }

    pub(super) fn bytes(&self, number: i64) -> Option<&'a [u8]> {
        if let Some(Value::Bytes(bytes)) = self.get(number) { Some(bytes) } else { None }
    }

    pub(super) fn inner(&self, number: i64) -> Option<Self> {
        if let Some(Value::Struct(inner)) = self.get(number) { Some(inner) } else { None }
    }

    pub(super) fn list(&self, number: i64) -> Option<impl Iterator<Item = Value<'a>> + use<'a>> {
        let Some(Value::List(List(kind, mut items))) = self.get(number) else { return None };
        Some(std::iter::from_fn(move || value(&mut items, kind, DEPTH)))
    }

    /// A list of structs; nothing where other values are in it.
    pub(super) fn structs(&self, number: i64) -> Option<impl Iterator<Item = Self> + use<'a>> {
        let Some(Value::List(List(kind, mut items))) = self.get(number) else { return None };
        let structs = std::iter::from_fn(move || fields(&mut items, DEPTH));
        (kind == STRUCT || items.is_empty()).then_some(structs)
    }
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Positive and negative numbers in turn.
fn zigzag(bytes: &mut &[u8]) -> Option<i64> {
    let value = varint(bytes)?;
    let (half, is_negative) = ((value >> 1).cast_signed(), value & 1 == 1);
    Some(if is_negative { !half } else { half })
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}

fn taken<'a>(bytes: &mut &'a [u8], n: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(n).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// The number after `last` of a field, and its value unless it is the end. A field is a byte of the step to its number
/// and its type, or a step of 0, the type and the number; a byte 0 ends.
fn field<'a>(bytes: &mut &'a [u8], last: i64, depth: usize) -> Option<(i64, Option<Value<'a>>)> {
    let head = byte(bytes)?;
    let (step, kind) = (head >> 4, head & 0xf);
    if kind == 0 {
        return Some((last, None));
    }
    let number = if step == 0 { zigzag(bytes)? } else { last.checked_add(step.into())? };
    let value = match kind {
        // A field's truth is its type.
        1 => Value::Number(1),
        2 => Value::Number(0),
        kind => value(bytes, kind, depth)?,
    };
    Some((number, Some(value)))
}

fn fields<'a>(bytes: &mut &'a [u8], depth: usize) -> Option<Struct<'a>> {
    let depth = depth.checked_sub(1)?;
    let (start, mut last) = (*bytes, 0);
    while let (next, Some(_)) = field(bytes, last, depth)? {
        last = next;
    }
    Some(Struct(start.get(..start.len() - bytes.len())?))
}

fn value<'a>(bytes: &mut &'a [u8], kind: u8, depth: usize) -> Option<Value<'a>> {
    Some(match kind {
        1..=3 => Value::Number(byte(bytes)?.into()),
        4..=6 => Value::Number(zigzag(bytes)?),
        7 => {
            taken(bytes, 8)?;
            Value::Double
        }
        8 => {
            let len = varint(bytes)?;
            Value::Bytes(taken(bytes, len)?)
        }
        9 | 10 => {
            let head = byte(bytes)?;
            let n = if head >> 4 == 15 { varint(bytes)? } else { (head >> 4).into() };
            let (start, kind, depth) = (*bytes, head & 0xf, depth.checked_sub(1)?);
            // Each item takes a byte at least, so that a lying length ends with the bytes.
            for _ in 0..n {
                value(bytes, kind, depth)?;
            }
            Value::List(List(kind, start.get(..start.len() - bytes.len())?))
        }
        STRUCT => Value::Struct(fields(bytes, depth)?),
        // Maps, which no header has.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_reads() {
        // 1: -3, 2: true, 4: "ab", 20: [{}, {1: 300}], then a byte that is left.
        let bytes = [0x15, 5, 0x11, 0x28, 2, b'a', b'b', 0x09, 40, 0x2c, 0, 0x16, 0xd8, 4, 0, 0, 9];
        let mut rest = &bytes[..];
        let read = Struct::read(&mut rest).unwrap();
        assert_eq!((rest, read.number(1), read.number(2)), (&[9][..], Some(-3), Some(1)));
        assert_eq!((read.bytes(4), read.number(4), read.number(9)), (Some(&b"ab"[..]), None, None));
        let [empty, full] = read.structs(20).unwrap().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((empty.number(1), full.number(1)), (None, Some(300)));
        assert_eq!(read.list(20).unwrap().collect::<Vec<_>>(), [empty, full].map(Value::Struct));
        assert!(read.list(4).is_none() && read.structs(9).is_none());
        for n in 0..16 {
            assert_eq!(Struct::read(&mut &bytes[..n]), None, "{n}");
        }
    }

    #[test]
    fn lies_are_answered() {
        // A list of 2^63 bytes, a number of eleven bytes, and structs in structs.
        let long = [&[0x19, 0xf3][..], &[0xff; 9], &[0, 1, 2, 3]].concat();
        assert_eq!(Struct::read(&mut &long[..]), None);
        assert_eq!(varint(&mut &[0xff; 11][..]), None);
        assert_eq!(Struct::read(&mut &[0x1c; 1000][..]), None);
        assert_eq!(zigzag(&mut &[&[0xff; 9][..], &[1]].concat()[..]), Some(i64::MIN));
    }
}
