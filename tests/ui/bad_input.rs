//! Whatever is wrong is said, and nothing is lost.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use burnisher::base::error::Error;
use egui::{Key, Modifiers};

use crate::stage::{Puppet, Stage};

/// A file that someone dropped on the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.0).map_err(|error| error.to_string())
    }
}

pub(crate) fn dropped(path: PathBuf) -> Arc<dyn egui::DroppedFile + Send + Sync> {
    Arc::new(Dropped(path))
}

#[test]
fn corrupt_settings_are_told_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("settings.json"), "{\"draft\": ").expect("written");
    let mut stage = Stage::open(folder, Puppet::default());
    stage.until_says("Some settings made no sense");
    assert!(stage.folder.path().join("settings.json.bad").exists());
}

#[test]
fn what_cannot_be_written_is_told_and_the_window_works_on() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    for name in ["settings.json", "session.journal"] {
        let path = stage.folder.path().join(name);
        stage.until(name, |_| path.is_file());
        // It may be written once more in between.
        stage.until("a folder in its place", |_| {
            let _ = fs::remove_file(&path);
            fs::create_dir(&path).is_ok()
        });
    }
    stage.generate("a fox");
    stage.until_says("What you do can't be saved");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
    stage.press(egui::Modifiers::COMMAND, egui::Key::B);
    stage.until_says("The settings can't be saved");
    for name in ["settings.json", "session.journal"] {
        fs::remove_dir(stage.folder.path().join(name)).expect("an empty folder");
    }
    // Nothing is changed any more.
    let kept = |stage: &Stage, name: &str| stage.folder.path().join(name).is_file();
    stage.until("all is kept", |stage| kept(stage, "settings.json") && kept(stage, "session.journal"));
    assert_eq!(stage.settings().kept.history, ["a fox"]);
    assert!(!stage.settings().settings.controls_open);
}

#[test]
fn a_model_that_cannot_be_opened_says_why_and_keeps_the_queue() {
    let broken = Error::new("a file is missing: unet/config.json").advise("Download it again");
    let mut stage = Stage::with(Puppet { broken: Some(broken), ..Puppet::default() }, |_| {});
    stage.generate("a fox");
    stage.until_says("A file is missing: unet/config.json");
    assert!(stage.says("Download it again"));
    stage.until_says("It failed; try again: a fox");
    assert!(stage.says("Try again"));
}

#[test]
fn an_output_folder_that_vanishes_is_told_and_the_picture_can_be_tried_again() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.until("the folder is made", |stage| stage.pictures_folder().exists());
    fs::remove_dir_all(stage.pictures_folder()).expect("removed");
    fs::write(stage.pictures_folder(), "a file in its place").expect("written");
    stage.generate("a fox");
    stage.until_says("It failed; try again: a fox");
    fs::remove_file(stage.pictures_folder()).expect("removed");
    stage.click("It failed; try again: a fox");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
}

#[test]
fn a_picture_that_cannot_be_saved_is_put_aside() {
    let mut stage = Stage::with(Puppet::default(), |settings| {
        (settings.kept.draft.values.sampling.steps, settings.kept.draft.untouched) = (400, false);
        (settings.kept.draft.values.seeds.first, settings.kept.draft.seed_locked) = (std::process::id().into(), true);
    });
    stage.generate("a fox");
    stage.until_says("Canvas: preview");
    fs::remove_dir_all(stage.pictures_folder()).expect("removed");
    fs::write(stage.pictures_folder(), "a file in its place").expect("written");
    stage.until_says("The picture was put aside as ");
    let texts = stage.texts();
    let advice = texts.iter().find_map(|text| text.strip_prefix("The picture was put aside as ")).expect("it is told");
    let path = advice.split(": move it").next().expect("a path");
    let recipe = burnisher::storage::gallery::read_recipe(path.as_ref()).expect("a PNG").expect("with a recipe");
    fs::remove_file(path).expect("it was there");
    assert_eq!(
        (recipe.request.prompts.prompt.as_str(), recipe.request.seeds.first),
        ("a fox", std::process::id().into())
    );
}

/// No other test shares the process in which temporary files have no place.
#[cfg(target_os = "linux")]
#[test]
fn a_picture_that_no_folder_takes_stays_in_memory_and_is_offered() {
    let output = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "bad_input::without_any_place", "--ignored"])
        .env("BURNISHER_TEST_NO_PLACE", "its own")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by the test before, in a process of its own"]
fn without_any_place() {
    std::env::var("BURNISHER_TEST_NO_PLACE").expect("a process of its own");
    let mut stage = Stage::with(Puppet::default(), |settings| {
        (settings.kept.draft.values.sampling.steps, settings.kept.draft.untouched) = (400, false);
    });
    tempfile::env::override_temp_dir("/proc/nowhere".as_ref()).expect("once");
    fs::write(stage.folder.path().join("rescued"), "a file in its place").expect("written");
    stage.generate("a fox");
    stage.until_says("Canvas: preview");
    fs::remove_dir_all(stage.pictures_folder()).expect("removed");
    fs::write(stage.pictures_folder(), "a file in its place").expect("written");
    stage.until_says("A finished picture is in memory alone");
    assert!(stage.says("Save it elsewhere…") && !stage.says("put aside"));
    stage.click("Give it up");
    stage.until("the notice is gone", |stage| !stage.says("in memory alone"));
}

#[test]
fn a_dropped_file_that_is_no_picture_is_told() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    let path = stage.folder.path().join("letter.png");
    fs::write(&path, "Dear all").expect("written");
    for path in [path, stage.folder.path().join("gone.png"), stage.folder.path().to_owned()] {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        stage.window.input_mut().dropped_files.push(dropped(path));
        stage.window.step();
        stage.until_says(&name);
        stage.click("Dismiss");
    }
}

#[test]
fn a_dropped_picture_without_settings_is_told() {
    let mut stage = Stage::new();
    let path = stage.folder.path().join("plain.png");
    image::RgbImage::new(8, 8).save(&path).expect("written");
    stage.window.input_mut().dropped_files.push(dropped(path));
    stage.window.step();
    stage.until_says("plain.png");
    assert!(stage.says("Dismiss"));
}

#[test]
fn a_copy_that_cannot_be_saved_is_told() {
    let mut stage = Stage::with(Puppet::default(), |settings| settings.save_folder = Some("/proc/nowhere".into()));
    stage.generate("a fox");
    stage.until("it is shown", |stage| stage.pictures().len() == 1 && stage.says("Canvas: a fox"));
    stage.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    stage.until_says("/proc/nowhere");
    assert!(stage.says("Dismiss"));
}
