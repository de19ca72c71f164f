//! What is there again when the window is opened again.

use burnisher::session::{Seat, journal};
use burnisher::worker::LeftBehind;
use egui::{Key, Modifiers};

use crate::stage::{FAIL_TO_DECODE, Puppet, Stage, WAIT};

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

/// A window that was closed while it drew a picture, opened again.
fn closed_while_it_drew() -> Stage {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    let journal = journal::path_beside(&stage.folder.path().join("settings.json"));
    stage.until("the picture in the making is kept", |_| LeftBehind::read(&journal).run.is_some());
    let mut stage = stage.reopen(Puppet::default());
    stage.until_says("Go on at step ");
    stage
}

#[test]
fn a_picture_that_was_being_drawn_is_offered_to_be_gone_on_with() {
    let mut stage = closed_while_it_drew();
    assert!(stage.says("The queue is paused"));
    let offer = stage.texts().into_iter().find(|text| text.starts_with("Go on at step ")).expect("an offer");
    assert!(offer.ends_with(" of 1000"), "{offer}");
    stage.click(&offer);
    stage.until("the picture", |stage| stage.pictures().len() == 1);
}

#[test]
fn a_picture_that_was_being_drawn_can_be_started_over() {
    let mut stage = closed_while_it_drew();
    stage.click("Start over");
    // From its start on it never ends.
    stage.until_says("Canvas: preview");
    assert!(!stage.says("Go on at step ") && !stage.says("The queue is paused"));
}

#[test]
fn a_picture_whose_decoding_failed_is_decoded_again_without_being_drawn_again() {
    let mut stage = Stage::new();
    stage.generate(FAIL_TO_DECODE);
    let again = "Its decoding failed; decode it in smaller tiles: fail to decode";
    stage.until_says(again);
    stage.generate("another one");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
    // What was drawn meanwhile has nothing to do with it.
    stage.until_says(again);
    stage.click(again);
    stage.until("the picture", |stage| stage.pictures().len() == 2);
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
    assert!(stage.says("One is being drawn. It goes on when you come back."));
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

#[test]
fn a_second_window_says_that_another_is_open_and_changes_nothing_of_it() {
    let mut stage = Stage::new();
    stage.type_prompt("a thought");
    stage.until("it is written down", |stage| stage.settings().kept.draft.values.prompts.prompt == "a thought");
    let folder = stage.close();
    let first = Seat::take(folder.path().join("settings.json"));
    let mut second = Stage::open(folder, Puppet::default());
    second.until_says("Burnisher is open already. This is window 2");
    assert!(second.says("Window 2") && second.says("a thought"));
    second.generate(WAIT);
    second.until_says("Canvas: preview");
    assert_eq!(second.settings().kept.waiting().count(), 0, "the queue of the first window");
    drop(first);
    let mut first = second.reopen(Puppet::default());
    first.until_says("One generation that another window left over waits in the queue");
    assert!(first.says("The queue is paused") && !first.says("Window 2"));
}
