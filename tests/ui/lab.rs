//! The lab: one picture in several ways, side by side.

use burnisher::schedulers::SchedulerKind;
use burnisher::storage::gallery::read_recipe;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use crate::stage::{Puppet, Stage, WAIT};

/// A lab that was started for this prompt.
fn started(prompt: &str) -> Stage {
    started_on(Stage::new(), prompt)
}

fn started_on(mut stage: Stage, prompt: &str) -> Stage {
    stage.until_says("Ready");
    stage.type_prompt(prompt);
    stage.press(Modifiers::COMMAND, Key::L);
    stage.until_says("Draw the picture in up to four ways at once");
    stage.click("Start");
    stage
}

#[test]
fn four_samplers_are_compared_and_the_one_that_is_picked_fills_the_form() {
    let mut stage = started("a fox");
    stage.until_says("Pick one to go on with");
    let pictures = stage.pictures();
    let recipes: Vec<_> = pictures.iter().map(|path| read_recipe(path).expect("a PNG").expect("a recipe")).collect();
    assert_eq!(recipes.len(), 4);
    let mut samplers: Vec<_> = recipes.iter().filter_map(|recipe| recipe.request.sampling.scheduler).collect();
    samplers.sort_by_key(|kind| kind.name());
    samplers.dedup();
    assert_eq!(samplers.len(), 4, "each has a sampler of its own");
    assert!(recipes.iter().all(|recipe| recipe.request.seeds.first == recipes[0].request.seeds.first));
    stage.click("Use DPM++ 2M Karras · 12 steps · guidance 4");
    stage.until_says("Canvas: a fox");
    assert!(!stage.says("Pick one to go on with"));
    stage.press(Modifiers::COMMAND, Key::Enter);
    stage.until("a fifth picture", |stage| stage.pictures().len() == 5);
    let path = stage.pictures().into_iter().find(|path| !pictures.contains(path)).expect("the fifth");
    let request = read_recipe(&path).expect("a PNG").expect("a recipe").request;
    assert_eq!(request.sampling.scheduler.map(SchedulerKind::name), Some("dpm++2m-karras"));
    assert_eq!(request.seeds.first, recipes[0].request.seeds.first, "the seed is the lab's");
}

#[test]
fn step_counts_are_compared_and_rows_can_be_added_and_left_out() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.type_prompt("a hen");
    stage.press(Modifiers::COMMAND, Key::L);
    stage.until_says("Draw the picture in up to four ways at once");
    // The form's own slider has the same name.
    let tab = stage.window.get_all_by_label("Steps").find(|node| node.accesskit_node().role() == Role::Button);
    tab.expect("what is compared").click();
    stage.settle();
    stage.click("Leave out number 4");
    stage.click("Start");
    stage.until_says("Pick one to go on with");
    for steps in ["3 steps", "6 steps", "12 steps"] {
        assert!(stage.says(&format!("DDIM · {steps} · guidance 4: finished")), "{steps}");
    }
    stage.click("Close the lab");
    assert!(!stage.says("Pick one to go on with"));
    assert_eq!(stage.pictures().len(), 3, "closing it loses nothing");
}

#[test]
fn a_lab_that_is_stopped_says_so_and_can_be_closed() {
    let mut stage = started(WAIT);
    stage.until_says(" of 1000");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until_says("guidance 4: stopped");
    stage.click("Close the lab");
    assert!(stage.says("Canvas: no picture yet"));
}

#[test]
fn in_a_small_window_the_words_of_the_lab_make_room_for_its_buttons() {
    let small = Stage::open_sized(Stage::new().close(), Puppet::default(), [900.0, 600.0]);
    let mut stage = started_on(small, "a fox");
    stage.until_says("Pick one to go on with");
    stage.settle();
    let place = |label| stage.window.get_by_label(label).rect();
    assert!(place("Pick one to go on with").right() <= place("Save the sheet…").left());
}

#[test]
fn a_comparison_larger_than_a_texture_shows_its_previews_and_its_pictures() {
    let mut stage = Stage::with(Puppet::default(), |settings| {
        let draft = &mut settings.kept.draft;
        (draft.values.size.width, draft.values.size.height, draft.untouched) = (8200, 8, false);
    });
    stage.until_says("Ready");
    stage.type_prompt("a fox");
    stage.press(Modifiers::COMMAND, Key::L);
    stage.until_says("Draw the picture in up to four ways at once");
    stage.click("Start");
    stage.until_says("step ");
    stage.window.render().expect("a texture holds it");
    stage.until_says("Pick one to go on with");
    stage.settle();
    stage.window.render().expect("a texture holds it");
}
