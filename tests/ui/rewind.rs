//! Looking back at the steps of a picture, and going on from one of them.

use burnisher::storage::gallery::read_recipe;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use crate::stage::Stage;

#[test]
fn the_steps_of_a_picture_are_looked_at_and_gone_on_from_with_other_words() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.generate("a fox");
    stage.until_says("Canvas: a fox");
    stage.until_says("Ready");
    stage.press(Modifiers::COMMAND, Key::K);
    stage.until_says("Go on from here");
    // The slider, by keys: from the last step back to the fourth.
    let is_slider = |node: &egui_kittest::Node<'_>| node.accesskit_node().role() == Role::Slider;
    stage.window.query_all_by_label("Step").find(is_slider).expect("the slider").focus();
    for _ in 0..8 {
        stage.press(Modifiers::NONE, Key::ArrowLeft);
    }
    stage.until_says("Canvas: preview after step 4 of 12");
    stage.click("Go on from here");
    stage.until_says("Goes on from step 4 of “a fox”");
    stage.generate("a hen");
    stage.until("the second picture", |stage| stage.pictures().len() == 2);
    let recipes: Vec<_> = stage.pictures().iter().filter_map(|path| read_recipe(path).expect("a PNG")).collect();
    let hen = recipes.iter().find(|recipe| recipe.request.prompts.prompt == "a hen").expect("the second");
    let branch = hen.request.start.branch.as_ref().expect("it goes on from the first");
    assert_eq!((branch.step, branch.from.prompts.prompt.as_str()), (4, "a fox"));
    assert_eq!(branch.from.seeds.first, hen.request.seeds.first, "the same noise");
    stage.click("Don't go on from another run");
    stage.until("it begins from the start", |stage| stage.settings().kept.draft.values.start.branch.is_none());
}

#[test]
fn without_a_picture_there_is_nothing_to_look_back_at() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.press(Modifiers::COMMAND, Key::K);
    stage.settle();
    assert!(!stage.says("Go on from here"));
}
