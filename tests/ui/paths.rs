//! Files are chosen by typed paths where the system has no file dialog.

use std::fs;

use egui::{Key, Modifiers};

use crate::stage::{Stage, picture_by_another};

const NO_DIALOG: &str = "No file dialog can be opened";

/// Types a path and confirms it.
fn enter(stage: &mut Stage, path: &str) {
    stage.type_into("Path", path);
    stage.press(Modifiers::NONE, Key::Enter);
}

#[test]
fn without_a_file_dialog_the_cause_and_the_way_out_are_told_and_a_path_can_be_typed() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    let picture = picture_by_another(stage.folder.path(), "a hen\nSteps: 20, Sampler: Euler, Seed: 1, Size: 512x512");
    stage.press(Modifiers::COMMAND, Key::O);
    stage.until_says(NO_DIALOG);
    assert!(stage.says("neither a portal for files nor zenity") && stage.says("install zenity"));
    enter(&mut stage, &picture.display().to_string());
    stage.until_says("Settings of a picture by");
    assert!(!stage.says(NO_DIALOG));
}

#[test]
fn a_typed_path_that_leads_nowhere_is_told_and_can_be_corrected() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    stage.until_says(NO_DIALOG);
    let folder = stage.folder.path().display().to_string();
    enter(&mut stage, &format!("{folder}/gone"));
    stage.until_says("There is no such folder");
    enter(&mut stage, &format!("{folder}/settings.json"));
    stage.until_says("This is a file, not a folder");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until("the question is closed", |stage| !stage.says(NO_DIALOG));
}

#[test]
fn a_typed_path_replaces_a_file_only_if_that_is_asked_for() {
    let mut stage = Stage::new();
    stage.generate("a fox");
    stage.until("it is shown", |stage| stage.pictures().len() == 1 && stage.says("Canvas: a fox"));
    let target = stage.folder.path().join("kept.png");
    fs::write(&target, "kept").expect("written");
    stage.press(Modifiers::COMMAND, Key::S);
    stage.until_says(NO_DIALOG);
    enter(&mut stage, &target.display().to_string());
    stage.until_says("There is a file of this name already");
    stage.press(Modifiers::NONE, Key::Enter);
    assert_eq!(fs::read(&target).expect("it is there"), b"kept");
    stage.click("Replace the file");
    stage.until_says("Saved as");
    assert_eq!(fs::read(&target).expect("a copy"), fs::read(&stage.pictures()[0]).expect("the picture"));
}

#[test]
fn a_path_is_asked_for_in_front_of_the_dialog_that_needs_it() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.press(Modifiers::COMMAND, Key::Comma);
    stage.click("Browse…");
    stage.until_says(NO_DIALOG);
    let folder = stage.folder.path().join("elsewhere");
    fs::create_dir(&folder).expect("made");
    enter(&mut stage, &folder.display().to_string());
    stage.until("it is taken", |stage| !stage.says(NO_DIALOG));
    assert!(stage.says("Folder for pictures") && stage.says("elsewhere"));
}
