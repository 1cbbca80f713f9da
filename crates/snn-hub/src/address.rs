//! What is on the Hub: a repository and one of its revisions.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The branch where none is named.
const MAIN: &str = "main";
/// The Hub's limit for either part of a name.
const NAME_BYTES: usize = 96;
/// A longer revision is refused.
const REVISION_BYTES: usize = 255;

/// A model repository at a revision, written `USER/NAME` or `USER/NAME@REVISION`.
///
/// Its parts become parts of URLs and of paths, so only letters, digits, `-`, `_` and `.` are taken, and `/` in a
/// revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    user: String,
    name: String,
    revision: String,
}

impl Address {
    /// The address of its repository at another revision.
    ///
    /// # Errors
    /// [`Error::Setting`] for what is no branch, tag or commit.
    pub fn at(&self, revision: &str) -> Result<Self> {
        let is_good = is_word(revision.as_bytes(), b"-_./")
            && revision.len() <= REVISION_BYTES
            && revision.split('/').all(|part| !part.is_empty() && !part.starts_with(['.', '-']))
            && !revision.contains("..");
        if !is_good {
            return Err(Error::setting(
                revision,
                "is no revision; use a branch, a tag or a commit of letters, digits, -, _, . and /",
            ));
        }
        Ok(Self { revision: revision.into(), ..self.clone() })
    }

    /// The owner of the repository.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The name of the repository without its owner.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `USER/NAME`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.user, self.name)
    }

    /// The branch, tag or commit; `main` where none was named.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The revision as one part of a URL.
    pub(crate) fn revision_in_url(&self) -> String {
        self.revision.replace('/', "%2F")
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (repository, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let parts =
            repository.split_once('/').filter(|(user, name)| is_name(user) && is_name(name));
        let Some((user, name)) = parts else {
            let why = "is no repository; use USER/NAME or USER/NAME@REVISION, of letters, digits, -, _ and .";
            return Err(Error::setting(text, why));
        };
        Self { user: user.into(), name: name.into(), revision: MAIN.into() }.at(revision)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.user, self.name, self.revision)
    }
}

/// Whether a text is a commit: 40 lower-case hexadecimal digits.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && crate::hash::is_hex(text)
}

/// The Hub's rule. `--` would be ambiguous in the cache, whose folders are named with it.
fn is_name(text: &str) -> bool {
    is_word(text.as_bytes(), b"-_.")
        && text.len() <= NAME_BYTES
        && !text.starts_with(['.', '-'])
        && !text.ends_with(['.', '-'])
        && !text.ends_with(".git")
        && !text.contains("..")
        && !text.contains("--")
}

fn is_word(text: &[u8], also: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || also.contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        let address: Address = "me/net-1.5".parse().unwrap();
        assert_eq!(address.to_string(), "me/net-1.5@main");
        let other: Address = "me/net-1.5@refs/pr/1".parse().unwrap();
        assert_eq!(
            (other.revision(), other.revision_in_url()),
            ("refs/pr/1", "refs%2Fpr%2F1".into())
        );
        assert_eq!(other, address.at("refs/pr/1").unwrap());
    }

    #[test]
    fn what_could_leave_a_folder_is_refused() {
        for bad in [
            "net", "/net", "me/", "me/a/b", "../net", "me/..", "me/a--b", "me/.git", "me/a.git",
            "m e/n", "me/n?x",
        ] {
            let error = bad.parse::<Address>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{bad}: is no repository")), "{error}");
        }
        for bad in ["", "..", "a/../b", "/a", "a/", "-x", "a b", "a%2e", "a//b", ".x"] {
            let error = format!("me/n@{bad}").parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("is no revision"), "{error}");
        }
    }
}
