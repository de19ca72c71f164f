//! The form, the dialogs and the keys.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use crate::stage::{Puppet, Stage, picture_by_another};

#[test]
fn a_prompt_that_is_too_long_says_how_much_is_read() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.type_prompt("one two three");
    stage.until_says("3 of 12 tokens");
    stage.type_prompt("1 2 3 4 5 6 7 8 9 10 11 12 13 14");
    stage.until_says("14 of 12 tokens: the part struck through isn't read");
}

#[test]
fn text_boxes_undo_and_redo() {
    let mut stage = Stage::new();
    stage.type_prompt("a fox");
    // egui keeps a state for undo once typing has rested.
    stage.window.run_steps(80);
    stage.window.event(egui::Event::Text(" and a hen".into()));
    stage.window.run_steps(80);
    assert!(stage.says("a fox and a hen"));
    stage.press(Modifiers::COMMAND, Key::Z);
    assert!(stage.says("a fox") && !stage.says("a fox and a hen"));
    stage.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(stage.says("a fox and a hen"));
}

#[test]
fn the_sampler_is_chosen_from_a_list_by_its_common_name() {
    let mut stage = Stage::new();
    stage.until_says("The model's own (DDIM)");
    stage.click("Sampler");
    stage.click("Euler a");
    stage.until("it is chosen", |stage| {
        stage.settings().kept.draft.values.sampling.scheduler.is_some_and(|kind| kind.name() == "euler-a")
    });
}

#[test]
fn a_sampler_that_the_model_cannot_use_cannot_be_chosen() {
    let mut stage = Stage::new();
    stage.until_says("The model's own (DDIM)");
    stage.click("Sampler");
    let option = stage.window.get_by_label("LCM");
    assert!(option.accesskit_node().is_disabled());
    option.scroll_to_me();
    stage.click("LCM");
    assert_eq!(stage.settings().kept.draft.values.sampling.scheduler, None);
}

#[test]
fn sizes_of_the_model_are_a_click_away_and_swap() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.click("Sizes for this model");
    stage.click("64 × 96");
    stage.until("the size", |stage| stage.settings().kept.draft.values.size.height == 96);
    stage.click("Swap sides");
    stage.until("the swap", |stage| {
        (stage.settings().kept.draft.values.size.width, stage.settings().kept.draft.values.size.height) == (96, 64)
    });
}

#[test]
fn the_shortcuts_sheet_opens_with_a_key_but_not_while_typing() {
    let mut stage = Stage::new();
    stage.type_prompt("what");
    stage.window.key_press_modifiers(Modifiers::SHIFT, Key::Questionmark);
    stage.window.step();
    stage.window.step();
    assert!(!stage.says("Keyboard shortcuts"));
    stage.press(Modifiers::NONE, Key::Escape);
    stage.press(Modifiers::SHIFT, Key::Questionmark);
    assert!(stage.says("Keyboard shortcuts"));
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until("it is closed", |stage| !stage.says("Keyboard shortcuts"));
}

#[test]
fn a_dropped_picture_shows_what_would_change_before_it_does() {
    let mut stage =
        Stage::with(Puppet::default(), |settings| settings.kept.draft.values.prompts.prompt = "mine".into());
    stage.until_says("Ready");
    let text =
        "a castle at dawn\nNegative prompt: blurry\nSteps: 25, Sampler: Euler a, CFG scale: 6, Seed: 99, Size: 512x768";
    let path = picture_by_another(stage.folder.path(), text);
    drop_file(&mut stage, path);
    stage.until_says("Settings of a picture by AUTOMATIC1111");
    assert!(stage.says("now: mine") && stage.says("then: a castle at dawn") && stage.says("then: 512 × 768"));
    assert_eq!(stage.settings().kept.draft.values.prompts.prompt, "mine", "nothing has changed yet");
    stage.settle();
    stage.window.get_by_role_and_label(Role::CheckBox, "Seed").click();
    stage.click("Take over");
    stage.until("it is taken over", |stage| stage.settings().kept.draft.values.prompts.prompt == "a castle at dawn");
    let draft = stage.settings().kept.draft;
    assert_eq!(
        (
            draft.values.sampling.steps,
            draft.values.size.width,
            draft.values.size.height,
            draft.values.prompts.negative_prompt.as_str()
        ),
        (25, 512, 768, "blurry")
    );
    assert!(!draft.seed_locked, "the seed wasn't wanted");
}

#[test]
fn a_drop_that_is_cancelled_changes_nothing() {
    let mut stage =
        Stage::with(Puppet::default(), |settings| settings.kept.draft.values.prompts.prompt = "mine".into());
    let before = stage.settings().kept.draft;
    let path = picture_by_another(stage.folder.path(), "a castle\nSteps: 25, Sampler: Euler a, CFG scale: 6, Seed: 99");
    drop_file(&mut stage, path);
    stage.until_says("then: a castle");
    stage.click("Cancel");
    assert_eq!(stage.settings().kept.draft.values.prompts.prompt, before.values.prompts.prompt);
}

#[test]
fn settings_are_changed_in_their_window() {
    let mut stage = Stage::new();
    stage.press(Modifiers::COMMAND, Key::Comma);
    stage.until_says("Folder for pictures");
    stage.click("Light");
    stage.type_into("File names", "{seed}");
    stage.click("Close");
    stage.until("they are written down", |stage| {
        stage.settings().theme == burnisher::session::settings::Theme::Light
            && stage.settings().name_pattern.0 == "{seed}"
    });
}

#[test]
fn copies_are_saved_without_a_dialog_side_by_side_and_can_leave_the_settings_out() {
    for (strip, texts) in [(false, 3), (true, 0)] {
        let saved = tempfile::tempdir().expect("a folder");
        let mut stage = Stage::with(Puppet::default(), |settings| {
            settings.strip_metadata = strip;
            settings.save_folder = Some(saved.path().to_owned());
        });
        stage.generate("a fox");
        stage.until("it is shown", |stage| stage.pictures().len() == 1 && stage.says("Canvas: a fox"));
        let picture = stage.pictures()[0].clone();
        let name = picture.file_stem().expect("a name").to_string_lossy();
        for end in ["", "-2"] {
            let copy = saved.path().join(format!("{name}{end}.png"));
            stage.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
            stage.until("the copy is there", |_| copy.exists());
            let file = std::io::BufReader::new(std::fs::File::open(&copy).expect("a copy"));
            let found = burnisher::content::imaging::png_text::read_texts(file).expect("a PNG").len();
            assert_eq!(found, texts, "{}", copy.display());
            assert_eq!(image::open(copy).expect("a PNG"), image::open(&picture).expect("a PNG"));
        }
    }
}

#[test]
fn a_pasted_text_of_another_app_shows_what_would_change() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.press(Modifiers::NONE, Key::Escape);
    let text = "a castle at dawn\nSteps: 25, Sampler: Euler a, CFG scale: 6, Seed: 99, Size: 512x768";
    stage.window.event(egui::Event::Paste(text.to_owned()));
    stage.until_says("then: a castle at dawn");
}

#[test]
fn a_dropped_folder_of_a_model_is_opened() {
    let mut stage = Stage::new();
    let model = stage.folder.path().join("my-model");
    std::fs::create_dir(&model).expect("a folder");
    std::fs::write(model.join("model_index.json"), "{}").expect("a file");
    drop_file(&mut stage, model);
    stage.until("it is the model", |stage| stage.settings().model.to_string().ends_with("my-model"));
}

#[test]
fn who_opens_the_window_can_type_at_once() {
    let mut stage = Stage::new();
    stage.window.step();
    stage.window.event(egui::Event::Text("a fox".into()));
    stage.until("it is in the prompt", |stage| stage.settings().kept.draft.values.prompts.prompt == "a fox");
}

/// Drops a file on the window.
fn drop_file(stage: &mut Stage, path: std::path::PathBuf) {
    stage.window.input_mut().dropped_files.push(crate::bad_input::dropped(path));
    stage.window.step();
}

#[test]
fn the_caret_stays_in_a_text_of_any_script() {
    for (text, typed, corrected) in [("עדד 123 שלום", "עדד 123 ש|לום", "+עדד 123 ש|לו"), ("มทำที่นี่", "ม|ทำที่นี่", "+ม|ทำที่")]
    {
        let mut stage = Stage::new();
        stage.until_says("Ready");
        // No font for them is built in; the letters are counted all the same.
        stage.window.ctx.set_missing_glyph_policy(egui::MissingGlyphPolicy::Tofu);
        stage.type_prompt(text);
        stage.press(Modifiers::NONE, Key::End);
        for _ in 0..3 {
            stage.press(Modifiers::NONE, Key::ArrowLeft);
        }
        stage.window.event(egui::Event::Text("|".to_owned()));
        stage.until_says(typed);
        stage.press(Modifiers::NONE, Key::ArrowDown);
        stage.press(Modifiers::NONE, Key::End);
        stage.press(Modifiers::NONE, Key::Backspace);
        stage.press(Modifiers::NONE, Key::Home);
        stage.window.event(egui::Event::Text("+".to_owned()));
        stage.until_says(corrected);
    }
}
