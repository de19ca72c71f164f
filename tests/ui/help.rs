//! What a report needs: the About window, and the offer after a crash.

use std::fs;

use egui_kittest::kittest::Queryable as _;

use crate::stage::{Puppet, Stage};

/// Clicks what copies for a report, and returns what is copied.
fn copied(stage: &mut Stage) -> String {
    stage.settle();
    stage.window.get_by_label("Copy for a report").click();
    let mut text = None;
    stage.until("the copy", |stage| {
        let output = stage.window.output();
        text = text.take().or_else(|| {
            output.platform_output.commands.iter().find_map(|command| match command {
                egui::OutputCommand::CopyText(text) => Some(text.clone()),
                _ => None,
            })
        });
        text.is_some()
    });
    text.expect("it was seen")
}

#[test]
fn the_about_window_names_versions_and_devices_and_copies_them() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.click("More");
    stage.click("About Burnisher");
    stage.until_says("cpu: ");
    assert!(stage.says(&format!("Burnisher {} (burn ", env!("CARGO_PKG_VERSION"))), "{:?}", stage.texts());
    assert!(stage.says("Puppet on Stage machine in f32"));
    let text = copied(&mut stage);
    for row in [
        "Version: Burnisher ",
        "System: ",
        "Device: cpu: ",
        "Chosen: device auto, dtype auto",
        "In use: Puppet",
        "Log: ",
    ] {
        assert!(text.contains(row), "{row} is missing: {text}");
    }
    stage.click("Close");
    stage.until("it is closed", |stage| !stage.says("Copy for a report"));
}

#[test]
fn a_crash_is_offered_at_the_next_start_and_not_again() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    let folder = stage.close();
    let records = folder.path().join("records");
    fs::create_dir_all(&records).expect("a folder");
    let report = "Version: Burnisher 9\nWhat happened: the thread main panicked at src/lib.rs:1:1: it broke";
    fs::write(records.join("crash.txt"), report).expect("written");
    let mut stage = Stage::open(folder, Puppet::default());
    stage.until_says("Burnisher crashed the last time");
    assert!(stage.says("it broke") && stage.says("last-crash.txt"), "{:?}", stage.texts());
    assert_eq!(copied(&mut stage), report);
    stage.click("Close");
    stage.until_says("Ready");
    let mut stage = stage.reopen(Puppet::default());
    stage.until_says("Ready");
    // What the window's files thread was asked for before is done.
    stage.until("the folder is made", |stage| stage.pictures_folder().exists());
    stage.settle();
    assert!(!stage.says("Burnisher crashed the last time"));
    assert_eq!(fs::read_to_string(records.join("last-crash.txt")).expect("it is kept"), report);
}
