//! `burnisher download` as its users meet it, and as a power cut leaves it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::repo::{Repo, git_hash, sha256};
use crate::stage::{Dice, MODEL, Stage, needed};

/// The program, asking the stage's server, without anything of the user's.
fn program(stage: &Stage, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_burnisher"));
    for name in [
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_TOKEN_PATH",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "HF_HUB_OFFLINE",
    ] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.env("HF_ENDPOINT", stage.server.endpoint()).env("HF_HOME", stage.home.path()).env("NO_PROXY", "127.0.0.1");
    command
        .args(args)
        .current_dir(stage.home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(stage: &Stage, args: &[&str]) -> Output {
    program(stage, args).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn a_model_is_downloaded_shown_and_drawn_with() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    let generate = [
        "generate", "--model", MODEL, "--prompt", "a fox", "--steps", "1", "--device", "cpu", "--width", "64",
        "--height", "64", "--output", "fox.png",
    ];
    let output = run(&stage, &generate);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("isn't on this machine") && told.contains("`burnisher download acme/tiny-sd15`"), "{told}");
    assert!(stage.server.seen().is_empty(), "nothing is downloaded in silence");

    let output = run(&stage, &["download", MODEL]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("licence: mit") && told.contains("StableDiffusionPipeline"), "{told}");
    let folder = stage.in_cache("snapshots").join(repo.commit());
    assert_eq!(text(&output.stdout).trim(), folder.display().to_string());
    stage.assert_whole(&repo);

    let output = run(&stage, &generate);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(stage.home.path().join("fox.png").exists());
    let output = run(&stage, &["inspect", MODEL]);
    assert!(text(&output.stdout).contains("UNet2DConditionModel"));
}

#[test]
fn events_tell_what_there_is_and_how_far_it_is() {
    let stage = Stage::new();
    let output = run(&stage, &["download", MODEL, "--revision", "main", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let events: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (first, last) = (&events[0], &events[events.len() - 1]);
    assert_eq!((&first["event"], &first["licence"], &first["bytes_here"]), (&"offer".into(), &"mit".into(), &0.into()));
    assert!(events.iter().any(|event| event["event"] == "download-progress" && event["bytes"] == first["bytes"]));
    assert_eq!(last["event"], "downloaded");
    assert!(last["path"].as_str().is_some_and(|path| path.ends_with(&Stage::repo().commit())));
}

#[test]
fn a_licence_that_has_to_be_accepted_is_accepted_in_words() {
    let stage = Stage::with(Repo { gated: Some("hf_secret_token".to_owned()), ..Stage::repo() });
    let with_token =
        |args: &[&str]| program(&stage, args).env("HF_TOKEN", "hf_secret_token").output().expect("it starts");
    let output = with_token(&["download", MODEL]);
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(1) && told.contains("--yes") && told.contains("licence: mit"), "{told}");
    let output = with_token(&["download", MODEL, "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("secret") && !text(&output.stdout).contains("secret"));
    stage.assert_whole(&Stage::repo());
}

#[test]
fn a_download_that_waits_for_another_one_says_so_and_goes_on() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    let folder = stage.cache().join(".locks/models--acme--tiny-sd15");
    fs::create_dir_all(&folder).expect("a folder");
    let contents = needed(&repo).into_iter().map(|path| &repo.files[path]);
    let names = contents.flat_map(|content| [sha256(content), git_hash(content)]);
    let locks: Vec<File> = names
        .map(|name| {
            let lock = File::create(folder.join(format!("{name}.lock"))).expect("a lock");
            lock.lock().expect("locked");
            lock
        })
        .collect();
    let mut child = program(&stage, &["download", MODEL, "--json"]).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "waiting: another download of this file"));
    drop(locks);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    for line in text(&output.stdout).lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    stage.assert_whole(&repo);
}

#[test]
fn names_that_are_none_are_wrong_usage() {
    let stage = Stage::new();
    for name in ["tiny-sd15", "a/b/c", "../a", "/etc"] {
        let output = run(&stage, &["download", name]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", text(&output.stderr));
    }
    let output = run(&stage, &["download", MODEL, "--revision", "../x"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
#[cfg(unix)]
fn ctrl_c_stops_it_and_the_next_one_goes_on() {
    let stage = Stage::new();
    stage.server.throttle(400_000);
    let child = program(&stage, &["download", MODEL]).spawn().expect("it starts");
    while stage.parts().iter().all(|part| part.metadata().map_or(0, |part| part.len()) == 0) {
        thread::sleep(Duration::from_millis(5));
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.expect("kill runs").success());
    let output = child.wait_with_output().expect("it ends");
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("`burnisher download acme/tiny-sd15` goes on from here"), "{told}");
    stage.server.throttle(0);
    assert_eq!(run(&stage, &["download", MODEL]).status.code(), Some(0));
    stage.assert_whole(&Stage::repo());
}

#[test]
fn killed_at_fifty_random_moments_it_goes_on_to_the_same_bytes() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    let bytes = stage.look(MODEL).expect("an offer").bytes;
    stage.server.throttle(40_000_000);
    let (mut dice, mut kills, mut wholes) = (Dice::new(7), 0, 0);
    while kills < 50 {
        // A moment is so many bytes after the last one, and a little later: the machine may be busy with other things.
        let moment = stage.server.sent() + dice.below(bytes / 3);
        let mut child = program(&stage, &["download", MODEL]).spawn().expect("it starts");
        while stage.server.sent() < moment && child.try_wait().expect("a status").is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(dice.below(20_000)));
        child.kill().expect("killed");
        let status = child.wait().expect("a status");
        stage.assert_sound_blobs();
        if status.success() {
            wholes += 1;
            stage.assert_whole(&repo);
            fs::remove_dir_all(stage.cache()).expect("removed");
        } else {
            kills += 1;
        }
    }
    stage.server.throttle(0);
    let output = run(&stage, &["download", MODEL]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    stage.assert_whole(&repo);
    assert!(wholes > 0, "none got through in between");
}
