//! The program on the tiny checkpoints: kinds of models and parts of them that the bundled model hasn't.

use std::path::Path;

use image::RgbImage;
use serde_json::{Value, json};

use crate::checkpoints::{self, Checkpoint, Storage};
use crate::command_line::{events, folder, generate, text};

/// The folder of a tiny checkpoint, as an argument.
fn model(checkpoint: Checkpoint) -> String {
    checkpoints::folder(checkpoint, Storage::Whole).to_string_lossy().into_owned()
}

/// Draws one picture of two steps in 64 x 64: what is told of it, and what is saved.
fn draw(checkpoint: Checkpoint, args: &[&str]) -> (Value, RgbImage) {
    let (folder, model) = (folder(), model(checkpoint));
    let all = [&["--model", &model, "--seed", "3", "--json", "--output", "picture.png"], args].concat();
    let events = events(&generate(folder.path(), &all));
    let saved = events.into_iter().find(|event| event["event"] == "picture-saved").expect("a picture");
    (saved["recipe"].clone(), open(&folder.path().join("picture.png")))
}

fn open(path: &Path) -> RgbImage {
    image::open(path).expect("a picture").into_rgb8()
}

fn is_black(picture: &RgbImage) -> bool {
    picture.as_raw().iter().all(|byte| *byte == 0)
}

#[test]
fn an_unconditional_model_needs_no_prompt_and_says_so_in_its_recipe() {
    let (recipe, picture) = draw(Checkpoint::TinyDdpm, &[]);
    assert_eq!(recipe["request"]["task"], json!({ "name": "unconditional" }));
    assert_eq!((&recipe["request"]["prompt"], &recipe["request"]["scheduler"]), (&json!(""), &json!("ddpm")));
    assert_eq!(picture.dimensions(), (64, 64), "the model's own size");
    let (again, same) = draw(Checkpoint::TinyDdpmLegacy, &["--task", "unconditional", "--scheduler", "ddpm"]);
    assert_eq!((&again["request"], same), (&recipe["request"], picture));
}

#[test]
fn a_task_that_a_model_cannot_do_is_refused_with_those_that_can() {
    let refusal = |model: &str, args: &[&str]| {
        let output = generate(folder().path(), &[&["--model", model], args].concat());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        text(&output.stderr).lines().last().unwrap_or_default().to_owned()
    };
    let line = refusal(&model(Checkpoint::TinyDdpm), &["--prompt", "a fox"]);
    assert!(line.contains("can't do text-to-image: it is made for unconditional. Choose a text-to-image"), "{line}");
    let line = refusal(&model(Checkpoint::TinySd15Inpaint), &["--prompt", "a fox"]);
    assert!(line.contains("can't do text-to-image: it is made for inpaint. Choose"), "{line}");
    let line = refusal("bundled", &["--task", "unconditional"]);
    assert!(line.contains("Choose an unconditional model, such as google/ddpm-cat-256"), "{line}");
}

#[test]
fn a_flagged_picture_is_kept_blackened_or_not_looked_at_as_the_user_says() {
    let prompt = ["--prompt", "a fox", "--guidance-scale", "1", "--width", "64", "--height", "64"];
    let draw = |args: &[&str]| draw(Checkpoint::TinySd15SafetyFlag, &[&prompt, args].concat());
    let (recipe, kept) = draw(&[]);
    assert_eq!(recipe["verdict"]["flagged"], json!(true));
    assert!(recipe["verdict"]["score"].as_f64().is_some_and(|score| score > 0.0), "{recipe}");
    assert!(!is_black(&kept));
    let (recipe, black) = draw(&["--safety-checker", "block"]);
    assert_eq!((&recipe["verdict"]["flagged"], &recipe["request"]["safety"]), (&json!(true), &json!("block")));
    assert!(is_black(&black));
    for off in [["--safety-checker", "off"].as_slice(), &["--no-safety-checker"]] {
        let (recipe, unseen) = draw(off);
        assert_eq!((&recipe["verdict"], &recipe["request"]["safety"]), (&Value::Null, &json!("off")));
        assert_eq!(unseen, kept);
    }
    let output = generate(folder().path(), &["--prompt", "a", "--no-safety-checker", "--safety-checker", "block"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
