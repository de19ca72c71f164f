//! What the window promises: it never waits, and nothing is done for who doesn't look.

use std::sync::atomic::Ordering;
use std::time::Duration;

use eframe::App as _;

use crate::stage::{Puppet, Stage, WAIT};

#[test]
fn the_window_draws_before_any_model_is_open_and_while_one_is() {
    let puppet = Puppet { loading: Duration::from_hours(1), ..Puppet::default() };
    let mut stage = Stage::with(puppet, |_| {});
    stage.window.step();
    assert!(stage.says("Generate"), "the first frame has the form");
    stage.until_says("Loading unet");
    stage.press(egui::Modifiers::NONE, egui::Key::Escape);
    stage.settle();
    assert!(stage.says("Loading unet"), "nobody meant the model");
    stage.generate("a fox");
    stage.until_says("Generate (1 waiting)");
    stage.click("Stop loading");
    stage.until_says("Loading stopped");
}

#[test]
fn a_hidden_window_costs_no_previews() {
    let puppet = Puppet::default();
    let (previews, last) = (puppet.previews.clone(), puppet.last.clone());
    let steps = || last.lock().expect("whole").as_ref().map_or(0, |(_, steps)| *steps);
    let mut stage = Stage::with(puppet, |_| {});
    stage.generate(WAIT);
    stage.until_says("Canvas: preview");
    // A hidden window hears what happens but draws nothing.
    let (ctx, mut frame) = (stage.window.ctx.clone(), eframe::Frame::_new_kittest());
    let before = previews.load(Ordering::Relaxed);
    let drawn = steps();
    while steps() < drawn + 100 {
        stage.window.state_mut().logic(&ctx, &mut frame);
        std::thread::sleep(Duration::from_millis(2));
    }
    // One may have been under way, and one lies in the slot.
    assert!(previews.load(Ordering::Relaxed) <= before + 2, "{before} then {previews:?}");
}

#[test]
fn a_window_in_which_nothing_happens_asks_for_no_frames() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.generate("a fox");
    stage.until("the picture", |stage| stage.says("Canvas: a fox") && stage.says("Ready"));
    // Whatever is still moving comes to rest: animations, settings that are written down, the gallery's thumbnails.
    stage.until("rest", |stage| {
        let output = stage.window.output();
        let viewport = output.viewport_output.values().next().expect("a window");
        viewport.repaint_delay >= Duration::from_secs(1)
    });
}

#[test]
fn closing_in_the_middle_of_a_picture_ends_it_and_the_thread_that_draws_it() {
    let puppet = Puppet::default();
    let last = puppet.last.clone();
    let mut stage = Stage::with(puppet, |_| {});
    stage.generate(WAIT);
    stage.until_says("Canvas: preview");
    // The picture would never be finished.
    drop(stage);
    assert_eq!(std::sync::Arc::strong_count(&last), 1, "the engine is still there");
}
