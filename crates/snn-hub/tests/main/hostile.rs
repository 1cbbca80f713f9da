//! A server that lies, cuts, stalls, sends elsewhere and refuses: one line each, nothing written, no token elsewhere.

use std::fs;

use serde_json::json;
use sha2::{Digest, Sha256};
use snn_hub::Checkpoint;

use crate::hub::http::Answer;
use crate::hub::{Does, Hub, TOKEN};
use crate::{REPOSITORY, Scene, address, sums, tree};

/// Pulls from a Hub that has a checkpoint and fails, and returns the line.
fn pull_fails(at: &'static str, does: Does) -> String {
    let scene = Scene::new();
    scene.publish().unwrap();
    let before = scene.hub.log().len();
    scene.hub.fail(at, usize::MAX, does);
    let error = scene.pull("out").unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(!error.contains(TOKEN), "{error}");
    assert!(!scene.at("out").exists());
    assert_eq!(tree(&scene.at("home")), Vec::<std::path::PathBuf>::new(), "{error}");
    assert!(scene.token_stayed_at_home());
    assert!(scene.hub.log().len() > before);
    error
}

/// Publishes to a Hub that fails, and returns the line.
fn publish_fails(at: &'static str, does: Does) -> String {
    let scene = Scene::new();
    scene.hub.commit(REPOSITORY, &[]);
    scene.hub.fail(at, usize::MAX, does);
    let error = scene.publish().unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(!error.contains(TOKEN), "{error}");
    assert_eq!(scene.hub.commits(REPOSITORY), 2, "{error}");
    assert!(scene.token_stayed_at_home());
    error
}

fn says(status: u16) -> Does {
    // A server that repeats what it was told.
    let said = json!({"error": format!("you said {TOKEN}\nand more")});
    Does::Says(Answer::json(status, &said))
}

fn file(name: &str, size: u64) -> serde_json::Value {
    json!({"type": "file", "path": name, "size": size, "oid": "ab".repeat(20)})
}

#[test]
fn names_that_were_not_asked_for_are_refused() {
    for name in ["../../x", "/etc/x", "config.json/../../x", "pytorch_model.bin", ".gitattributes"]
    {
        let error =
            pull_fails("paths-info", Does::Says(Answer::json(200, &json!([file(name, 1)]))));
        assert!(error.contains(&format!("names {name:?}, which was not asked for")), "{error}");
    }
    let twice = json!([file("config.json", 1), file("config.json", 1)]);
    let error = pull_fails("paths-info", Does::Says(Answer::json(200, &twice)));
    assert!(error.contains("names \"config.json\""), "{error}");
}

#[test]
fn commits_and_hashes_that_are_none_are_refused() {
    for sha in ["../../x", "main", ""] {
        let error = pull_fails("/revision/", Does::Says(Answer::json(200, &json!({"sha": sha}))));
        assert!(error.contains("names a commit that is none"), "{error}");
    }
    let bad = json!([{"path": "config.json", "size": 1, "oid": "../../x"}]);
    let error = pull_fails("paths-info", Does::Says(Answer::json(200, &bad)));
    assert!(error.starts_with("config.json: has a hash on the Hub that is none"), "{error}");
}

#[test]
fn sizes_are_capped_and_held_to() {
    let huge = json!([file("config.json", 1 << 40)]);
    let error = pull_fails("paths-info", Does::Says(Answer::json(200, &huge)));
    assert!(
        error.starts_with("config.json: has 1099511627776 bytes on the Hub; at most"),
        "{error}"
    );
    let more = Answer { status: 200, headers: Vec::new(), body: vec![0; 300_000] };
    let error = pull_fails("/cdn/", Does::Says(more));
    assert!(
        error.contains("model.safetensors: ") && error.contains("sent more than the 200000 bytes"),
        "{error}"
    );
    let endless = Answer { status: 200, headers: Vec::new(), body: vec![b' '; 3 << 20] };
    let error = pull_fails("/revision/", Does::Says(endless));
    assert!(error.contains("answered more than 1048576 bytes"), "{error}");
}

#[test]
fn contents_that_are_others_are_refused() {
    let other = Answer { status: 200, headers: Vec::new(), body: vec![0; 200_000] };
    let error = pull_fails("/cdn/", Does::Says(other));
    assert!(error.starts_with("model.safetensors: has hash"), "{error}");
    let other = Answer { status: 200, headers: Vec::new(), body: b"[]".to_vec() };
    let error = pull_fails("resolve", Does::Says(other));
    assert!(error.contains(": has hash") || error.contains("broke off"), "{error}");
    let error = pull_fails(
        "/revision/",
        Does::Says(Answer { status: 200, headers: Vec::new(), body: b"<html>".to_vec() }),
    );
    assert!(error.contains("answered what this program cannot read"), "{error}");
}

#[test]
fn sums_that_say_otherwise_are_refused() {
    let scene = Scene::new();
    let files: [(&str, &[u8]); 2] = [("config.json", b"{}"), ("model.safetensors", b"w")];
    let lie = sums(&[files[0], ("model.safetensors", b"v")]);
    scene.hub.commit(REPOSITORY, &[files[0], files[1], ("SHA256SUMS", lie.as_bytes())]);
    let error = scene.pull("out").unwrap_err().to_string();
    assert!(error.starts_with("me/net@main: model.safetensors: has sha256"), "{error}");
    assert!(!scene.at("out").exists() && tree(&scene.at("home")).is_empty());
    scene.hub.commit(REPOSITORY, &files[..1]);
    let error = scene.pull("out").unwrap_err().to_string();
    assert!(error.contains("has no model.safetensors"), "{error}");
}

#[test]
fn lines_that_break_or_are_silent_end() {
    let error = pull_fails("/cdn/", Does::Cuts(0));
    assert!(
        error.starts_with("model.safetensors: ") && error.contains("broke off after 0 of 200000"),
        "{error}"
    );
    let error = pull_fails("/revision/", Does::Cuts(0));
    assert!(
        error.contains("GET http://127.0.0.1") && error.contains("check the network"),
        "{error}"
    );
    for at in ["/revision/", "/cdn/"] {
        let error = pull_fails(at, Does::Stalls);
        assert!(error.contains("no answer within 0.3 seconds"), "{error}");
    }
    let error = publish_fails("/commit/", Does::Stalls);
    assert!(error.contains("/commit/main: no answer within"), "{error}");
    let error = publish_fails("PUT", Does::Stalls);
    assert!(error.contains("PUT http://localhost") && !error.contains("signature"), "{error}");
}

#[test]
fn redirects_take_no_token_along() {
    let other = Hub::start(0).unwrap();
    let to = |location: String| {
        Does::Says(
            Answer { status: 302, headers: Vec::new(), body: Vec::new() }
                .with("Location", location),
        )
    };
    // To another port, another host, no http, and round and round.
    let error = pull_fails("resolve", to(format!("{}/steal", other.url())));
    assert!(error.contains("answered 404"), "{error}");
    let error = pull_fails("resolve", to(format!("{}/steal", other.elsewhere())));
    assert!(error.contains("answered 404"), "{error}");
    assert!(other.log().len() >= 2);
    assert!(other.log().iter().all(|request| request.header("authorization").is_none()));
    let stolen = format!("{}/{TOKEN}", other.elsewhere());
    for nowhere in ["file:///etc/passwd", "http://cdn.example/x", "//cdn.example/x", "", &stolen] {
        let error = pull_fails("resolve", to(nowhere.into()));
        assert!(error.contains("redirects to no https address"), "{error}");
    }
    assert!(other.log().iter().all(|request| !request.head.contains(TOKEN)));
    let error = pull_fails("resolve", to("/me/net/resolve/x/y".into()));
    assert!(error.contains("redirects more than"), "{error}");
    // What is asked of the Hub itself is not asked of another.
    let error = pull_fails("/revision/", to(other.url()));
    assert!(error.contains("answered 302: redirects, which is not followed"), "{error}");
    for at in ["preupload", "objects/batch", "/commit/"] {
        let error = publish_fails(at, to(other.url()));
        assert!(error.contains("redirects, which is not followed"), "{error}");
    }
    let batch = |upload: &str, verify: &str| {
        let oid: String =
            Sha256::digest(fs::read(Scene::new().at("checkpoint/model.safetensors")).unwrap())
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
        let actions = json!({"upload": {"href": upload}, "verify": {"href": verify}});
        Does::Says(Answer::json(
            200,
            &json!({"objects": [{"oid": oid, "size": 200_000, "actions": actions}]}),
        ))
    };
    let error = publish_fails("batch", batch("http://store.example/x", "http://store.example/y"));
    assert!(error.contains("to no https address"), "{error}");
    let steal = format!("{}/steal", other.elsewhere());
    let error = publish_fails("batch", batch(&steal, &steal));
    assert!(error.contains("PUT http://localhost") && error.contains("answered 404"), "{error}");
    assert!(other.log().iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn refusals_say_what_to_do() {
    let cases = [
        (401, "no valid token for it; check the name, and set HF_TOKEN"),
        (403, "may write to the repository"),
        (404, "check the name"),
        (409, "wait for it and try again"),
        (412, "moved on meanwhile"),
        (500, "the Hub failed; try again later"),
    ];
    for (status, remedy) in cases {
        for error in
            [pull_fails("/revision/", says(status)), publish_fails("/commit/", says(status))]
        {
            let said = format!("answered {status} (you said [token] and more): ");
            assert!(error.contains(&said) && error.contains(remedy), "{error}");
        }
    }
    let wait = |seconds: &str| {
        let Does::Says(answer) = says(429) else { unreachable!() };
        Does::Says(answer.with("Retry-After", seconds))
    };
    let error = pull_fails("paths-info", wait("3600"));
    assert!(error.contains("too many requests; try again in 3600 seconds"), "{error}");
    let error = publish_fails("preupload", wait("3600"));
    assert!(error.contains("try again in 3600 seconds"), "{error}");
}

#[test]
fn requests_that_were_too_many_are_made_again() {
    let scene = Scene::new();
    scene.publish().unwrap();
    let Does::Says(answer) = says(429) else { unreachable!() };
    scene.hub.fail("paths-info", 2, Does::Says(answer.with("Retry-After", "0")));
    scene.pull("out").unwrap();
}

#[test]
fn branch_that_moved_is_not_overwritten() {
    let scene = Scene::new();
    scene.hub.commit(REPOSITORY, &[("config.json", b"theirs")]);
    // Somebody commits between the look at the branch and ours.
    let parent = json!({"sha": "ab".repeat(20)});
    scene.hub.fail("/revision/", 1, Does::Says(Answer::json(200, &parent)));
    scene.hub.fail("paths-info", 1, Does::Says(Answer::json(200, &json!([]))));
    let error = scene.publish().unwrap_err().to_string();
    assert!(error.contains("answered 412 (A commit has happened since.)"), "{error}");
    assert_eq!(scene.hub.files(REPOSITORY)["config.json"], b"theirs");
    // The same where only the answer was lost, and the commit was another's.
    scene.hub.fail("/revision/", 1, Does::Says(Answer::json(200, &parent)));
    scene.hub.fail("paths-info", 1, Does::Says(Answer::json(200, &json!([]))));
    scene.hub.fail("/commit/", 1, says(500));
    let error = scene.publish().unwrap_err().to_string();
    assert!(error.contains("holds other files than were sent"), "{error}");
    assert_eq!(scene.hub.commits(REPOSITORY), 2);
}

#[test]
fn directories_that_are_no_whole_checkpoint_are_not_sent() {
    let fails = |spoil: &dyn Fn(&Scene)| {
        let scene = Scene::new();
        spoil(&scene);
        let error = Checkpoint::read(&scene.at("checkpoint")).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    let error = fails(&|scene| fs::write(scene.at("checkpoint/config.json"), "{ }").unwrap());
    assert!(error.contains("config.json: has sha256"), "{error}");
    let error = fails(&|scene| fs::remove_file(scene.at("checkpoint/SHA256SUMS")).unwrap());
    assert!(error.contains("has no SHA256SUMS"), "{error}");
    let error = fails(&|scene| fs::remove_file(scene.at("checkpoint/model.safetensors")).unwrap());
    assert!(error.contains("has no model.safetensors"), "{error}");
    let error = fails(&|scene| scene.write(&[("config.json", b"{}"), ("README.md", b"# Net")]));
    assert!(error.contains("SHA256SUMS: does not list model.safetensors"), "{error}");
    let error = fails(&|scene| fs::write(scene.at("checkpoint/metrics.json"), "{}").unwrap());
    assert!(error.contains("SHA256SUMS: does not list metrics.json"), "{error}");
    let error =
        fails(&|scene| fs::write(scene.at("checkpoint/README.md"), vec![b'x'; 2 << 20]).unwrap());
    assert!(error.contains("README.md: has 2097152 bytes"), "{error}");
    let error = fails(&|scene| {
        fs::remove_file(scene.at("checkpoint/config.json")).unwrap();
        fs::create_dir(scene.at("checkpoint/config.json")).unwrap();
    });
    assert!(error.contains("is no regular file"), "{error}");
    let scene = Scene::new();
    scene.write(&[
        ("README.md", b"license: [unclosed"),
        ("config.json", b"{}"),
        ("model.safetensors", b"w"),
    ]);
    let error = scene.publish().unwrap_err().to_string();
    assert!(error.contains("README.md: the Hub does not take its metadata"), "{error}");
    assert!(scene.hub.log().iter().all(|request| request.method != "PUT"));
}

#[test]
fn folder_that_is_taken_is_left_alone() {
    let scene = Scene::new();
    scene.publish().unwrap();
    fs::create_dir(scene.at("out")).unwrap();
    scene.pull("out").unwrap();
    fs::write(scene.at("out/config.json"), "mine").unwrap();
    let before = scene.hub.log().len();
    let error = scene.pull("out").unwrap_err().to_string();
    assert!(error.ends_with("is not empty; name a new folder"), "{error}");
    assert_eq!(fs::read(scene.at("out/config.json")).unwrap(), b"mine");
    assert_eq!(scene.hub.log().len(), before);
    let error =
        snn_hub::pull(&address().at("dev").unwrap(), None, &scene.settings(&[])).unwrap_err();
    assert!(error.to_string().contains("has no such revision"), "{error}");
}
