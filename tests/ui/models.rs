//! The dialog about models: what lies on this computer, by its labels.

use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::model_ref::ModelRef;
use burnisher::session::settings::Settings;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use crate::bad_input::dropped;
use crate::model_files::{SD1, SDXL, VAE, bytes, write, write_bytes};
use crate::stage::{Puppet, Stage};

/// The folder that the user added.
fn theirs(settings: &Settings) -> PathBuf {
    settings.output_folder.with_file_name("theirs")
}

/// A window whose user added a folder with a model, one that can't be used, one that is damaged, and a VAE. The dialog is
/// open, and all is found.
fn opened() -> Stage {
    let mut stage = with_folder(|folder| {
        write(&folder.join("photo.safetensors"), &SD1);
        write_bytes(&folder.join("big-xl.safetensors"), &bytes(&[&SDXL[..], &[("more", &[400, 400])]].concat(), "F16"));
        write(&folder.join("vae.safetensors"), &VAE);
        let cut = bytes(&SD1, "F16");
        write_bytes(&folder.join("cut.safetensors"), &cut[..cut.len() / 2]);
    });
    open(&mut stage);
    stage
}

/// A window whose user added a folder with this in it.
fn with_folder(fill: impl FnOnce(&Path)) -> Stage {
    let mut stage = Stage::with(Puppet::default(), |settings| {
        let folder = theirs(settings);
        fill(&folder);
        settings.model_folders = vec![folder];
    });
    stage.until_says("Ready");
    stage
}

/// Opens the dialog and waits until all is found.
fn open(stage: &mut Stage) {
    stage.press(Modifiers::COMMAND, Key::M);
    stage.until("all is found", |stage| stage.says(" found") && !stage.says("Looking for models"));
    stage.settle();
}

/// The label of the row of this name.
fn row(stage: &Stage, name: &str) -> String {
    let begins = format!("{name}: ");
    let texts = stage.texts();
    let mut labels = texts.iter().filter(|text| text.starts_with(&begins));
    labels.next().unwrap_or_else(|| panic!("no row of {name} in\n{}", texts.join("\n"))).clone()
}

fn has_row(stage: &Stage, name: &str) -> bool {
    stage.texts().iter().any(|text| text.starts_with(&format!("{name}: ")))
}

fn choose(stage: &mut Stage, name: &str) {
    let row = row(stage, name);
    stage.click(&row);
}

fn is_disabled(stage: &Stage, label: &str) -> bool {
    stage.window.get_by_label(label).accesskit_node().is_disabled()
}

#[test]
fn the_dialog_opens_by_key_and_by_button_and_closes_by_escape() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.press(Modifiers::COMMAND, Key::M);
    stage.until_says("On this computer");
    stage.press(Modifiers::NONE, Key::Escape);
    assert!(!stage.says("On this computer"));
    stage.click("Models…");
    stage.click("From the Hub");
    stage.click("Close");
    assert!(!stage.says("From the Hub"));
}

#[test]
fn what_lies_on_this_computer_is_listed_with_its_state() {
    let mut stage = opened();
    assert!(stage.says("5 found"));
    assert!(row(&stage, "photo").starts_with("photo: Model, Stable Diffusion 1, f16, "));
    assert!(row(&stage, "vae").contains("VAE"));
    for (name, word) in
        [("photo", "ready"), ("big-xl", "not usable"), ("cut", "damaged"), ("Pictogram 64 (bundled)", "ready")]
    {
        assert!(row(&stage, name).contains(&format!(", {word}")), "{name}");
    }
    choose(&mut stage, "big-xl");
    assert!(stage.says("Stable Diffusion XL checkpoint, which this app can't draw with yet"));
    assert!(is_disabled(&stage, "Use") && is_disabled(&stage, "Inspect"));
    choose(&mut stage, "cut");
    assert!(stage.says("Fetch it again from where it came from"));
    assert!(stage.window.query_by_label("Repair").is_none(), "nobody knows where it came from");
}

#[test]
fn a_model_is_used_where_it_lies() {
    let mut stage = opened();
    choose(&mut stage, "photo");
    stage.click("Use");
    assert!(!stage.says("On this computer"), "the dialog is out of the way");
    let path = stage.folder.path().join("theirs/photo.safetensors");
    stage.until("the model", |stage| stage.settings().model == ModelRef::File(path.clone()));
    stage.until_says("Ready");
    stage.press(Modifiers::COMMAND, Key::M);
    assert!(stage.says("In use"), "it is still chosen");
}

#[test]
fn a_model_can_be_looked_into() {
    let mut stage = opened();
    choose(&mut stage, "photo");
    stage.click("Inspect");
    stage.settle();
    assert!(!stage.says("On this computer"));
}

#[test]
fn the_list_is_searched_and_sorted() {
    fn order(stage: &Stage) -> Vec<String> {
        let names = ["big-xl", "cut", "photo", "vae"];
        let mut rows: Vec<_> = names
            .iter()
            .map(|name| {
                let label = row(stage, name);
                (stage.window.get_by_label(&label).rect().top(), (*name).to_owned())
            })
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.into_iter().map(|(_, name)| name).collect()
    }
    let mut stage = opened();
    assert_eq!(order(&stage), ["big-xl", "cut", "photo", "vae"]);
    stage.click("Sort models by");
    stage.click("Largest first");
    assert_eq!(order(&stage), ["big-xl", "photo", "cut", "vae"]);
    stage.type_into("Search models", "DIFFUSION 1 read");
    assert!(has_row(&stage, "photo") && !has_row(&stage, "vae") && !has_row(&stage, "cut"));
    stage.settle();
    assert!(stage.says("2 of 5 found"));
    stage.type_into("Search models", "nothing like it");
    assert!(stage.says("No model fits these words"));
}

#[test]
fn the_list_is_reached_by_the_keyboard() {
    let mut stage = opened();
    choose(&mut stage, "big-xl");
    let first = row(&stage, "big-xl");
    stage.window.get_by_label(&first).focus();
    stage.settle();
    for _ in 0..2 {
        stage.press(Modifiers::NONE, Key::ArrowDown);
    }
    stage.settle();
    assert!(stage.says("Stable Diffusion 1 · f16"), "the arrows go from row to row");
    let mut stops = 0;
    while !stage.window.get_by_label("Use").is_focused() {
        stage.press(Modifiers::NONE, Key::Tab);
        stops += 1;
        assert!(stops < 12, "Tab goes on to what can be done with it");
    }
    assert!(stage.says("Stable Diffusion 1 · f16"), "and leaves it chosen");
}

#[test]
fn a_download_that_was_cut_is_repaired_from_the_hub() {
    let mut stage = Stage::with(Puppet::default(), |settings| {
        let repo = settings.output_folder.with_file_name("hub").join("models--acme--tiny");
        write_bytes(&repo.join("blobs/0123.incomplete"), b"begun");
    });
    stage.until_says("Ready");
    open(&mut stage);
    assert!(row(&stage, "acme/tiny").contains("incomplete"));
    choose(&mut stage, "acme/tiny");
    assert!(stage.says("Missing: all but the beginning of 1 file"));
    stage.click("Repair");
    // This window may not ask the Hub.
    stage.until_says("offline mode");
    assert!(stage.folder.path().join("hub/models--acme--tiny/blobs/0123.incomplete").exists(), "nothing is lost");
}

#[test]
fn files_that_are_there_twice_are_shown_and_left_alone() {
    let mut stage = with_folder(|folder| {
        for name in ["one", "two"] {
            write(&folder.join(name).join("same.safetensors"), &SD1);
        }
    });
    open(&mut stage);
    stage.click("Find duplicates");
    stage.until_says("One file is there more than once");
    let folder = fs::canonicalize(stage.folder.path()).expect("a folder").join("theirs");
    for name in ["one", "two"] {
        let path = folder.join(name).join("same.safetensors");
        assert!(stage.says(&format!("Show {}", path.display())) && path.exists());
    }
    stage.click("Back to the list");
    assert!(has_row(&stage, "same"));
}

#[test]
fn models_are_looked_for_again_and_folders_are_forgotten() {
    let mut stage = opened();
    fs::remove_file(stage.folder.path().join("theirs/vae.safetensors")).expect("removed");
    write(&stage.folder.path().join("theirs/new.safetensors"), &VAE);
    stage.click("Refresh");
    stage.until("the new one", |stage| has_row(stage, "new") && !has_row(stage, "vae"));
    stage.until_says(" found");
    stage.click("Folders");
    let folder = stage.folder.path().join("theirs");
    stage.click(&format!("Forget {}", folder.display()));
    stage.until("all of it gone", |stage| !has_row(stage, "photo") && has_row(stage, "Pictogram 64 (bundled)"));
    stage.until("the settings", |stage| stage.settings().model_folders.is_empty());
    assert!(folder.join("photo.safetensors").exists());
}

#[test]
fn a_folder_that_is_gone_is_told() {
    let mut stage = with_folder(|_| {});
    open(&mut stage);
    stage.click("⚠ A place couldn't be looked into");
    assert!(stage.says("theirs"));
}

#[test]
fn a_dropped_model_file_is_used() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    let path = stage.folder.path().join("dropped.safetensors");
    write(&path, &SD1);
    stage.window.input_mut().dropped_files.push(dropped(path.clone()));
    stage.until("the model", |stage| stage.settings().model == ModelRef::File(path.clone()));
}

#[test]
fn a_window_that_is_closed_while_models_are_looked_for_closes() {
    let mut stage = with_folder(|folder| {
        for number in 0..300 {
            write(&folder.join(format!("{number}.safetensors")), &VAE);
        }
    });
    stage.press(Modifiers::COMMAND, Key::M);
    let since = std::time::Instant::now();
    drop(stage.close());
    assert!(since.elapsed() < std::time::Duration::from_secs(20));
}
