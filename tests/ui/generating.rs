//! From a prompt to a picture, and everything that can be done on the way.

use burnisher::storage::gallery::read_recipe;
use egui::{Key, Modifiers};

use crate::stage::{DEEP, FAIL, PANIC, Stage, WAIT};

#[test]
fn a_typed_prompt_becomes_a_picture_with_its_recipe() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.type_prompt("a fox in flat style");
    stage.click("Generate");
    stage.until("the finished picture", |stage| stage.says("Canvas: a fox in flat style") && stage.says("Ready"));
    let pictures = stage.pictures();
    assert_eq!(pictures.len(), 1);
    let recipe = read_recipe(&pictures[0]).expect("a PNG").expect("with a recipe");
    let request = recipe.request;
    assert_eq!(
        (request.prompts.prompt.as_str(), request.size.width, request.sampling.steps),
        ("a fox in flat style", 64, 12)
    );
    assert_eq!(request.guidance.scale.to_bits(), 4.0_f64.to_bits(), "what the model recommends");
}

#[test]
fn the_first_picture_is_one_click_away() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.click("a rocket in flat style");
    stage.until("the picture", |stage| stage.says("Canvas: a rocket in flat style"));
}

#[test]
fn progress_is_shown_in_words_and_previews_follow_the_steps() {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    let mut seen = std::collections::HashSet::new();
    stage.until("five previews", |stage| {
        seen.extend(stage.texts().into_iter().filter(|text| text.starts_with("Canvas: preview after step")));
        seen.len() >= 5
    });
    stage.until_says("Step ");
    stage.until_says("it/s");
    stage.until_says(" left");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until_says("Stopped");
}

#[test]
fn stop_ends_the_running_one_keeps_its_preview_and_the_next_begins() {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    stage.until_says("Canvas: preview after step");
    stage.generate("a fox");
    stage.until_says("Generate (1 waiting)");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until_says("Stopped");
    assert!(stage.says("Canvas: "), "the last preview stays");
    stage.until("the next picture", |stage| stage.pictures().len() == 1);
    stage.until_says("Canvas: a fox");
}

#[test]
fn escape_closes_a_menu_before_it_stops_a_picture() {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    stage.until_says("Canvas: preview after step");
    stage.click("More");
    assert!(stage.says("Open the folder"));
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until("the menu closed", |stage| !stage.says("Open the folder"));
    assert!(!stage.says("Stopp"), "the picture goes on");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until_says("Stopped");
}

#[test]
fn what_waits_can_be_moved_and_removed_by_name() {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    stage.until_says("Stop");
    for prompt in ["first", "second", "third"] {
        stage.generate(prompt);
    }
    stage.until_says("Generate (3 waiting)");
    stage.click("Draw next: third");
    stage.click("Remove from the queue: second");
    stage.until_says("Generate (2 waiting)");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until("both pictures", |stage| stage.pictures().len() == 2 && stage.says("Ready"));
    let order: Vec<String> = stage
        .pictures()
        .iter()
        .map(|path| read_recipe(path).expect("a PNG").expect("a recipe").request.prompts.prompt)
        .collect();
    assert_eq!(order, ["third", "first"]);
}

#[test]
fn ctrl_shift_enter_puts_a_picture_before_the_others() {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    stage.until_says("Canvas: preview");
    stage.generate("later");
    stage.type_prompt("sooner");
    stage.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until("the pictures", |stage| stage.pictures().len() == 2);
    let first = read_recipe(&stage.pictures()[0]).expect("a PNG").expect("a recipe");
    assert_eq!(first.request.prompts.prompt, "sooner");
}

#[test]
fn a_failure_says_why_and_what_to_do_and_the_rest_goes_on() {
    let mut stage = Stage::new();
    stage.generate(WAIT);
    stage.until_says("Canvas: preview");
    stage.generate(FAIL);
    stage.generate("a fox");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until_says("The request doesn't fit");
    assert!(stage.says("Make it smaller"));
    stage.until("the next picture", |stage| stage.pictures().len() == 1);
    stage.until_says("It failed; try again: fail");
    stage.click("Remove from the queue: fail");
    stage.click("Dismiss");
    assert!(!stage.says("The request doesn't fit"));
}

#[test]
fn the_engines_panic_is_told_and_the_next_picture_comes() {
    let mut stage = Stage::new();
    stage.generate(PANIC);
    stage.until_says("The engine broke down: the device was lost");
    stage.generate("a fox");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
}

#[test]
fn several_pictures_come_from_seeds_in_a_row() {
    let mut stage = Stage::with(crate::stage::Puppet::default(), |settings| {
        settings.kept.draft.values.seeds.count = 3;
        (settings.kept.draft.values.seeds.first, settings.kept.draft.seed_locked) = (10, true);
    });
    stage.generate("a fox");
    stage.until_says("Picture 2 of 3");
    stage.until("three pictures", |stage| stage.pictures().len() == 3);
    let seeds: Vec<u64> = stage
        .pictures()
        .iter()
        .map(|path| read_recipe(path).expect("a PNG").expect("a recipe").request.seeds.first)
        .collect();
    assert_eq!(seeds, [10, 11, 12]);
}

#[test]
fn an_unlocked_seed_changes_with_every_click() {
    let mut stage = Stage::new();
    stage.generate("a fox");
    stage.generate("a fox");
    stage.until("both pictures", |stage| stage.pictures().len() == 2);
    let seeds: Vec<u64> = stage
        .pictures()
        .iter()
        .map(|path| read_recipe(path).expect("a PNG").expect("a recipe").request.seeds.first)
        .collect();
    assert_ne!(seeds[0], seeds[1]);
}

#[test]
fn the_canvas_follows_what_is_drawn_unless_another_picture_is_looked_at() {
    let mut stage = Stage::new();
    stage.generate("a fox");
    stage.generate("a hen");
    stage.until("both pictures", |stage| stage.pictures().len() == 2);
    stage.until_says("Canvas: a hen");
    stage.generate(WAIT);
    stage.until_says("Canvas: preview");
    stage.until_says("a fox, picture 2 of 2");
    stage.click("a fox, picture 2 of 2");
    stage.until_says("Canvas: a fox");
    stage.until_says("Step ");
    assert!(stage.says("Canvas: a fox"), "previews leave it alone");
    stage.click("Watch");
    stage.until_says("Canvas: preview");
}

/// Text and keys as a slow frame brings them: all at once.
fn at_once(stage: &mut Stage, events: &[(&str, bool)]) {
    for (text, repeat) in events {
        let event = |pressed| egui::Event::Key {
            key: Key::Enter,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers: Modifiers::COMMAND,
        };
        let events = &mut stage.window.input_mut().events;
        if !text.is_empty() {
            events.push(egui::Event::Text((*text).to_owned()));
        }
        events.push(event(true));
        if !repeat {
            events.push(event(false));
        }
    }
    stage.settle();
}

fn prompts(stage: &Stage) -> Vec<String> {
    let recipe = |path: &std::path::PathBuf| read_recipe(path).expect("a PNG").expect("a recipe");
    stage.pictures().iter().map(|path| recipe(path).request.prompts.prompt).collect()
}

#[test]
fn what_is_typed_between_two_requests_of_one_frame_goes_into_the_second() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.type_prompt("a");
    at_once(&mut stage, &[(" fox", false), (" and a hen", false), ("", false)]);
    stage.until("three pictures", |stage| stage.pictures().len() == 3);
    assert_eq!(prompts(&stage), ["a fox", "a fox and a hen", "a fox and a hen"]);
}

#[test]
fn keys_that_are_held_down_ask_for_one_picture() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.type_prompt("a fox");
    at_once(&mut stage, &[("", true), ("", true), ("", true), ("", false)]);
    stage.generate("a hen");
    stage.until("both pictures", |stage| stage.pictures().len() == 2 && stage.says("Ready"));
    assert_eq!(prompts(&stage), ["a fox", "a hen"]);
}

#[test]
fn a_drawing_larger_than_a_texture_shows_its_previews_and_its_picture() {
    let mut stage = Stage::with(crate::stage::Puppet::default(), |settings| {
        let draft = &mut settings.kept.draft;
        (draft.values.size.width, draft.values.size.height, draft.untouched) = (8200, 8, false);
    });
    stage.generate(WAIT);
    stage.until_says("Canvas: preview");
    stage.window.render().expect("a texture holds it");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.generate(DEEP);
    stage.until_says("Canvas: deep");
    stage.until("its size", |stage| stage.says("8200 × 8"));
    stage.window.render().expect("a texture holds it");
}
