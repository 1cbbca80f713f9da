//! A Hub of one process on 127.0.0.1, whose store of large files is another host, `localhost`: what the official Python
//! client (huggingface_hub 2.4) and this crate ask for, and the ways in which a server may fail.

pub(crate) mod http;

use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use http::{Answer, Request};

/// The token that may write.
pub(crate) const TOKEN: &str = "hf_secretsecretsecret";

/// The files of a commit: whether one is large, and its bytes.
type Files = BTreeMap<String, (bool, Vec<u8>)>;

/// What a server may do instead of its work.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Answers so.
    Says(Answer),
    /// Sends so much of the body and hangs up.
    Cuts(usize),
    /// Says nothing and holds the line.
    Stalls,
    /// Does its work and hangs up without an answer.
    Forgets,
}

/// A fault of the requests whose method and path contain a text.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) at: &'static str,
    /// How many requests it hits.
    pub(crate) times: usize,
    pub(crate) does: Does,
}

#[derive(Default)]
struct State {
    /// The commits of each repository, oldest first.
    repositories: BTreeMap<String, Vec<Files>>,
    large: BTreeMap<String, Vec<u8>>,
    faults: Vec<Fault>,
    log: Vec<Request>,
}

/// A Hub that runs until the process ends.
#[derive(Clone)]
pub(crate) struct Hub {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Hub {
    /// Starts a Hub on a port, 0 for a free one.
    pub(crate) fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let hub = Self { port: listener.local_addr()?.port(), state: Arc::default() };
        let served = hub.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let hub = served.clone();
                // A client that went away is none of the Hub's business.
                std::thread::spawn(move || drop(hub.serve(&stream)));
            }
        });
        Ok(hub)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The server's address by another host's name.
    pub(crate) fn elsewhere(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    pub(crate) fn fail(&self, at: &'static str, times: usize, does: Does) {
        self.state().faults.push(Fault { at, times, does });
    }

    /// Every request so far.
    pub(crate) fn log(&self) -> Vec<Request> {
        self.state().log.clone()
    }

    /// How many commits a repository has; the first one is empty.
    pub(crate) fn commits(&self, repository: &str) -> usize {
        self.state().repositories.get(repository).map_or(0, Vec::len)
    }

    /// The files of a repository's last commit.
    pub(crate) fn files(&self, repository: &str) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let last = state.repositories.get(repository).and_then(|commits| commits.last());
        let files = last.into_iter().flatten();
        files.map(|(name, (_, bytes))| (name.clone(), bytes.clone())).collect()
    }

    /// Makes a commit, and the repository where there is none.
    pub(crate) fn commit(&self, repository: &str, files: &[(&str, &[u8])]) {
        let mut state = self.state();
        let mut made = Files::new();
        for (name, bytes) in files {
            let is_large = name.ends_with(".safetensors");
            if is_large {
                state.large.insert(hex(&Sha256::digest(bytes)), bytes.to_vec());
            }
            made.insert((*name).to_owned(), (is_large, bytes.to_vec()));
        }
        state
            .repositories
            .entry(repository.into())
            .or_insert_with(|| vec![Files::new()])
            .push(made);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let request = Request::read(stream)?;
        let fault = {
            let mut state = self.state();
            state.log.push(request.clone());
            let line = format!("{} {}", request.method, request.path);
            let fault = state.faults.iter_mut().find(|f| f.times > 0 && line.contains(f.at));
            fault.map(|fault| {
                fault.times -= 1;
                fault.does.clone()
            })
        };
        match fault {
            None => self.answer(&request).send(&request, usize::MAX, stream),
            Some(Does::Says(answer)) => answer.send(&request, usize::MAX, stream),
            Some(Does::Cuts(after)) => self.answer(&request).send(&request, after, stream),
            Some(Does::Forgets) => {
                self.answer(&request);
                Ok(())
            }
            Some(Does::Stalls) => {
                std::thread::sleep(Duration::from_secs(60));
                Ok(())
            }
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        let is_known = request.header("authorization") == Some(&format!("Bearer {TOKEN}"));
        let body = || serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["api", "validate-yaml"]) => validated(&body()),
            ("PUT", ["large", oid]) => self.put(oid, &request.body),
            ("GET", ["cdn", oid]) => self.stored(oid, request.header("range")),
            ("POST", ["api", "models", user, name, "paths-info", at]) => {
                self.paths(&format!("{user}/{name}"), at, &String::from_utf8_lossy(&request.body))
            }
            ("POST", _) if !is_known => {
                Answer::json(401, &json!({"error": "Invalid username or password."}))
            }
            ("POST", ["api", "repos", "create"]) => self.create(&body()),
            ("POST", ["api", "models", _, _, "preupload", _]) => modes(&body()),
            ("POST", [_, _, "info", "lfs", "objects", "batch"]) => self.batch(&body()),
            ("POST", ["verify"]) => self.verify(&body()),
            ("POST", ["api", "models", user, name, "commit", _]) => {
                self.committed(&format!("{user}/{name}"), &String::from_utf8_lossy(&request.body))
            }
            ("GET", ["api", "models", user, name]) => self.about(&format!("{user}/{name}"), "main"),
            ("GET", ["api", "models", user, name, "revision", at]) => {
                self.about(&format!("{user}/{name}"), at)
            }
            ("GET", ["api", "models", user, name, "tree", at, ..]) => {
                self.tree(&format!("{user}/{name}"), at)
            }
            ("GET" | "HEAD", [user, name, "resolve", at, file @ ..]) => {
                self.file(&format!("{user}/{name}"), at, &file.join("/"))
            }
            _ => Answer::json(404, &json!({"error": "no route"})),
        }
    }

    fn create(&self, body: &Value) -> Answer {
        let text = |name: &str| body[name].as_str().unwrap_or("me").to_owned();
        let repository = format!("{}/{}", text("organization"), text("name"));
        let url = format!("{}/{repository}", self.url());
        let mut state = self.state();
        if state.repositories.contains_key(&repository) {
            return Answer::json(
                409,
                &json!({"error": "You already created this model repo", "url": url}),
            );
        }
        state.repositories.insert(repository.clone(), vec![Files::new()]);
        Answer::json(200, &json!({"url": url, "name": repository, "id": "x"}))
    }

    fn batch(&self, body: &Value) -> Answer {
        let state = self.state();
        let objects = body["objects"].as_array().cloned().unwrap_or_default();
        let objects = objects.into_iter().map(|mut object| {
            let oid = object["oid"].as_str().unwrap_or_default().to_owned();
            if !state.large.contains_key(&oid) {
                let upload =
                    json!({"href": format!("{}/large/{oid}?signature=s", self.elsewhere())});
                let verify = json!({"href": format!("{}/verify", self.url())});
                object["actions"] = json!({"upload": upload, "verify": verify});
            }
            object
        });
        Answer::json(200, &json!({"transfer": "basic", "objects": objects.collect::<Vec<_>>()}))
    }

    fn put(&self, oid: &str, bytes: &[u8]) -> Answer {
        let is_so = hex(&Sha256::digest(bytes)) == oid;
        if is_so {
            self.state().large.insert(oid.into(), bytes.into());
        }
        Answer::json(if is_so { 200 } else { 400 }, &json!({})).with("ETag", "\"x\"")
    }

    fn verify(&self, body: &Value) -> Answer {
        let bytes = self.state().large.get(body["oid"].as_str().unwrap_or_default()).map(Vec::len);
        let is_so = bytes.is_some_and(|bytes| body["size"] == bytes);
        Answer::json(if is_so { 200 } else { 404 }, &json!({}))
    }

    fn committed(&self, repository: &str, lines: &str) -> Answer {
        let mut state = self.state();
        let Some(commits) = state.repositories.get(repository) else { return no_repository() };
        let mut files = commits.last().cloned().unwrap_or_default();
        let head = commit_of(repository, commits.len());
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            let value = &line["value"];
            let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            match line["key"].as_str() {
                Some("header") => {
                    if value["parentCommit"].as_str().is_some_and(|parent| parent != head) {
                        return Answer::json(
                            412,
                            &json!({"error": "A commit has happened since."}),
                        );
                    }
                }
                Some("file") => {
                    let bytes = STANDARD.decode(text("content")).unwrap_or_default();
                    files.insert(text("path"), (false, bytes));
                }
                Some("lfsFile") => {
                    let Some(bytes) = state.large.get(&text("oid")) else {
                        return Answer::json(400, &json!({"error": "LFS pointer to nothing"}));
                    };
                    files.insert(text("path"), (true, bytes.clone()));
                }
                Some("deletedFile") => drop(files.remove(&text("path"))),
                _ => return Answer::json(400, &json!({"error": "no such line"})),
            }
        }
        let commits = state.repositories.entry(repository.into()).or_default();
        commits.push(files);
        let commit = commit_of(repository, commits.len());
        let url = format!("{}/{repository}/commit/{commit}", self.url());
        Answer::json(
            200,
            &json!({"success": true, "commitOid": commit, "commitUrl": url, "hookOutput": ""}),
        )
    }

    /// The number of a revision's commit, from 1.
    fn find(&self, repository: &str, revision: &str) -> Result<(usize, Files), Answer> {
        let state = self.state();
        let commits = state.repositories.get(repository).ok_or_else(no_repository)?;
        let at = match revision {
            "main" => commits.len(),
            _ => (1..=commits.len()).find(|at| commit_of(repository, *at) == revision).ok_or_else(
                || {
                    let said = json!({"error": "Invalid rev id"});
                    Answer::json(404, &said).with("X-Error-Code", "RevisionNotFound")
                },
            )?,
        };
        Ok((at, commits[at - 1].clone()))
    }

    fn about(&self, repository: &str, revision: &str) -> Answer {
        let (at, files) = match self.find(repository, revision) {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        let siblings: Vec<Value> = files.keys().map(|name| json!({"rfilename": name})).collect();
        let sha = commit_of(repository, at);
        Answer::json(
            200,
            &json!({"id": repository, "modelId": repository, "sha": sha, "private": false, "tags": [], "siblings": siblings}),
        )
    }

    fn tree(&self, repository: &str, revision: &str) -> Answer {
        match self.find(repository, revision) {
            Ok((_, files)) => Answer::json(200, &files.iter().map(about_file).collect()),
            Err(answer) => answer,
        }
    }

    fn paths(&self, repository: &str, revision: &str, form: &str) -> Answer {
        let form = form.replace("%2F", "/");
        let wanted: Vec<&str> =
            form.split('&').filter_map(|pair| pair.strip_prefix("paths=")).collect();
        match self.find(repository, revision) {
            Ok((_, files)) => {
                let files = files.iter().filter(|(name, _)| wanted.contains(&name.as_str()));
                Answer::json(200, &files.map(about_file).collect())
            }
            Err(answer) => answer,
        }
    }

    fn file(&self, repository: &str, revision: &str, name: &str) -> Answer {
        let (at, files) = match self.find(repository, revision) {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        let commit = commit_of(repository, at);
        let Some((is_large, bytes)) = files.get(name) else {
            let said = json!({"error": "Entry not found"});
            return Answer::json(404, &said)
                .with("X-Error-Code", "EntryNotFound")
                .with("X-Repo-Commit", commit);
        };
        if !is_large {
            let answer = Answer { status: 200, headers: Vec::new(), body: bytes.clone() };
            return answer
                .with("X-Repo-Commit", commit)
                .with("ETag", format!("\"{}\"", git(bytes)));
        }
        let oid = hex(&Sha256::digest(bytes));
        let to = format!("{}/cdn/{oid}?signature=s", self.elsewhere());
        let answer = Answer { status: 302, headers: Vec::new(), body: Vec::new() };
        let answer =
            answer.with("X-Repo-Commit", commit).with("X-Linked-Etag", format!("\"{oid}\""));
        answer.with("X-Linked-Size", bytes.len().to_string()).with("Location", to)
    }

    fn stored(&self, oid: &str, range: Option<&str>) -> Answer {
        let state = self.state();
        let Some(bytes) = state.large.get(oid) else { return Answer::json(404, &json!({})) };
        let from =
            range.and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse().ok());
        let answer = Answer { status: 200, headers: Vec::new(), body: bytes.clone() };
        match from.filter(|from| *from < bytes.len()) {
            None => answer,
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                Answer { status: 206, body: bytes[from..].into(), ..answer }
                    .with("Content-Range", range)
            }
        }
    }
}

fn modes(body: &Value) -> Answer {
    let files = body["files"].as_array().cloned().unwrap_or_default();
    let files = files.into_iter().map(|file| {
        let is_large = file["path"].as_str().is_some_and(|path| path.ends_with(".safetensors"));
        let mode = if is_large { "lfs" } else { "regular" };
        json!({"path": file["path"], "uploadMode": mode, "shouldIgnore": false, "oid": null})
    });
    Answer::json(200, &json!({"files": files.collect::<Vec<_>>()}))
}

/// The real one parses the metadata; this one knows a word that is no metadata.
fn validated(body: &Value) -> Answer {
    let is_bad = body["content"].as_str().is_some_and(|text| text.contains("license: [unclosed"));
    let errors =
        if is_bad { json!([{"message": "\"license\" must be a string"}]) } else { json!([]) };
    Answer::json(200, &json!({"errors": errors, "warnings": []}))
}

fn about_file((name, (is_large, bytes)): (&String, &(bool, Vec<u8>))) -> Value {
    let mut about = json!({"type": "file", "path": name, "size": bytes.len(), "oid": git(bytes)});
    if *is_large {
        let oid = hex(&Sha256::digest(bytes));
        about["lfs"] = json!({"oid": oid, "size": bytes.len(), "pointerSize": 134});
    }
    about
}

fn no_repository() -> Answer {
    Answer::json(404, &json!({"error": "Repository not found"}))
        .with("X-Error-Code", "RepoNotFound")
}

fn commit_of(repository: &str, at: usize) -> String {
    hex(&Sha1::digest(format!("{repository} {at}")))
}

fn git(bytes: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
