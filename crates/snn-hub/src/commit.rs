//! The commit: sent once, with its parent named. Where its answer is lost, the branch is looked at, so that a second try
//! makes no second commit.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::address::is_commit;
use crate::answer::Committed;
use crate::checkpoint::File;
use crate::client::{Client, Request, may_pass};
use crate::remote::head;
use crate::{Address, Error, Result};

const LINES: &str = "application/x-ndjson";

/// What a commit changes.
pub(crate) struct Change<'a> {
    /// The commit that it follows.
    pub(crate) parent: &'a str,
    /// Files that the Hub's store of large ones has.
    pub(crate) large: Vec<&'a File>,
    /// Files that travel in the commit.
    pub(crate) small: Vec<&'a File>,
    /// Names that go.
    pub(crate) stale: Vec<&'a str>,
}

impl Change<'_> {
    /// Makes the commit, and returns the one that the branch then has: this one, or where the answer was lost perhaps
    /// somebody else's.
    pub(crate) fn commit(&self, client: &Client, to: &Address) -> Result<String> {
        let path = format!("/api/models/{}/commit/{}", to.repository(), to.revision_in_url());
        let (url, lines) = (client.url(&path), self.lines()?);
        let request = Request::post(&url, LINES, lines.as_bytes());
        let lost = match client.once(&request) {
            Err(error) => client.unreachable(&request, &error),
            Ok(mut answer) if answer.status().is_success() => {
                match client.read_json::<Committed>(&request, &mut answer) {
                    Ok(made) if is_commit(&made.commit_oid) => return Ok(made.commit_oid),
                    Ok(_) => Error::hub(request.shown(), "names a commit that is none"),
                    Err(error) => error,
                }
            }
            Ok(mut answer) => {
                let status = answer.status().as_u16();
                let refused = client.refused(&request, &mut answer);
                if status == 429 || !may_pass(status) {
                    return Err(refused);
                }
                refused
            }
        };
        match head(client, to) {
            Ok(Some(commit)) if commit != self.parent => Ok(commit),
            Ok(_) => Err(lost),
            Err(_) => {
                let why = format!("{lost}; it may have been made: publish again, which will tell");
                Err(Error::hub(to.to_string(), why))
            }
        }
    }

    /// An object a line.
    fn lines(&self) -> Result<String> {
        let parent = self.parent;
        let header =
            json!({"summary": "Publish a checkpoint", "description": "", "parentCommit": parent});
        let mut lines = vec![json!({"key": "header", "value": header})];
        for file in &self.small {
            let bytes = fs::read(&file.path).map_err(Error::io(&file.path))?;
            let content = STANDARD.encode(bytes);
            let value = json!({"path": file.name, "encoding": "base64", "content": content});
            lines.push(json!({"key": "file", "value": value}));
        }
        for file in &self.large {
            let (oid, size) = (&file.sha256, file.bytes);
            let value = json!({"path": file.name, "algo": "sha256", "oid": oid, "size": size});
            lines.push(json!({"key": "lfsFile", "value": value}));
        }
        let gone = |name: &&str| json!({"key": "deletedFile", "value": {"path": name}});
        lines.extend(self.stale.iter().map(gone));
        Ok(lines.iter().map(|line| format!("{line}\n")).collect())
    }
}
