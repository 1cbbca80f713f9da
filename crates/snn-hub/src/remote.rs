//! What the Hub has: the commit of a revision, and those files of a commit that are ours to ask for.

use crate::address::is_commit;
use crate::answer::{PathInfo, Revision};
use crate::client::{Client, Request};
use crate::{Address, Error, FILES, Result};

const FORM: &str = "application/x-www-form-urlencoded";

/// The commit of a revision, `None` where there is no such repository.
pub(crate) fn head(client: &Client, of: &Address) -> Result<Option<String>> {
    let url =
        client.url(&format!("/api/models/{}/revision/{}", of.repository(), of.revision_in_url()));
    let request = Request::get(&url);
    let mut answer = client.answer(&request)?;
    let code = answer.headers().get("x-error-code").and_then(|code| code.to_str().ok());
    if answer.status() == 404 && code == Some("RepoNotFound") {
        return Ok(None);
    }
    if !answer.status().is_success() {
        return Err(client.refused(&request, &mut answer));
    }
    let found: Revision = client.read_json(&request, &mut answer)?;
    if !is_commit(&found.sha) {
        return Err(Error::hub(request.shown(), "names a commit that is none; check HF_ENDPOINT"));
    }
    Ok(Some(found.sha))
}

/// Those of [`FILES`] that a commit has.
pub(crate) fn files_of(client: &Client, of: &Address, commit: &str) -> Result<Vec<PathInfo>> {
    let url = client.url(&format!("/api/models/{}/paths-info/{commit}", of.repository()));
    let names = FILES.map(|(name, _)| format!("paths={name}")).join("&");
    let request = Request::post(&url, FORM, names.as_bytes());
    let found: Vec<PathInfo> = client.json(&request)?;
    for (at, info) in found.iter().enumerate() {
        let known = FILES.iter().find(|(name, _)| *name == info.path);
        let is_twice = found[..at].iter().any(|other| other.path == info.path);
        let Some((name, most)) = known.filter(|_| !is_twice) else {
            let why = format!("names {:?}, which was not asked for; check HF_ENDPOINT", info.path);
            return Err(Error::hub(request.shown(), why));
        };
        if info.size > *most {
            let why = format!("has {} bytes on the Hub; at most {most} are taken", info.size);
            return Err(Error::hub(*name, why));
        }
        if info.oid().is_none() {
            return Err(Error::hub(*name, "has a hash on the Hub that is none; check HF_ENDPOINT"));
        }
    }
    Ok(found)
}
