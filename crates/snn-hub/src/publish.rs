//! To the Hub: all files of a checkpoint in one commit, and none where the branch holds them already.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::answer::{Mode, PathInfo, Preupload, Validation};
use crate::checkpoint::{Checkpoint, File};
use crate::client::{Client, Request};
use crate::commit::Change;
use crate::remote::{files_of, head};
use crate::{Address, Error, Result, Settings, large};

const JSON: &str = "application/json";
/// The Hub decides by so many first bytes how a file is sent.
const SAMPLE: usize = 512;

/// What came of publishing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The commit of the branch that holds the files.
    pub commit: String,
    /// Whether it held them before.
    pub was_there: bool,
}

/// Publishes a checkpoint to a branch; the repository is made where there is none.
///
/// # Errors
/// [`Error::Setting`] without a token or offline; [`Error::Hub`] for every refusal. Nothing is committed then, unless the
/// message says that the branch has to be looked at.
pub fn publish(checkpoint: &Checkpoint, to: &Address, settings: &Settings) -> Result<Published> {
    if settings.offline {
        return Err(Error::setting("HF_HUB_OFFLINE", "is set, so nothing is published; unset it"));
    }
    if settings.token.is_none() {
        let why =
            "no token: set HF_TOKEN, or HF_TOKEN_PATH to a file that holds one that may write";
        return Err(Error::setting("HF_TOKEN", why));
    }
    Upload { client: Client::new(settings)?, to, checkpoint }.run()
}

struct Upload<'a> {
    client: Client<'a>,
    to: &'a Address,
    checkpoint: &'a Checkpoint,
}

impl Upload<'_> {
    fn run(&self) -> Result<Published> {
        let parent = match head(&self.client, self.to)? {
            Some(commit) => commit,
            None => self.create()?,
        };
        let there = files_of(&self.client, self.to, &parent)?;
        if self.holds(&there) {
            return Ok(Published { commit: parent, was_there: true });
        }
        self.validate_card()?;
        let modes = self.modes()?;
        let is_large = |file: &File| {
            file.bytes > 0 && modes.iter().any(|m| m.path == file.name && m.upload_mode == "lfs")
        };
        let (large, small): (Vec<_>, Vec<_>) =
            self.checkpoint.files.iter().partition(|file| is_large(file));
        large::send(&self.client, &large, self.to)?;
        let has = |name: &str| self.checkpoint.files.iter().any(|file| file.name == name);
        let stale = there.iter().map(|info| info.path.as_str()).filter(|name| !has(name)).collect();
        let change = Change { parent: &parent, large, small, stale };
        let commit = change.commit(&self.client, self.to)?;
        if !self.holds(&files_of(&self.client, self.to, &commit)?) {
            let why = format!("commit {commit} holds other files than were sent; look at it");
            return Err(Error::hub(self.to.to_string(), why));
        }
        Ok(Published { commit, was_there: false })
    }

    /// Whether files of the Hub are those of the checkpoint, and no others.
    fn holds(&self, there: &[PathInfo]) -> bool {
        let files = &self.checkpoint.files;
        let has = |file: &File| {
            there
                .iter()
                .any(|info| info.path == file.name && info.oid().is_some_and(|oid| file.is(&oid)))
        };
        files.len() == there.len() && files.iter().all(has)
    }

    /// Makes the repository and returns its first commit.
    fn create(&self) -> Result<String> {
        let url = self.client.url("/api/repos/create");
        let body = json!({"name": self.to.name(), "organization": self.to.user(), "type": "model"})
            .to_string();
        let request = Request::post(&url, JSON, body.as_bytes());
        let mut answer = self.client.answer(&request)?;
        // Somebody made it meanwhile, or an answer was lost.
        if !answer.status().is_success() && answer.status() != 409 {
            return Err(self.client.refused(&request, &mut answer));
        }
        head(&self.client, self.to)?.ok_or_else(|| {
            Error::hub(self.to.repository(), "was made and is not there; look at its page")
        })
    }

    /// Lets the Hub read the card before anything is sent.
    fn validate_card(&self) -> Result<()> {
        let Some(card) = self.checkpoint.files.iter().find(|file| file.name == "README.md") else {
            return Ok(());
        };
        let text = fs::read_to_string(&card.path).map_err(Error::io(&card.path))?;
        let url = self.client.url("/api/validate-yaml");
        let body = json!({"content": text, "repoType": "model"}).to_string();
        let found: Validation = self.client.json(&Request::post(&url, JSON, body.as_bytes()))?;
        match found.errors.first() {
            None => Ok(()),
            Some(fault) => {
                let why = format!("the Hub does not take its metadata: {}", fault.message);
                Err(Error::checkpoint(&card.path, self.client.hide(&why)))
            }
        }
    }

    /// How the Hub wants each file.
    fn modes(&self) -> Result<Vec<Mode>> {
        let mut files = Vec::new();
        for file in &self.checkpoint.files {
            let mut sample = Vec::new();
            let from = fs::File::open(&file.path).map_err(Error::io(&file.path))?;
            std::io::Read::read_to_end(&mut std::io::Read::take(from, SAMPLE as u64), &mut sample)
                .map_err(Error::io(&file.path))?;
            files.push(
                json!({"path": file.name, "size": file.bytes, "sample": STANDARD.encode(sample)}),
            );
        }
        let path =
            format!("/api/models/{}/preupload/{}", self.to.repository(), self.to.revision_in_url());
        let (url, body) = (self.client.url(&path), json!({"files": files}).to_string());
        let found: Preupload = self.client.json(&Request::post(&url, JSON, body.as_bytes()))?;
        for file in &self.checkpoint.files {
            let mode = found.files.iter().find(|mode| mode.path == file.name);
            let is_known =
                mode.is_some_and(|m| ["lfs", "regular"].contains(&m.upload_mode.as_str()));
            if !is_known || mode.is_some_and(|m| m.should_ignore) {
                let why = "the Hub says no way to send it; look at the repository's .gitignore";
                return Err(Error::hub(file.name, why));
            }
        }
        Ok(found.files)
    }
}
