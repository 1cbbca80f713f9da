//! The one check of a safetensors file that the safetensors crate leaves out: no name may stand twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};

/// Refuses a header in which a name stands twice.
pub(crate) fn refuse_duplicates(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let cut = || serde::de::Error::custom("cut off in the header");
    let length = bytes.first_chunk::<8>().map(|n| u64::from_le_bytes(*n)).ok_or_else(cut)?;
    let length = usize::try_from(length).map_err(|_| cut())?;
    let header = bytes[8..].get(..length).ok_or_else(cut)?;
    serde_json::Deserializer::from_slice(header).deserialize_map(Names)
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
            if seen.contains(&name) {
                return Err(serde::de::Error::custom(format!("tensor {name} stands twice")));
            }
            seen.insert(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::refuse_duplicates;

    fn file(header: &str) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes
    }

    #[test]
    fn a_name_may_stand_once() {
        assert!(refuse_duplicates(&file(r#"{"a":{"x":[1,2]},"b":{}}"#)).is_ok());
        let twice = refuse_duplicates(&file(r#"{"a":{},"b":{},"a":{}}"#)).unwrap_err();
        assert!(twice.to_string().contains("tensor a stands twice"));
        let whole = file(r#"{"a":1}"#);
        assert!((0..whole.len()).all(|cut| refuse_duplicates(&whole[..cut]).is_err()));
    }
}
