//! Files and folders whose names aren't UTF-8: the program draws from them and into them, and tells of them as well as it can.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use burnisher::storage::gallery::read_recipe;
use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::checkpoints::{self, Checkpoint, Storage};
use crate::command_line::{events, folder, stdout, text};

/// The program in a folder, with its home there, too.
fn run(folder: &Path, args: &[&OsStr]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_burnisher"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command.env("HOME", folder).env_remove("XDG_CONFIG_HOME").env_remove("XDG_CACHE_HOME").env_remove("XDG_DATA_HOME");
    command.env_remove("XDG_STATE_HOME");
    command.output().expect("the program starts")
}

fn generate(folder: &Path, args: &[&[u8]]) -> Output {
    let usual = ["generate", "--device", "cpu", "--steps", "2", "--prompt", "a fox"].map(OsStr::new);
    let args: Vec<&OsStr> = args.iter().map(|arg| OsStr::from_bytes(arg)).collect();
    run(folder, &[&usual[..], &args].concat())
}

fn pictures(folder: &Path) -> usize {
    fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn a_picture_is_drawn_from_files_whose_names_are_no_text() {
    let folder = folder();
    let odd = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
    let picture = RgbImage::from_fn(64, 64, |x, y| Rgb([x * 3, y * 3, x + y].map(|c| c as u8)));
    picture.save(odd(b"caf\xe9.png")).expect("a PNG");
    RgbImage::from_fn(64, 64, |x, _| Rgb([if x < 32 { 255 } else { 0 }; 3])).save(odd(b"m\xe4.png")).expect("a PNG");
    let image = [&b"--image"[..], b"caf\xe9.png"];
    let cases: [&[&[u8]]; 2] = [&[], &[b"--mask", b"m\xe4.png"]];
    for (number, more) in cases.into_iter().enumerate() {
        let output = format!("o{number}");
        let saved = generate(folder.path(), &[&image[..], more, &[b"--output", output.as_bytes()]].concat());
        let path = stdout(&saved).trim().to_owned();
        let recipe = read_recipe(&folder.path().join(path)).expect("a PNG").expect("a recipe");
        assert!(recipe.request.start.task.image().expect("a picture").hash.is_some(), "it is known by its content");
    }
    let told = events(&generate(folder.path(), &[&image[..], &[b"--json", b"--output", b"o"]].concat()));
    let started = told.iter().find(|event| event["event"] == "job-started").expect("it began");
    let shown = started["request"]["task"]["image"].as_str().expect("a path as text");
    assert!(shown.ends_with("caf\u{fffd}.png"), "{shown}");
}

#[test]
fn a_picture_is_saved_below_a_folder_whose_name_is_no_text() {
    let folder = folder();
    let odd = folder.path().join(OsStr::from_bytes(b"\xe9t\xe9"));
    fs::create_dir(&odd).expect("a folder");
    RgbImage::new(64, 64).save(odd.join("a.png")).expect("a PNG");
    let saved = generate(&odd, &[b"--image", b"a.png", b"--output", b"o", b"--trace", b"t.safetensors", b"--json"]);
    assert!(events(&saved).iter().any(|event| event["event"] == "picture-saved"));
    assert_eq!(pictures(&odd.join("o")), 1);
    // In a home of such a name settings, caches and the store of known files are kept below it.
    assert!(fs::read(odd.join(".config/burnisher/local-files.jsonl")).is_ok_and(|lines| !lines.is_empty()));
}

#[test]
fn a_model_whose_path_is_no_text_is_inspected_listed_and_drawn_with() {
    let folder = folder();
    let models = folder.path().join(OsStr::from_bytes(b"mod\xe8les"));
    fs::create_dir(&models).expect("a folder");
    let checkpoint = checkpoints::folder(Checkpoint::TinySd15, Storage::Whole);
    std::os::unix::fs::symlink(&checkpoint, models.join("tiny")).expect("a link");
    let model = OsStr::from_bytes(b"mod\xe8les/tiny");
    let shown = run(folder.path(), &[OsStr::new("inspect"), model]);
    assert!(stdout(&shown).contains("StableDiffusionPipeline"));
    let listed = run(
        folder.path(),
        &["models", "--json"].map(OsStr::new).into_iter().chain([models.as_os_str()]).collect::<Vec<_>>(),
    );
    let list: Value = serde_json::from_str(stdout(&listed)).expect("JSON");
    let path = list["models"][0]["path"].as_str().expect("a path as text");
    assert!(path.ends_with("mod\u{fffd}les/tiny"), "{path}");
    let size = [&b"--width"[..], b"64", b"--height", b"64", b"--output", b"o.png", b"--model", model.as_bytes()];
    stdout(&generate(folder.path(), &size));
    let recipe = read_recipe(&folder.path().join("o.png")).expect("a PNG").expect("a recipe");
    assert!(recipe.model_hash.is_some() && recipe.model == "tiny", "{recipe:?}");
}

#[test]
fn a_model_without_a_name_is_wrong_usage() {
    let folder = folder();
    for args in [["inspect", ""].as_slice(), &["generate", "--prompt", "a", "--model", ""]] {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let refused = run(folder.path(), &args);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains("a model is `bundled`") && !told.contains("no such model"), "{told}");
    }
}
