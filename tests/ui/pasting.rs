//! What is pasted is taken for what it is, and a paste that can't be used says so.

use std::fs;

use egui::{Event, Key, Modifiers};

use crate::stage::{Stage, picture_by_another};

const SETTINGS: &str = "a hen\nSteps: 20, Sampler: Euler, Seed: 1, Size: 512x512";

/// Pastes as the toolkit tells it: it keeps the press of the keys to itself.
fn paste(stage: &mut Stage, text: &str) {
    stage.window.event(Event::Paste(text.to_owned()));
    stage.window.step();
    release_keys(stage);
}

fn release_keys(stage: &mut Stage) {
    let (key, modifiers) = (Key::V, Modifiers::COMMAND);
    stage.window.event(Event::Key { key, physical_key: None, pressed: false, repeat: false, modifiers });
    stage.window.step();
}

/// A window in which nothing is typed into.
fn unfocused() -> Stage {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.window.ctx.memory_mut(egui::Memory::stop_text_input);
    stage.settle();
    stage
}

#[test]
fn a_pasted_file_is_taken_like_a_dropped_one_also_while_the_prompt_has_the_keyboard() {
    for has_prompt in [false, true] {
        let mut stage = unfocused();
        let folder = stage.folder.path().join("a b");
        fs::create_dir(&folder).expect("made");
        let picture = picture_by_another(&folder, SETTINGS);
        if has_prompt {
            stage.type_prompt("an owl");
        }
        let path = picture.display().to_string();
        for text in [path.clone(), format!("file://{}\r\n", path.replace(' ', "%20"))] {
            paste(&mut stage, &text);
            stage.until_says("Settings of a picture by");
            stage.click("Cancel");
            assert_eq!(stage.says("an owl"), has_prompt, "the prompt is as it was");
        }
    }
}

#[test]
fn pasted_settings_are_shown_instead_of_being_typed_into_the_prompt() {
    let mut stage = unfocused();
    stage.type_prompt("a fox");
    paste(&mut stage, SETTINGS);
    stage.until_says("Settings of a picture by");
    stage.click("Cancel");
    assert!(stage.says("a fox") && !stage.says("Steps: 20"));
}

#[test]
fn what_only_looks_like_a_file_is_typed() {
    let mut stage = unfocused();
    stage.type_prompt("a fox");
    for text in [" in the snow", "/imagine a hen"] {
        paste(&mut stage, text);
        stage.until_says(text);
    }
    stage.until_says("a fox in the snow/imagine a hen");
}

#[test]
fn a_paste_that_cannot_be_used_says_so() {
    let mut stage = unfocused();
    paste(&mut stage, "just some words");
    stage.until_says("The text on the clipboard has no settings, and names no file");
    stage.click("Dismiss");
    paste(&mut stage, "file:///gone/a%20b.png");
    stage.until_says("The file on the clipboard isn't there: /gone/a b.png");
    stage.click("Dismiss");
    // Of a paste that brings nothing only the end of the key press is heard.
    release_keys(&mut stage);
    stage.until_says("The clipboard has nothing that can be pasted");
}

#[test]
fn a_path_is_pasted_as_a_text_into_other_boxes() {
    let mut stage = unfocused();
    let picture = picture_by_another(stage.folder.path(), SETTINGS).display().to_string();
    stage.press(Modifiers::COMMAND, Key::O);
    stage.until_says("No file dialog can be opened");
    stage.type_into("Path", "");
    paste(&mut stage, &picture);
    stage.until_says(&picture);
    stage.press(Modifiers::NONE, Key::Enter);
    stage.until_says("Settings of a picture by");
}
