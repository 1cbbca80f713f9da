//! A checkpoint goes up and comes down, whole and once.

use std::fs;

use snn_hub::{Checkpoint, Published};

use crate::hub::{Does, TOKEN};
use crate::{REPOSITORY, Scene, address, tree};

#[test]
fn what_is_published_is_pulled_byte_for_byte() {
    let scene = Scene::new();
    fs::write(scene.at("checkpoint/notes.txt"), "private").unwrap();
    let checkpoint = Checkpoint::read(&scene.at("checkpoint")).unwrap();
    let names: Vec<&str> = checkpoint.files.iter().map(|file| file.name).collect();
    assert_eq!(names, ["README.md", "config.json", "model.safetensors", "SHA256SUMS"]);
    assert_eq!(checkpoint.left_out, ["notes.txt"]);
    let published = scene.publish().unwrap();
    assert!(!published.was_there);
    assert_eq!(scene.hub.commits(REPOSITORY), 2, "the first is the Hub's own");
    let there = scene.hub.files(REPOSITORY);
    assert_eq!(
        there.keys().collect::<Vec<_>>(),
        ["README.md", "SHA256SUMS", "config.json", "model.safetensors"]
    );
    let pulled = scene.pull("out").unwrap();
    assert_eq!((pulled.commit.as_str(), pulled.dir), (published.commit.as_str(), scene.at("out")));
    assert!(pulled.has_sums);
    assert_eq!(tree(&scene.at("out")).len(), 4);
    for (name, bytes) in there {
        assert_eq!(fs::read(scene.at("out").join(&name)).unwrap(), bytes, "{name}");
        assert_eq!(fs::read(scene.at("checkpoint").join(&name)).unwrap(), bytes, "{name}");
    }
    let log = scene.hub.log();
    assert!(
        log.iter().any(|r| r.method == "PUT" && r.header("host").unwrap().starts_with("localhost"))
    );
    assert!(log.iter().any(|r| r.path.starts_with("/cdn/")));
    let commit = log.iter().find(|r| r.path.contains("/commit/")).unwrap();
    assert!(String::from_utf8_lossy(&commit.body).lines().next().unwrap().contains("parentCommit"));
    assert!(scene.token_stayed_at_home());
}

#[test]
fn cache_is_laid_out_as_pythons_and_serves_offline() {
    let scene = Scene::new();
    scene.publish().unwrap();
    let pulled = snn_hub::pull(&address(), None, &scene.settings(&[])).unwrap();
    let repository = scene.at("home/hub/models--me--net");
    assert_eq!(pulled.dir, repository.join("snapshots").join(&pulled.commit));
    assert_eq!(fs::read_to_string(repository.join("refs/main")).unwrap(), pulled.commit);
    let link = pulled.dir.join("model.safetensors");
    #[cfg(unix)]
    assert!(fs::read_link(&link).unwrap().starts_with("../../blobs"));
    let blob = link.canonicalize().unwrap();
    assert_eq!(blob.file_name().unwrap().len(), 64);
    // What the cache has is not fetched again.
    let before = scene.hub.log().len();
    scene.pull("again").unwrap();
    assert!(scene.hub.log()[before..].iter().all(|request| !request.path.contains("resolve")));
    // A damaged blob is.
    fs::write(&blob, vec![0; fs::read(&blob).unwrap().len()]).unwrap();
    let offline = scene.settings(&[("HF_HUB_OFFLINE", "1")]);
    let error = snn_hub::pull(&address(), None, &offline).unwrap_err().to_string();
    assert!(error.contains("model.safetensors: has sha256"), "{error}");
    scene.pull("mended").unwrap();
    // Offline nothing is asked.
    let before = scene.hub.log().len();
    let cached = snn_hub::pull(&address(), Some(&scene.at("cached")), &offline).unwrap();
    assert_eq!(cached.commit, pulled.commit);
    assert_eq!(fs::read(scene.at("cached/config.json")).unwrap(), b"{}");
    let checkpoint = Checkpoint::read(&scene.at("checkpoint")).unwrap();
    let error = snn_hub::publish(&checkpoint, &address(), &offline).unwrap_err().to_string();
    assert!(error.starts_with("HF_HUB_OFFLINE: "), "{error}");
    let error =
        snn_hub::pull(&"me/other".parse().unwrap(), None, &offline).unwrap_err().to_string();
    assert!(error.starts_with("me/other@main: is not in the cache"), "{error}");
    assert_eq!(scene.hub.log().len(), before);
}

#[test]
fn publishing_again_makes_no_commit_and_other_files_make_one() {
    let scene = Scene::new();
    let first = scene.publish().unwrap();
    assert_eq!(scene.publish().unwrap(), Published { was_there: true, ..first });
    assert_eq!(scene.hub.commits(REPOSITORY), 2);
    // A file that the checkpoint no longer has goes.
    fs::remove_file(scene.at("checkpoint/README.md")).unwrap();
    scene.write(&[("config.json", b"{ }"), ("model.safetensors", b"other")]);
    scene.publish().unwrap();
    assert_eq!(scene.hub.commits(REPOSITORY), 3);
    let names: Vec<String> = scene.hub.files(REPOSITORY).into_keys().collect();
    assert_eq!(names, ["SHA256SUMS", "config.json", "model.safetensors"]);
    // Weights that the Hub has are not sent again.
    let puts = || scene.hub.log().iter().filter(|request| request.method == "PUT").count();
    let before = puts();
    scene.write(&[("config.json", b"{}"), ("model.safetensors", b"other")]);
    scene.publish().unwrap();
    assert_eq!(puts(), before);
}

#[test]
fn lost_answer_of_a_commit_makes_no_second_one() {
    let scene = Scene::new();
    scene.hub.fail("/commit/", 1, Does::Forgets);
    let published = scene.publish().unwrap();
    assert_eq!(scene.hub.commits(REPOSITORY), 2);
    assert!(scene.publish().unwrap().was_there);
    assert_eq!(scene.hub.commits(REPOSITORY), 2);
    assert_eq!(scene.pull("out").unwrap().commit, published.commit);
}

#[test]
fn older_commits_and_failures_that_pass_are_pulled() {
    let scene = Scene::new();
    let first = scene.publish().unwrap();
    scene.write(&[("config.json", b"[]"), ("model.safetensors", b"other")]);
    fs::remove_file(scene.at("checkpoint/README.md")).unwrap();
    scene.publish().unwrap();
    let old = address().at(&first.commit).unwrap();
    scene.hub.fail("GET /api/models", 1, Does::Forgets);
    scene.hub.fail("paths-info", 1, Does::Forgets);
    // Bytes that came are gone on with.
    scene.hub.fail("/cdn/", 2, Does::Cuts(90_000));
    let pulled = snn_hub::pull(&old, Some(&scene.at("out")), &scene.settings(&[])).unwrap();
    assert_eq!(pulled.commit, first.commit);
    assert_eq!(fs::read(scene.at("out/config.json")).unwrap(), b"{}");
    let log = scene.hub.log();
    let ranges = log.iter().filter(|r| r.path.starts_with("/cdn/")).map(|r| r.header("range"));
    assert_eq!(ranges.collect::<Vec<_>>(), [None, Some("bytes=90000-"), Some("bytes=180000-")]);
    assert!(scene.token_stayed_at_home());
}

#[test]
fn without_a_token_public_files_are_pulled_and_nothing_is_published() {
    let scene = Scene::new();
    scene.hub.commit(
        REPOSITORY,
        &[("config.json", b"{}"), ("model.safetensors", b"w"), (".gitattributes", b"x")],
    );
    let settings = scene.settings(&[("HF_TOKEN", "")]);
    let pulled = snn_hub::pull(&address(), Some(&scene.at("out")), &settings).unwrap();
    assert!(!pulled.has_sums);
    assert_eq!(pulled.files, [("config.json", 2), ("model.safetensors", 1)]);
    let checkpoint = Checkpoint::read(&scene.at("checkpoint")).unwrap();
    let error = snn_hub::publish(&checkpoint, &address(), &settings).unwrap_err().to_string();
    assert!(error.starts_with("HF_TOKEN: no token"), "{error}");
    assert!(scene.hub.log().iter().all(|request| !request.head.contains(TOKEN)));
}
