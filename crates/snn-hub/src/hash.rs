//! The two hashes that the Hub names contents by.

use std::fmt::Write as _;
use std::io::Read;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes read at once.
const BLOCK: usize = 1 << 16;

/// What content is called on the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Oid {
    /// A large file: the SHA-256 of its bytes.
    Sha256(String),
    /// A file of the repository itself: git's SHA-1 of a blob.
    Git(String),
}

impl Oid {
    /// The name in the cache, which the Hub sends as ETag.
    pub(crate) fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::Git(hex) => hex,
        }
    }

    /// The hash of this kind of `bytes` bytes that follow.
    pub(crate) fn of(&self, bytes: u64) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Self::Git(_) => {
                let mut hash = Sha1::new();
                hash.update(format!("blob {bytes}\0"));
                Hasher::Git(hash)
            }
        }
    }
}

/// A hash in the making.
pub(crate) enum Hasher {
    Sha256(Sha256),
    Git(Sha1),
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Git(hash) => hash.update(bytes),
        }
    }

    /// The hash of all that is read.
    pub(crate) fn read(mut self, from: &mut impl Read) -> std::io::Result<String> {
        let mut block = vec![0; BLOCK];
        loop {
            match from.read(&mut block)? {
                0 => return Ok(self.hex()),
                n => self.update(&block[..n]),
            }
        }
    }

    pub(crate) fn hex(self) -> String {
        match self {
            Self::Sha256(hash) => hex(&hash.finalize()),
            Self::Git(hash) => hex(&hash.finalize()),
        }
    }
}

/// Both hashes of a file of a known length: SHA-256 and git's.
pub(crate) fn both(mut from: impl Read, bytes: u64) -> std::io::Result<(String, String)> {
    let mut sha256 = Oid::Sha256(String::new()).of(bytes);
    let mut git = Oid::Git(String::new()).of(bytes);
    let mut block = vec![0; BLOCK];
    loop {
        match from.read(&mut block)? {
            0 => return Ok((sha256.hex(), git.hex())),
            n => {
                sha256.update(&block[..n]);
                git.update(&block[..n]);
            }
        }
    }
}

/// Whether a text is lower-case hexadecimal digits.
pub(crate) fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn hashes_are_those_of_sha256sum_and_git() {
        // printf hello | sha256sum; printf hello | git hash-object --stdin
        let (sha256, git) = super::both(&b"hello"[..], 5).unwrap();
        assert_eq!(sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert_eq!(git, "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
    }
}
