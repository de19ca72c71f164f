//! Which model is in use, and how much memory it takes: what the window says while models come and go.

use std::sync::atomic::Ordering;

use burnisher::base::device::{DeviceChoice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::worker::{self, Footprint, Host};
use egui_kittest::kittest::Queryable;

use crate::stage::{Puppet, Stage};

fn other() -> ModelRef {
    ModelRef::Folder("/models/other".into())
}

/// A window with the bundled model loaded, in which the other one was asked for.
fn asked_for_other(puppet: Puppet) -> Stage {
    let mut stage = Stage::with(puppet, |settings| settings.recent_models = vec![other()]);
    stage.until_says("Ready");
    stage.click("Model");
    stage.click("other");
    stage
}

/// The bundled model is in use: the form says so, and draws with it.
fn assert_bundled_is_in_use(stage: &mut Stage) {
    stage.until("the form's model", |stage| stage.settings().model == ModelRef::Bundled);
    stage.until_says("Ready");
    assert!(stage.says("Pictogram 64 (bundled)"));
    stage.generate("a fox");
    stage.until("the picture", |stage| stage.pictures().len() == 1 && stage.says("Canvas: a fox"));
    let recipe = burnisher::storage::gallery::read_recipe(&stage.pictures()[0]).expect("a PNG").expect("a recipe");
    assert_eq!(recipe.model, "bundled");
}

#[test]
fn a_model_that_cannot_be_opened_leaves_the_one_in_use() {
    let mut stage = asked_for_other(Puppet { breaks: Some(other()), ..Puppet::default() });
    stage.until_says("The weights are damaged");
    assert_bundled_is_in_use(&mut stage);
}

#[test]
fn a_model_that_had_to_make_room_comes_back_for_the_next_picture() {
    let mut stage = asked_for_other(Puppet { breaks: Some(other()), is_tight: true, ..Puppet::default() });
    stage.until_says("Pictogram 64 (bundled) was unloaded: the memory doesn't hold both models");
    stage.until_says("The weights are damaged");
    stage.until_says("No model is loaded");
    stage.until("the form's model", |stage| stage.settings().model == ModelRef::Bundled);
    stage.generate("a fox");
    stage.until("the picture", |stage| stage.pictures().len() == 1 && stage.says("Canvas: a fox"));
    assert!(stage.says("Ready"));
}

#[test]
fn a_load_that_is_stopped_leaves_the_one_in_use() {
    let mut stage = asked_for_other(Puppet { stays: Some(other()), ..Puppet::default() });
    stage.until_says("Loading unet (1/1)");
    stage.click("Stop loading");
    stage.until_says("Loading stopped");
    assert_bundled_is_in_use(&mut stage);
}

#[test]
fn a_model_that_opens_takes_the_place_of_the_one_in_use() {
    let mut stage = asked_for_other(Puppet::default());
    stage.until("the other model", |stage| stage.settings().model == other() && stage.says("Ready"));
    assert!(!stage.says("Pictogram 64 (bundled)"));
}

#[test]
fn a_model_whose_name_reads_as_another_kind_is_loaded_once() {
    let puppet = Puppet::default();
    let opened = puppet.opened.clone();
    // A folder that is called as files are.
    let odd = ModelRef::Folder("/models/odd.safetensors".into());
    let kept = odd.clone();
    let mut stage = Stage::with(puppet, |settings| settings.model = kept);
    stage.generate("a fox");
    stage.until("the picture", |stage| stage.pictures().len() == 1 && stage.says("Canvas: a fox"));
    assert!(stage.says("Ready"));
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    assert_eq!(stage.settings().model, odd);
}

#[test]
fn a_model_that_has_nothing_to_do_is_unloaded_and_comes_back_for_the_next_picture() {
    let mut stage = Stage::with(Puppet::default(), |settings| settings.unload_after_minutes = 0.001);
    stage.until_says("The model's memory is free");
    stage.until_says("No model is loaded");
    stage.generate("a fox");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
    stage.until_says("No model is loaded");
}

/// What the bundled model takes where there are only so many bytes.
fn limited(bytes: u64) -> Footprint {
    let host =
        Host { device: DeviceChoice::Cpu, dtype: DtypeChoice::F32, memory_limit: Some(bytes), ..Host::default() };
    worker::inspect(&ModelRef::Bundled, host).expect("it is built in").footprint.expect("it can be used")
}

#[test]
fn what_will_not_fit_is_said_beside_the_size_as_soon_as_the_form_asks_for_it() {
    let room = limited(80_000_000);
    let puppet = Puppet { footprint: Some(room), ..Puppet::default() };
    let mut stage = Stage::with(puppet, |settings| {
        (
            settings.kept.draft.values.size.width,
            settings.kept.draft.values.size.height,
            settings.kept.draft.untouched,
        ) = (64, 64, false);
    });
    stage.until_says("Ready");
    stage.settle();
    assert!(!stage.says("fit"), "a plain fit isn't worth a word: {:?}", stage.texts());
    stage.click("Sizes for this model");
    stage.click("64 × 96");
    stage.window.get_by_label("Height").click();
    stage.settle();
    stage.window.event(egui::Event::Text("2048".into()));
    stage.press(egui::Modifiers::NONE, egui::Key::Enter);
    stage.until("the warning", |stage| stage.texts().iter().any(|text| text.starts_with("⚠ Won't fit: choose ")));
}
