//! What the Hub says: the JSON that is read, and a refusal in words.

use serde::Deserialize;

use crate::hash::{self, Oid};

/// The most of a server's own words that an error repeats.
const WORDS: usize = 200;

/// A revision of a repository.
#[derive(Deserialize)]
pub(crate) struct Revision {
    /// Its commit.
    pub(crate) sha: String,
}

/// A file of a commit.
#[derive(Deserialize)]
pub(crate) struct PathInfo {
    pub(crate) path: String,
    pub(crate) size: u64,
    /// Git's SHA-1 of the file, or of the pointer to a large one.
    oid: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    /// SHA-256.
    oid: String,
}

impl PathInfo {
    /// What its content is called; `None` for what is no hash, which would become the name of a file.
    pub(crate) fn oid(&self) -> Option<Oid> {
        let (hex, digits) = self.lfs.as_ref().map_or((&self.oid, 40), |lfs| (&lfs.oid, 64));
        let is_hash = hex.len() == digits && hash::is_hex(hex);
        is_hash.then(|| match self.lfs {
            Some(_) => Oid::Sha256(hex.clone()),
            None => Oid::Git(hex.clone()),
        })
    }
}

/// How files are to be sent.
#[derive(Deserialize)]
pub(crate) struct Preupload {
    pub(crate) files: Vec<Mode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mode {
    pub(crate) path: String,
    /// `regular` or `lfs`.
    pub(crate) upload_mode: String,
    #[serde(default)]
    pub(crate) should_ignore: bool,
}

/// Where large files are to be sent.
#[derive(Deserialize)]
pub(crate) struct Batch {
    pub(crate) objects: Vec<Object>,
}

#[derive(Deserialize)]
pub(crate) struct Object {
    pub(crate) oid: String,
    /// None where the Hub has these bytes.
    pub(crate) actions: Option<Actions>,
    pub(crate) error: Option<Fault>,
}

#[derive(Deserialize)]
pub(crate) struct Actions {
    pub(crate) upload: Option<Action>,
    pub(crate) verify: Option<Action>,
}

#[derive(Deserialize)]
pub(crate) struct Action {
    pub(crate) href: String,
}

#[derive(Deserialize)]
pub(crate) struct Fault {
    pub(crate) message: String,
}

/// What is wrong with a model card.
#[derive(Deserialize)]
pub(crate) struct Validation {
    #[serde(default)]
    pub(crate) errors: Vec<Fault>,
}

/// A commit that was made.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Committed {
    pub(crate) commit_oid: String,
}

/// A refusal in words with its remedy. `code` is the Hub's own, `body` its words, `wait` how long it asks to wait.
pub(crate) fn refusal(status: u16, code: &str, body: &str, wait: Option<u64>) -> String {
    let said = serde_json::from_str::<serde_json::Value>(body).ok();
    let said = said.as_ref().and_then(|said| said["error"].as_str()).unwrap_or_default();
    let said: String =
        said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORDS).collect();
    let said = if said.is_empty() { said } else { format!(" ({said})") };
    let why = match (status, code) {
        (301..=308, _) => {
            "redirects, which is not followed; check HF_ENDPOINT, and whether the repository has another name now"
        }
        (_, "GatedRepo") => "the repository is gated; ask for access on its page, and set HF_TOKEN",
        (401, _) => {
            "no such repository, or no valid token for it; check the name, and set HF_TOKEN, or HF_TOKEN_PATH to a file that holds one"
        }
        (403, _) => "this token may not do that; make one that may write to the repository",
        (404, "RevisionNotFound") => {
            "has no such revision; make the branch on the Hub first, or name another"
        }
        (404, "EntryNotFound") => "has no such file; it may have been deleted meanwhile, try again",
        (404, _) => {
            "no such repository, or a private one; check the name, and set HF_TOKEN if it is private"
        }
        (409, _) => "another change is being made; wait for it and try again",
        (412, _) => "the branch has moved on meanwhile; look at what was committed and try again",
        (429, _) => "too many requests",
        (500..=599, _) => "the Hub failed; try again later",
        _ => "the Hub refused; look at its page",
    };
    let later = match (status, wait) {
        (429, Some(seconds)) => format!("; try again in {seconds} seconds"),
        (429, None) => "; try again later".into(),
        _ => String::new(),
    };
    format!("answered {status}{said}: {why}{later}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_are_none_are_no_names_of_files() {
        let oid = |json: &str| serde_json::from_str::<PathInfo>(json).unwrap().oid();
        let git = "ab".repeat(20);
        let file = |oid: &str| format!(r#"{{"path":"a","size":1,"oid":"{oid}"}}"#);
        assert_eq!(oid(&file(&git)), Some(Oid::Git(git.clone())));
        for bad in ["../../x", "", &"AB".repeat(20), &"ab".repeat(32)] {
            assert_eq!(oid(&file(bad)), None, "{bad}");
        }
        let sha256 = "cd".repeat(32);
        let large = format!(r#"{{"path":"a","size":1,"oid":"{git}","lfs":{{"oid":"{sha256}"}}}}"#);
        assert_eq!(oid(&large), Some(Oid::Sha256(sha256)));
    }

    #[test]
    fn refusals_are_a_line_with_a_remedy() {
        let body = "{\"error\": \"No\\nsuch thing\"}";
        let said = refusal(404, "RevisionNotFound", body, None);
        assert_eq!(
            said,
            "answered 404 (No such thing): has no such revision; make the branch on the Hub first, or name another"
        );
        assert!(
            refusal(429, "", "", Some(7)).ends_with("too many requests; try again in 7 seconds")
        );
        assert!(refusal(500, "", &"x".repeat(1 << 16), None).len() < 100);
    }
}
