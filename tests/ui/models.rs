//! The dialog about models.

use egui::{Key, Modifiers};

use crate::stage::Stage;

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
