//! The gallery beside the canvas: what is drawn comes into it, and what is in it comes back.

use std::fs;

use burnisher::gallery;
use egui::Role;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::stage::{Puppet, Stage};

/// The pictures in the gallery, in its order.
fn cells(stage: &Stage) -> Vec<String> {
    let cells = stage.window.query_all_by_role(Role::ListBoxOption);
    cells.map(|cell| cell.accesskit_node().label().expect("a name")).collect()
}

/// A window that has drawn these, one after the other.
fn drawn(prompts: &[&str]) -> Stage {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    for (at, prompt) in prompts.iter().enumerate() {
        stage.generate(prompt);
        stage.until("it is in the gallery", |stage| cells(stage).len() == at + 1);
    }
    stage
}

#[test]
fn what_is_drawn_comes_into_the_gallery_newest_first() {
    let mut stage = drawn(&["a fox", "a hen"]);
    stage.until("both", |stage| cells(stage) == ["a hen, picture 1 of 2", "a fox, picture 2 of 2"]);
    assert!(stage.says("2 pictures"));
    // What another program removes is gone.
    fs::remove_file(&stage.pictures()[0]).expect("removed");
    stage.until("one", |stage| cells(stage) == ["a hen, picture 1 of 1"]);
}

#[test]
fn the_gallery_is_back_after_a_restart() {
    let stage = drawn(&["a fox", "a hen"]);
    let mut stage = stage.reopen(Puppet::default());
    stage.until("both", |stage| cells(stage) == ["a hen, picture 1 of 2", "a fox, picture 2 of 2"]);
}

#[test]
fn a_click_shows_a_picture_on_the_canvas_with_how_it_was_made() {
    let mut stage = drawn(&["a fox", "a hen"]);
    stage.click("a fox, picture 2 of 2");
    stage.until_says("Canvas: a fox");
    assert!(stage.says("Reuse all settings") && stage.says("Copy prompt"));
}

#[test]
fn settings_of_a_picture_are_looked_at_before_they_are_taken() {
    let mut stage = drawn(&["a fox"]);
    stage.type_prompt("something else");
    stage.click("a fox, picture 1 of 1");
    stage.click("Reuse prompt");
    stage.until_says("Take over");
    stage.click("Take over");
    stage.until("it is taken over", |stage| stage.settings().draft.prompt == "a fox");
    let seed = gallery::read_recipe(&stage.pictures()[0]).expect("a PNG").expect("a recipe").request.seed;
    stage.click("Reuse seed");
    stage.until_says("Take over");
    stage.click("Take over");
    stage.until("it is taken over", |stage| {
        let draft = stage.settings().draft;
        (draft.seed, draft.seed_locked) == (seed, true)
    });
}

#[test]
fn two_pictures_are_compared_in_the_place_of_the_canvas() {
    let mut stage = drawn(&["a fox", "a hen"]);
    stage.click("a fox, picture 2 of 2");
    stage.until_says("Canvas: a fox");
    stage.press(egui::Modifiers::NONE, egui::Key::ArrowLeft);
    stage.press(egui::Modifiers::NONE, egui::Key::C);
    stage.until_says("Divider between the pictures");
    stage.click("Difference");
    stage.until_says("of the pixels differ");
    stage.click("Close");
    stage.until_says("Canvas: a fox");
}

#[test]
fn a_mark_is_set_by_a_key_and_kept_in_the_folder() {
    let mut stage = drawn(&["a fox"]);
    stage.click("a fox, picture 1 of 1");
    stage.press(egui::Modifiers::NONE, egui::Key::Period);
    stage.until("it is marked", |stage| cells(stage) == ["a fox, picture 1 of 1, favourite"]);
    assert!(stage.pictures_folder().join(".burnisher-favourites.json").exists());
}

#[test]
fn a_mark_that_cannot_be_kept_is_told() {
    let mut stage = drawn(&["a fox"]);
    fs::create_dir(stage.pictures_folder().join(".burnisher-favourites.json")).expect("a folder in its place");
    stage.until_says("Can't read the favourites");
    stage.click("Dismiss");
    stage.click("a fox, picture 1 of 1");
    stage.press(egui::Modifiers::NONE, egui::Key::Period);
    stage.until_says("Can't read the favourites");
    assert_eq!(cells(&stage), ["a fox, picture 1 of 1"]);
}
