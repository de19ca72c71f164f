//! Tasks that begin with a picture, as the form offers them.

use std::path::PathBuf;
use std::sync::Arc;

use burnisher::content::request::{ImageRef, Mask, Task, TaskKind};
use burnisher::storage::gallery::read_recipe;
use burnisher::storage::recipe::local_files::LocalFiles;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use image::{GrayImage, Luma, RgbImage};

use crate::bad_input::dropped;
use crate::stage::{DEEP, FLAGGED, Puppet, Stage};

/// A stage whose form has this task, and a picture of 101 x 70 pixels in its folder.
fn stage_for(task: TaskKind) -> (Stage, PathBuf) {
    let mut stage = Stage::with(Puppet::default(), |settings| settings.kept.draft.start.task = task);
    stage.until_says("Ready");
    let path = stage.folder.path().join("begin.png");
    RgbImage::from_pixel(101, 70, image::Rgb([9, 90, 200])).save(&path).expect("written");
    (stage, path)
}

#[test]
fn a_dropped_picture_is_what_image_to_image_begins_with_and_gives_the_size() {
    let (mut stage, path) = stage_for(TaskKind::ImageToImage);
    stage.window.input_mut().dropped_files.push(dropped(path.clone()));
    stage.until_says("begin.png, 101 × 70");
    stage.type_prompt("a fox");
    stage.click("Generate");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
    let mut recipe = read_recipe(&stage.pictures()[0]).expect("a PNG").expect("a recipe");
    let image = recipe.request.start.task.image().expect("a picture").clone();
    assert!(image.hash.is_some() && image.hint.is_none(), "{image:?}: the file tells no place on this machine");
    let known = LocalFiles::at(stage.folder.path().join("local-files.jsonl"));
    assert!(known.locate(&mut recipe.request, path.parent()), "it is found by its content");
    assert_eq!(
        recipe.request.start.task,
        Task::ImageToImage { image: ImageRef { hint: Some(path), ..image }, strength: 0.8 }
    );
    assert_eq!((recipe.request.size.width, recipe.request.size.height), (96, 64), "as near as the model draws well");
}

#[test]
fn a_pasted_picture_is_kept_and_begun_with() {
    let (mut stage, _) = stage_for(TaskKind::TextToImage);
    let pixels = egui::ColorImage::filled([16, 8], egui::Color32::from_gray(120));
    stage.window.event(egui::Event::PasteImage(Arc::new(pixels)));
    stage.until_says("16 × 8");
    stage
        .until("a task that begins with one", |stage| stage.settings().kept.draft.start.task == TaskKind::ImageToImage);
    let draft = stage.settings().kept.draft;
    let kept = image::open(draft.start.image.expect("a file")).expect("a PNG").to_rgb8();
    assert_eq!((kept.dimensions(), kept.get_pixel(3, 3).0), ((16, 8), [120; 3]));
}

#[test]
fn the_picture_on_the_canvas_is_a_key_away_and_stays_when_the_task_changes() {
    let (mut stage, _) = stage_for(TaskKind::TextToImage);
    stage.generate("a fox");
    stage.until_says("Canvas: a fox");
    stage.press(Modifiers::COMMAND, Key::I);
    stage.until_says("Image to image");
    let drawn = stage.pictures()[0].clone();
    stage.until("it is chosen", |stage| stage.settings().kept.draft.start.image.as_ref() == Some(&drawn));
    stage.click("Task");
    stage.click("Text to image");
    stage.click("Task");
    stage.click("Image to image");
    stage.until("the same task again", |stage| stage.settings().kept.draft.start.task == TaskKind::ImageToImage);
    assert_eq!(stage.settings().kept.draft.start.image, Some(drawn));
}

#[test]
fn without_a_picture_the_form_says_what_is_missing() {
    let (mut stage, _) = stage_for(TaskKind::ImageToImage);
    assert!(stage.says("No picture is chosen yet"));
    stage.click("Generate");
    stage.until_says("Image to image begins with a picture: choose one");
    assert!(stage.pictures().is_empty());
}

#[test]
fn a_file_that_is_no_picture_is_told_beside_its_name() {
    let (mut stage, path) = stage_for(TaskKind::ImageToImage);
    std::fs::write(&path, b"no picture").expect("written");
    stage.window.input_mut().dropped_files.push(dropped(path));
    stage.until("what is wrong", |stage| stage.says("⚠") && stage.says("begin.png"));
}

#[test]
fn a_task_that_the_model_cannot_do_names_a_model_that_can() {
    let (mut stage, _) = stage_for(TaskKind::TextToImage);
    stage.click("Task");
    let option = stage.window.get_by_label("Depth to image");
    assert!(option.accesskit_node().is_disabled());
    option.hover();
    stage.until_says("a depth model, such as Stable Diffusion 2 Depth");
}

#[test]
fn noise_levels_follow_the_schedule_and_are_told_in_words() {
    let (mut stage, _) = stage_for(TaskKind::TextToImage);
    stage.click("Sampler");
    stage.click("Euler");
    stage.until_says("Noise levels: 12 steps from 157.407 to 0.000");
    stage.click("Schedule");
    stage.click("Karras");
    stage.until("the form takes it", |stage| {
        stage.settings().kept.draft.values.sampling.options.sigma_schedule.is_some()
    });
    stage.until_says("Noise levels: 12 steps");
    stage.click("Sampler");
    stage.click("DDPM");
    stage.until("DDPM has none", |stage| stage.settings().kept.draft.values.sampling.options.sigma_schedule.is_none());
}

#[test]
fn timesteps_of_ones_own_are_taken_or_told_why_not() {
    let (mut stage, _) = stage_for(TaskKind::TextToImage);
    stage.click("Sampler");
    stage.click("Euler");
    stage.window.get_by_label("Advanced").scroll_to_me();
    stage.click("Advanced");
    let field = |stage: &Stage| {
        let fields = stage.window.query_all_by_label("Timesteps");
        fields.into_iter().any(|node| node.accesskit_node().role() == Role::TextInput)
    };
    stage.until("the field", field);
    stage.type_into("Timesteps", "900, 500, 700");
    stage.until_says("The timesteps must fall, and 700 comes after 500");
    stage.type_into("Timesteps", "900 500 100");
    stage.until_says("Noise levels: 3 steps");
    let taken = Some(vec![900.0, 500.0, 100.0]);
    stage.until("they are taken", |stage| stage.settings().kept.draft.values.sampling.options.timesteps == taken);
}

#[test]
fn a_picture_that_the_safety_checker_flagged_is_blurred_until_it_is_asked_for() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.generate("a fox");
    stage.until_says("Canvas: a fox");
    assert!(!stage.says("Blurred"), "this one wasn't flagged");
    stage.generate(FLAGGED);
    stage.until_says("Blurred: the safety checker flagged this picture (score 0.031)");
    let recipe = stage
        .pictures()
        .iter()
        .filter_map(|path| read_recipe(path).expect("a PNG"))
        .find(|recipe| recipe.verdict.is_some());
    let verdict = recipe.expect("the file says so").verdict.expect("a verdict");
    assert!(verdict.flagged);
    stage.click("Show it");
    stage.until("the picture", |stage| !stage.says("Blurred"));
}

#[test]
fn the_depth_map_that_a_picture_was_drawn_by_is_shown_and_the_picture_again() {
    let mut stage = Stage::new();
    stage.generate("a fox");
    stage.until_says("Canvas: a fox");
    let toggle = |stage: &mut Stage| {
        stage.click("More");
        stage.click("Depth map");
    };
    toggle(&mut stage);
    stage.until_says("This picture has no depth map");
    stage.generate(DEEP);
    stage.until_says("Canvas: deep");
    toggle(&mut stage);
    stage.until_says("32 × 16");
    toggle(&mut stage);
    stage.until_says("64 × 64");
}

#[test]
fn an_inpainted_pictures_settings_come_back_with_its_mask() {
    let (stage, path) = stage_for(TaskKind::Inpaint);
    let mask = Mask::new(GrayImage::from_fn(101, 70, |x, _| Luma([if x < 50 { 255 } else { 0 }])));
    let mut settings = stage.settings();
    (settings.kept.draft.start.image, settings.kept.draft.start.inpaint.mask) = (Some(path), mask.clone());
    settings.kept.draft.values.prompts.prompt = "a fox".into();
    let folder = stage.close();
    settings.write(&folder.path().join("settings.json"));
    let mut stage = Stage::open(folder, Puppet::default());
    stage.until_says("begin.png, 101 × 70");
    stage.click("Generate");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
    stage.until_says("a fox, picture 1 of 1");
    // Another mask, and then the picture's own again.
    stage.click("Task");
    stage.click("Text to image");
    stage.click("a fox, picture 1 of 1");
    stage.click("Reuse all settings");
    stage.click("Take over");
    stage.until("the task", |stage| stage.settings().kept.draft.start.task == TaskKind::Inpaint);
    assert_eq!(stage.settings().kept.draft.start.inpaint.mask, mask);
}
