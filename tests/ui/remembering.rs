//! What is there again when the window is opened again.

use egui::{Key, Modifiers};

use crate::stage::{Puppet, Stage, WAIT};

#[test]
fn the_form_and_the_queue_survive_a_restart() {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    stage.until_says("Canvas: preview");
    stage.generate("later");
    stage.type_prompt("half a thou");
    stage.until("it is written down", |stage| stage.settings().kept.draft.values.prompts.prompt == "half a thou");
    let mut stage = stage.reopen(Puppet::default());
    stage.until_says("The queue is paused");
    assert!(stage.says("Generate (2 waiting)"), "the unfinished one first");
    assert!(stage.says("half a thou"));
    stage.click("Remove from the queue: wait");
    stage.click("Resume the queue");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
}

#[test]
fn what_is_typed_is_on_disk_before_the_window_is_closed() {
    let mut stage = Stage::new();
    stage.type_prompt("a thought");
    // Nothing is closed: it survives a crash too.
    stage.until("it is written down", |stage| stage.settings().kept.draft.values.prompts.prompt == "a thought");
}

#[test]
fn closing_with_work_left_over_asks_first() {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    stage.until_says("Canvas: preview");
    let viewport = stage.window.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
    viewport.events.push(egui::ViewportEvent::Close);
    stage.window.step();
    stage.until_says("Pictures are still to be drawn");
    stage.click("Stay");
    assert!(!stage.says("Pictures are still to be drawn"));
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until_says("Stopped");
}

#[test]
fn prompts_come_back_with_alt_and_the_arrows() {
    let mut stage = Stage::new();
    for prompt in ["one", "two"] {
        stage.generate(prompt);
    }
    stage.type_prompt("three, unfinished");
    let prompt = |stage: &Stage| stage.settings().kept.draft.values.prompts.prompt;
    for (key, expected) in [
        (Key::ArrowUp, "two"),
        (Key::ArrowUp, "one"),
        (Key::ArrowUp, "one"),
        (Key::ArrowDown, "two"),
        (Key::ArrowDown, "three, unfinished"),
    ] {
        stage.press(Modifiers::ALT, key);
        stage.until(expected, |stage| prompt(stage) == expected);
    }
}

#[test]
fn panels_stay_folded() {
    let mut stage = Stage::new();
    stage.press(Modifiers::COMMAND, Key::B);
    stage.until("the controls are gone", |stage| !stage.says("Sampler"));
    stage.until("it is written down", |stage| !stage.settings().controls_open);
    let mut stage = stage.reopen(Puppet::default());
    stage.until_says("Gallery");
    assert!(!stage.says("Sampler"));
}
