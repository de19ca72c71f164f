//! The gallery beside the canvas: what is drawn comes into it, and what is in it comes back.

use std::fs;
use std::process::Command;

use burnisher::storage::gallery;
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
    stage.until("it is taken over", |stage| stage.settings().kept.draft.values.prompts.prompt == "a fox");
    let seed = gallery::read_recipe(&stage.pictures()[0]).expect("a PNG").expect("a recipe").request.seeds.first;
    stage.click("Reuse seed");
    stage.until_says("Take over");
    stage.click("Take over");
    stage.until("it is taken over", |stage| {
        let draft = stage.settings().kept.draft;
        (draft.values.seeds.first, draft.seed_locked) == (seed, true)
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

#[test]
fn a_folder_that_vanishes_keeps_its_pictures_in_view_and_is_told_when_it_is_back() {
    let mut stage = drawn(&["a fox"]);
    let aside = stage.folder.path().join("aside");
    fs::rename(stage.pictures_folder(), &aside).expect("moved");
    stage.until_says("The gallery's folder is gone: ");
    // Its thumbnail may not have been made yet.
    assert!(cells(&stage).iter().all(|cell| cell.starts_with("a fox, picture 1 of 1")) && cells(&stage).len() == 1);
    fs::rename(&aside, stage.pictures_folder()).expect("moved");
    stage.until_says("The folder for pictures is back");
    stage.until("the picture", |stage| cells(stage) == ["a fox, picture 1 of 1"]);
}

#[test]
fn a_picture_of_30_000_pixels_and_one_that_is_none_are_said_to_be_so() {
    let mut stage = drawn(&["a fox"]);
    // Signature, header and an empty chunk of pixels.
    let header = b"\0\0\0\x0dIHDR\0\0\x75\x30\0\0\x75\x30\x08\x02\0\0\0\xe9\x45\x6f\xed";
    let giant = [&b"\x89PNG\r\n\x1a\n"[..], header, b"\0\0\0\0IDAT\x35\xaf\x06\x1e"].concat();
    fs::write(stage.pictures_folder().join("giant.png"), giant).expect("written");
    fs::write(stage.pictures_folder().join("letter.png"), "Dear all").expect("written");
    stage.until("it is listed", |stage| cells(stage).len() == 2);
    let giant = "giant.png, picture 1 of 2, can't be shown";
    stage.until("it can't be shown", |stage| cells(stage)[0] == giant);
    stage.click(giant);
    stage.until_says("The picture is too large to be shown (30000 x 30000 pixels)");
}

/// Deleting is tested in a process with a bin of its own: nobody's real one is touched.
#[cfg(target_os = "linux")]
#[test]
fn a_deleted_picture_leaves_gallery_and_canvas_and_comes_back() {
    let home = tempfile::tempdir().expect("a folder");
    let output = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "gallery::delete_and_undo", "--ignored"])
        .env("XDG_DATA_HOME", home.path())
        .env("BURNISHER_TEST_BIN", "its own")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by the test before, with a bin of its own"]
fn delete_and_undo() {
    std::env::var("BURNISHER_TEST_BIN").expect("a process with a bin of its own");
    let mut stage = drawn(&["a fox", "a hen"]);
    stage.click("a fox, picture 2 of 2");
    stage.until_says("Canvas: a fox");
    stage.press(egui::Modifiers::NONE, egui::Key::Delete);
    stage.until_says("1 picture in the bin");
    stage.until("it is gone", |stage| cells(stage) == ["a hen, picture 1 of 1"]);
    assert!(stage.says("Canvas: no picture yet"));
    assert_eq!(stage.pictures().len(), 1);
    stage.click("Undo");
    stage.until("it is back", |stage| cells(stage).len() == 2);
    assert_eq!(stage.pictures().len(), 2);
}
