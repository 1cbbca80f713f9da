//! `snn publish` and `snn pull` against the Hub of snn-hub's tests.

#[path = "../crates/snn-hub/tests/main/hub/mod.rs"]
#[expect(dead_code, reason = "snn-hub's own tests use all of it")]
mod hub;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::util::{self, Ended, TINY};
use hub::http::Answer;
use hub::{Does, Hub, TOKEN};

/// Runs `snn` as somebody who has a token for a Hub and a home below a folder.
fn run(hub: &Hub, folder: &Path, args: &[&str]) -> Result<Ended> {
    let mut command = util::command(args)?;
    for name in ["HF_TOKEN_PATH", "HF_HUB_CACHE", "HF_HUB_OFFLINE"] {
        command.env_remove(name);
    }
    command.env("HF_ENDPOINT", hub.url()).env("HF_TOKEN", TOKEN).env("RUST_LOG", "trace");
    command.env("HF_HOME", folder.join("home"));
    let ended = util::ended(command)?;
    // Not even a part of it, as a dump of bytes in columns would show.
    ensure!(
        TOKEN.contains("secretsecret") && !format!("{ended:?}").contains("secret"),
        "{ended:?}"
    );
    Ok(ended)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path of UTF-8")
}

#[test]
fn published_and_pulled_a_network_is_as_good_to_the_last_digit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (hub, out) = (Hub::start(0)?, folder.path().join("out"));
    let checkpoint = util::train(folder.path(), "run", TINY, &[])?.join("checkpoint");
    fs::write(checkpoint.join("notes.txt"), "mine")?;
    let publish = ["publish", text(&checkpoint)?, "--repo", "me/net"];
    let dry = run(&hub, folder.path(), &publish)?;
    ensure!(dry.code == Some(0) && hub.log().is_empty(), "{dry:?}");
    for name in ["config.json", "model.safetensors", "SHA256SUMS"] {
        let bytes = fs::metadata(checkpoint.join(name))?.len();
        ensure!(dry.out.contains(&format!("{bytes:>12}  {name}\n")), "{dry:?}");
    }
    ensure!(
        dry.out.contains("stays here: notes.txt\nnothing was sent; --yes sends it\n"),
        "{dry:?}"
    );
    let sent = run(&hub, folder.path(), &[&publish[..], &["--yes"]].concat())?;
    ensure!(sent.code == Some(0) && sent.out.contains("me/net@main: commit "), "{sent:?}");
    ensure!(hub.commits("me/net") == 2 && !hub.files("me/net").contains_key("notes.txt"));
    let pulled = run(&hub, folder.path(), &["pull", "me/net", "--out", text(&out)?])?;
    ensure!(pulled.code == Some(0) && pulled.out.contains(": 3 files, "), "{pulled:?}");
    let eval = |dir: &Path| -> Result<Value> {
        let ended = util::run(&["eval", text(dir)?, "--json"])?;
        ensure!(ended.code == Some(0), "{ended:?}");
        Ok(serde_json::from_str(&ended.out)?)
    };
    let (ours, theirs) = (eval(&checkpoint)?, eval(&out)?);
    ensure!(ours["top1"].is_number());
    for name in ["top1", "top5", "aurc_softmax", "aurc_logit", "n", "firing_rates"] {
        assert_eq!(ours[name], theirs[name], "{name}");
    }
    // From the cache, as its place is printed.
    let cached = run(&hub, folder.path(), &["pull", "me/net"])?;
    let (place, _) = cached.out.split_once(": ").context("no place")?;
    assert_eq!(eval(Path::new(place))?["top1"], ours["top1"]);
    Ok(())
}

#[test]
fn token_is_in_no_word_whatever_the_server_does() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let checkpoint = util::train(folder.path(), "run", TINY, &[])?.join("checkpoint");
    let other = Hub::start(0)?;
    let said = json!({"error": format!("you said {TOKEN}")});
    let says = |status| Does::Says(Answer::json(status, &said).with("Retry-After", "0"));
    let to = format!("{}/{TOKEN}", other.elsewhere());
    let elsewhere = Does::Says(Answer::json(302, &said).with("Location", to));
    for does in [says(200), says(401), says(403), says(500), elsewhere, Does::Cuts(3)] {
        let hub = Hub::start(0)?;
        hub.commit("me/net", &[]);
        hub.fail("/revision/", usize::MAX, does);
        let out = folder.path().join("out");
        let publish = ["publish", text(&checkpoint)?, "--repo", "me/net", "--yes"];
        for args in [&publish[..], &["pull", "me/net", "--out", text(&out)?]] {
            let ended = run(&hub, folder.path(), args)?;
            let lines = ended.err.lines().filter(|line| line.starts_with("ERROR "));
            ensure!(ended.code == Some(2) && lines.count() == 1, "{ended:?}");
        }
        ensure!(!out.exists() && hub.commits("me/net") == 2);
        ensure!(hub.log().iter().all(|r| r.header("authorization").is_some()));
    }
    ensure!(other.log().is_empty());
    Ok(())
}

#[test]
fn slips_are_answered_before_anything_is_asked() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(0)?;
    let checkpoint = util::train(folder.path(), "run", TINY, &[])?.join("checkpoint");
    let place = text(&checkpoint)?;
    let code = |args: &[&str], words: &str| -> Result<Option<i32>> {
        let ended = run(&hub, folder.path(), args)?;
        ensure!(ended.err.contains(words), "{ended:?}");
        Ok(ended.code)
    };
    assert_eq!(code(&["publish", place, "--repo", "net"], "net: is no repository")?, Some(1));
    assert_eq!(
        code(&["publish", place, "--repo", "me/n@v"], "name the branch with --revision")?,
        Some(1)
    );
    let revision = ["publish", place, "--repo", "me/n", "--revision", "../x"];
    assert_eq!(code(&revision, "--revision: ../x: is no revision")?, Some(1));
    assert_eq!(code(&["pull", "me/../net"], "is no repository")?, Some(1));
    assert_eq!(code(&["publish", text(folder.path())?, "--repo", "me/n"], "config.json")?, Some(2));
    fs::remove_file(checkpoint.join("SHA256SUMS"))?;
    assert_eq!(code(&["publish", place, "--repo", "me/n"], "has no SHA256SUMS")?, Some(2));
    ensure!(hub.log().is_empty());
    Ok(())
}
