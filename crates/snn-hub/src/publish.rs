//! To the Hub: all files of a checkpoint in one commit, which names its parent.
//!
//! The commit is sent once. Where its answer is lost, the branch is looked at: it holds these files, or it does not. So a
//! second try makes no second commit.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::address::is_commit;
use crate::answer::{Action, Batch, Committed, Mode, PathInfo, Preupload, Validation};
use crate::checkpoint::{Checkpoint, File};
use crate::client::{Client, Request, may_pass};
use crate::remote::{files_of, head};
use crate::{Address, Error, Result, Settings};

/// The type of a body.
const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const LFS: &str = "application/vnd.git-lfs+json";
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
        self.send_large(&large)?;
        let stale =
            there.iter().filter(|info| !self.checkpoint.files.iter().any(|f| f.name == info.path));
        let stale: Vec<&str> = stale.map(|info| info.path.as_str()).collect();
        let commit = self.commit(&parent, &lines(&parent, &large, &small, &stale)?)?;
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
                Err(Error::checkpoint(&card.path, why))
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

    /// Sends those large files that the Hub does not have.
    fn send_large(&self, files: &[&File]) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let objects: Vec<Value> =
            files.iter().map(|file| json!({"oid": file.sha256, "size": file.bytes})).collect();
        let body = json!({
            "operation": "upload", "transfers": ["basic"], "hash_algo": "sha256",
            "ref": {"name": self.to.revision()}, "objects": objects,
        });
        let url = self.client.url(&format!("/{}.git/info/lfs/objects/batch", self.to.repository()));
        let body = body.to_string();
        let request = Request::post(&url, LFS, body.as_bytes());
        let batch: Batch = self.client.json(&request)?;
        for file in files {
            let object = batch.objects.iter().find(|object| object.oid == file.sha256);
            let object = object.ok_or_else(|| {
                Error::hub(request.shown(), format!("says nothing of {}; try again", file.name))
            })?;
            if let Some(fault) = &object.error {
                return Err(Error::hub(
                    file.name,
                    format!("the Hub does not take it: {}", fault.message),
                ));
            }
            let Some(actions) = &object.actions else { continue };
            if let Some(Action { href }) = &actions.upload {
                self.may_ask(href)?;
                tracing::info!("{}: {} bytes", file.name, file.bytes);
                let from = fs::File::open(&file.path).map_err(Error::io(&file.path))?;
                self.client.done(&Request::put(href, &from))?;
            }
            if let Some(Action { href }) = &actions.verify {
                self.may_ask(href)?;
                let body = json!({"oid": file.sha256, "size": file.bytes}).to_string();
                self.client.done(&Request::post(href, LFS, body.as_bytes()))?;
            }
        }
        Ok(())
    }

    fn may_ask(&self, href: &str) -> Result<()> {
        match self.client.may_name(href) {
            true => Ok(()),
            false => Err(Error::hub(
                self.to.to_string(),
                "the Hub wants the weights sent to no https address; check HF_ENDPOINT",
            )),
        }
    }

    /// Commits, and returns the commit that the branch then has.
    fn commit(&self, parent: &str, lines: &str) -> Result<String> {
        let path =
            format!("/api/models/{}/commit/{}", self.to.repository(), self.to.revision_in_url());
        let url = self.client.url(&path);
        let request = Request::post(&url, LINES, lines.as_bytes());
        let lost = match self.client.once(&request) {
            Ok(mut answer) if answer.status().is_success() => {
                let made = self.client.read_json::<Committed>(&request, &mut answer);
                match made {
                    Ok(made) if is_commit(&made.commit_oid) => return Ok(made.commit_oid),
                    Ok(_) => Error::hub(request.shown(), "names a commit that is none"),
                    Err(error) => error,
                }
            }
            Ok(mut answer) => {
                let status = answer.status().as_u16();
                let refused = self.client.refused(&request, &mut answer);
                if status == 429 || !may_pass(status) {
                    return Err(refused);
                }
                refused
            }
            Err(error) => self.client.unreachable(&request, &error),
        };
        // It may have been made all the same.
        match head(&self.client, self.to)? {
            Some(commit) if commit != parent => Ok(commit),
            _ => Err(lost),
        }
    }
}

/// The commit, an object a line.
fn lines(parent: &str, large: &[&File], small: &[&File], stale: &[&str]) -> Result<String> {
    let header =
        json!({"summary": "Publish a checkpoint", "description": "", "parentCommit": parent});
    let mut lines = vec![json!({"key": "header", "value": header})];
    for file in small {
        let bytes = fs::read(&file.path).map_err(Error::io(&file.path))?;
        let value =
            json!({"path": file.name, "encoding": "base64", "content": STANDARD.encode(bytes)});
        lines.push(json!({"key": "file", "value": value}));
    }
    for file in large {
        let value =
            json!({"path": file.name, "algo": "sha256", "oid": file.sha256, "size": file.bytes});
        lines.push(json!({"key": "lfsFile", "value": value}));
    }
    lines.extend(stale.iter().map(|name| json!({"key": "deletedFile", "value": {"path": name}})));
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}
