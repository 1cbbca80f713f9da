//! Large files on their way up, by Git LFS in one part: to the address that the Hub names for each, without the token
//! where that is another host.

use std::fs;

use serde_json::{Value, json};

use crate::answer::{Action, Batch};
use crate::checkpoint::File;
use crate::client::{Client, Request};
use crate::{Address, Error, Result};

const LFS: &str = "application/vnd.git-lfs+json";

/// Sends those files that the Hub does not have.
pub(crate) fn send(client: &Client, files: &[&File], to: &Address) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let about = |file: &File| json!({"oid": file.sha256, "size": file.bytes});
    let objects: Vec<Value> = files.iter().map(|file| about(file)).collect();
    let body = json!({
        "operation": "upload", "transfers": ["basic"], "hash_algo": "sha256",
        "ref": {"name": to.revision()}, "objects": objects,
    });
    let url = client.url(&format!("/{}.git/info/lfs/objects/batch", to.repository()));
    let body = body.to_string();
    let request = Request::post(&url, LFS, body.as_bytes());
    let batch: Batch = client.json(&request)?;
    for file in files {
        let object = batch.objects.iter().find(|object| object.oid == file.sha256);
        let object = object.ok_or_else(|| {
            Error::hub(request.shown(), format!("says nothing of {}; try again", file.name))
        })?;
        if let Some(fault) = &object.error {
            let why = format!("the Hub does not take it: {}", fault.message);
            return Err(Error::hub(file.name, client.hide(&why)));
        }
        let Some(actions) = &object.actions else { continue };
        if let Some(Action { href }) = &actions.upload {
            tracing::info!("{}: {} bytes", file.name, file.bytes);
            let from = fs::File::open(&file.path).map_err(Error::io(&file.path))?;
            client.done(&Request::put(named(client, href, file)?, &from))?;
        }
        if let Some(Action { href }) = &actions.verify {
            let body = about(file).to_string();
            client.done(&Request::post(named(client, href, file)?, LFS, body.as_bytes()))?;
        }
    }
    Ok(())
}

/// An address that the Hub named, where it may be asked.
fn named<'a>(client: &Client, href: &'a str, file: &File) -> Result<&'a str> {
    let why = "the Hub wants it sent to no https address; check HF_ENDPOINT";
    client.may_name(href).then_some(href).ok_or_else(|| Error::hub(file.name, why))
}
