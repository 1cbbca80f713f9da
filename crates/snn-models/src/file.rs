//! Files from strangers: read without hanging or filling memory, and safetensors headers that say one
//! thing.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::Metadata;
use serde::Deserializer as _;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};

use crate::{Error, Result};

/// The bytes of a regular file of at most `most` bytes.
///
/// # Errors
/// [`Error::Io`] when the operating system refuses, [`Error::Checkpoint`] for a pipe, a device, a
/// directory or a larger file.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let io = |cause| Error::Io { path: path.to_path_buf(), cause };
    let fault = |why: String| Error::Checkpoint { path: path.to_path_buf(), why };
    // Before it is opened: opening a pipe waits for its writer.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(fault("is not a regular file; copy what it holds into one".into()));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(most + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > most {
        return Err(fault(format!("is larger than the {most} bytes that it may have here")));
    }
    Ok(bytes)
}

/// The bytes of a safetensors file of at most `most` bytes. Its head is looked at first, so that another file, however large, is
/// refused at once.
///
/// # Errors
/// As [`read_file`], and [`Error::Checkpoint`] for a file whose head is not that of safetensors.
pub fn read_safetensors(path: &Path, most: u64) -> Result<Vec<u8>> {
    let io = |cause| Error::Io { path: path.to_path_buf(), cause };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if metadata.is_file() {
        let mut head = [0; 8];
        let header = match File::open(path).map_err(io)?.read_exact(&mut head) {
            Ok(()) => u64::from_le_bytes(head),
            Err(_) => 0,
        };
        // At least `{}`, and no longer than what follows.
        if header < 2 || header > metadata.len().saturating_sub(8) {
            let why = "is not an intact safetensors file; copy it again".into();
            return Err(Error::Checkpoint { path: path.to_path_buf(), why });
        }
    }
    read_file(path, most)
}

/// What a JSON file says, or the field that cannot be read: `what` says what the file is not.
///
/// # Errors
/// [`Error::Checkpoint`] naming the field, or line and column where the text is no JSON at all.
pub fn read_json<T: DeserializeOwned>(text: &[u8], path: &Path, what: &str) -> Result<T> {
    let fault = |why: String| Error::Checkpoint { path: path.to_path_buf(), why };
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (field, cause) = (error.path().to_string(), error.into_inner());
        // `.` is the whole file. An enum's other kind of value is answered as if it were no JSON.
        let is_json = || serde_json::from_slice::<IgnoredAny>(text).is_ok();
        if field == "." || !is_json() {
            return fault(format!("{what}: {cause}"));
        }
        let cause = cause.to_string();
        let cause = cause.split(" at line ").next().unwrap_or_default();
        let cause = cause.replace("expected value", "is a value of another kind");
        fault(format!("{what}: {field}: {cause}"))
    })?;
    json.end().map_err(|e| fault(format!("{what}: {e}")))?;
    Ok(read)
}

/// The header and tensors of a safetensors file in which no name stands twice, which the safetensors
/// crate alone does not notice; `path` names the file in errors.
///
/// # Errors
/// [`Error::Checkpoint`] when `bytes` are no such file.
pub fn read_tensors<'a>(bytes: &'a [u8], path: &Path) -> Result<(Metadata, SafeTensors<'a>)> {
    let fault = |why: String| Error::Checkpoint { path: path.to_path_buf(), why };
    let damaged = |why| fault(format!("not an intact safetensors file: {why}; copy it again"));
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(e.to_string()))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| damaged(e.to_string()))?;
    serde_json::Deserializer::from_slice(&bytes[8..8 + length])
        .deserialize_map(Names)
        .map_err(|e| fault(format!("{e}; export it again")))?;
    Ok((header, tensors))
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
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
    use std::path::Path;

    use super::read_tensors;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    #[test]
    fn a_name_may_stand_once_and_every_byte_belongs_to_a_tensor() {
        let entry = |name: &str, from: usize| {
            let to = from + 4;
            format!(r#""{name}":{{"dtype":"F32","shape":[1],"data_offsets":[{from},{to}]}}"#)
        };
        let refusal = |header: &str, data: usize| {
            read_tensors(&file(header, data), Path::new("x")).map(|_| ()).unwrap_err().to_string()
        };
        let (a, b) = (entry("a", 0), entry("b", 4));
        let good = file(&format!("{{{a},{b}}}"), 8);
        assert_eq!(read_tensors(&good, Path::new("x")).unwrap().1.len(), 2);
        let twice = refusal(&format!("{{{a},{a}}}"), 4);
        assert_eq!(twice.lines().count(), 1, "{twice}");
        assert!(twice.contains("x: tensor a stands twice"), "{twice}");
        assert!(refusal(&format!("{{{a}}}"), 8).contains("intact"));
        assert!(refusal(&format!("{{{b}}}"), 8).contains("intact"));
        for cut in 0..good.len() {
            assert!(read_tensors(&good[..cut], Path::new("x")).is_err(), "{cut}");
        }
    }
}
