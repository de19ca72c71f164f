//! Painting a mask on the canvas, with the pointer and by commands.

use burnisher::content::request::{Inpaint, Margins, Mask, Task, TaskKind};
use burnisher::storage::gallery::read_recipe;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect};
use egui_kittest::kittest::Queryable;
use image::{GrayImage, Luma, RgbImage};

use crate::on_disk::OnDisk;
use crate::stage::{Puppet, Stage};

/// The side of the picture that is painted on.
const SIDE: u32 = 64;
const CANVAS: &str = "Canvas: the mask on base.png";

/// A window on a picture, whose form is about its mask.
fn stage(change: impl FnOnce(&mut OnDisk)) -> Stage {
    let mut stage = Stage::with(Puppet::default(), |settings| {
        // The folder for pictures is one of the stage's own folder.
        let path = settings.output_folder.with_file_name("base.png");
        RgbImage::from_fn(SIDE, SIDE, |x, y| image::Rgb([x as u8 * 3, y as u8 * 3, 90])).save(&path).expect("written");
        (settings.kept.draft.start.task, settings.kept.draft.start.image) = (TaskKind::Inpaint, Some(path));
        settings.kept.draft.untouched = false;
        (settings.kept.draft.values.size.width, settings.kept.draft.values.size.height) = (64, 64);
        settings.painting.brush.diameter = 10.0;
        settings.painting.brush.hardness = 1.0;
        change(settings);
    });
    stage.until_says(CANVAS);
    // The prompt's keys become the tools'.
    stage.press(Modifiers::NONE, Key::Escape);
    stage.settle();
    stage
}

/// Where the picture is seen: fitted into the canvas.
fn picture(stage: &Stage) -> Rect {
    let room = stage.window.get_by_label(CANVAS).rect();
    let side = room.width().min(room.height()) - 16.0;
    Rect::from_center_size(room.center(), egui::Vec2::splat(side))
}

/// A place of the screen, from one of the picture in pixels.
fn at(stage: &Stage, x: f32, y: f32) -> Pos2 {
    let picture = picture(stage);
    picture.min + egui::vec2(x, y) * picture.width() / SIDE as f32
}

fn button(stage: &mut Stage, pos: Pos2, pressed: bool, modifiers: Modifiers) {
    stage.window.event(Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers });
    stage.window.step();
}

/// Presses, moves through the points and lets go.
fn stroke(stage: &mut Stage, points: &[[f32; 2]], modifiers: Modifiers) {
    let points: Vec<Pos2> = points.iter().map(|[x, y]| at(stage, *x, *y)).collect();
    stage.window.event(Event::PointerMoved(points[0]));
    stage.window.step();
    button(stage, points[0], true, modifiers);
    for point in &points[1..] {
        stage.window.event(Event::PointerMoved(*point));
        stage.window.step();
    }
    button(stage, points[points.len() - 1], false, modifiers);
    stage.settle();
}

/// Waits until the mask on disk is as wanted.
fn until_mask(stage: &mut Stage, what: &str, seen: impl Fn(&GrayImage) -> bool) {
    stage.until(what, |stage| seen(stage.settings().kept.draft.start.inpaint.mask.pixels()));
}

fn pixel(mask: &GrayImage, x: u32, y: u32) -> u8 {
    mask.get_pixel_checked(x, y).map_or(0, |pixel| pixel.0[0])
}

fn count(mask: &GrayImage) -> usize {
    mask.as_raw().iter().filter(|pixel| **pixel >= 128).count()
}

#[test]
fn a_stroke_goes_where_the_pointer_went_and_into_the_job_and_its_picture() {
    let mut stage = stage(|_| {});
    stroke(&mut stage, &[[16.0, 32.0], [30.0, 32.0], [48.0, 32.0]], Modifiers::NONE);
    until_mask(&mut stage, "the stroke", |mask| {
        mask.dimensions() == (SIDE, SIDE)
            && [pixel(mask, 16, 32), pixel(mask, 32, 32), pixel(mask, 48, 32)] == [255; 3]
            && [pixel(mask, 32, 25), pixel(mask, 32, 38), pixel(mask, 9, 32), pixel(mask, 54, 32)] == [0; 4]
    });
    stage.generate("a blue fox");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
    let recipe = read_recipe(&stage.pictures()[0]).expect("a PNG").expect("with a recipe");
    let Task::Inpaint(inpaint) = recipe.request.start.task else { panic!("the task is another") };
    assert_eq!(inpaint.mask, stage.settings().kept.draft.start.inpaint.mask);
    assert!(count(inpaint.mask.pixels()) > 300);
}

#[test]
fn strokes_begin_and_end_outside_the_picture() {
    let mut stage = stage(|_| {});
    stroke(&mut stage, &[[20.0, -3.0], [20.0, 20.0], [20.0, 67.0]], Modifiers::NONE);
    until_mask(&mut stage, "the stroke", |mask| {
        [pixel(mask, 20, 0), pixel(mask, 20, 63), pixel(mask, 30, 30)] == [255, 255, 0]
    });
}

#[test]
fn shift_draws_a_straight_line_and_ctrl_erases() {
    let mut stage = stage(|_| {});
    stroke(&mut stage, &[[10.0, 10.0]], Modifiers::NONE);
    stroke(&mut stage, &[[50.0, 10.0]], Modifiers::SHIFT);
    until_mask(&mut stage, "the line", |mask| {
        [pixel(mask, 10, 10), pixel(mask, 30, 10), pixel(mask, 50, 10)] == [255; 3]
    });
    stroke(&mut stage, &[[30.0, 10.0]], Modifiers::COMMAND);
    until_mask(&mut stage, "the hole", |mask| {
        [pixel(mask, 10, 10), pixel(mask, 30, 10), pixel(mask, 50, 10)] == [255, 0, 255]
    });
}

#[test]
fn strokes_are_undone_and_done_again_by_keys() {
    let mut stage = stage(|_| {});
    for x in [10.0, 30.0, 50.0] {
        stroke(&mut stage, &[[x, 10.0], [x, 50.0]], Modifiers::NONE);
    }
    until_mask(&mut stage, "three strokes", |mask| [10, 30, 50].map(|x| pixel(mask, x, 30)) == [255; 3]);
    stage.press(Modifiers::COMMAND, Key::Z);
    stage.press(Modifiers::COMMAND, Key::Z);
    until_mask(&mut stage, "one stroke", |mask| [10, 30, 50].map(|x| pixel(mask, x, 30)) == [255, 0, 0]);
    stage.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    until_mask(&mut stage, "two strokes", |mask| [10, 30, 50].map(|x| pixel(mask, x, 30)) == [255, 255, 0]);
    stage.press(Modifiers::COMMAND, Key::Y);
    until_mask(&mut stage, "three again", |mask| [10, 30, 50].map(|x| pixel(mask, x, 30)) == [255; 3]);
}

#[test]
fn shapes_are_filled_and_the_inside_of_an_outline_is_too() {
    let mut stage = stage(|_| {});
    stage.press(Modifiers::NONE, Key::U);
    stroke(&mut stage, &[[8.0, 8.0], [20.0, 12.0], [40.2, 24.3]], Modifiers::NONE);
    until_mask(&mut stage, "a rectangle of whole pixels", |mask| count(mask) == 32 * 16);
    stage.press(Modifiers::SHIFT, Key::C);
    until_mask(&mut stage, "no mask", |mask| count(mask) == 0);
    stage.press(Modifiers::NONE, Key::L);
    stroke(&mut stage, &[[10.0, 10.0], [50.0, 10.0], [50.0, 50.0], [10.0, 50.0]], Modifiers::NONE);
    until_mask(&mut stage, "what the lasso went around", |mask| count(mask).abs_diff(1600) < 60);
    stage.press(Modifiers::SHIFT, Key::V);
    until_mask(&mut stage, "the outline of the rest", |mask| pixel(mask, 30, 30) == 0 && pixel(mask, 2, 2) == 255);
    stage.press(Modifiers::NONE, Key::G);
    stroke(&mut stage, &[[30.0, 30.0]], Modifiers::NONE);
    until_mask(&mut stage, "everything", |mask| count(mask) == (SIDE * SIDE) as usize);
}

#[test]
fn growing_is_asked_for_and_nothing_changes_before_it_is_applied() {
    let mut stage = stage(|_| {});
    stroke(&mut stage, &[[32.0, 32.0]], Modifiers::NONE);
    until_mask(&mut stage, "a dab", |mask| count(mask) > 60);
    let before = count(stage.settings().kept.draft.start.inpaint.mask.pixels());
    for (name, end) in [("Cancel", before), ("Apply", 0)] {
        stage.click("Edit the mask");
        stage.click("Grow…");
        stage.until_says("Grow the mask by");
        assert_eq!(count(stage.settings().kept.draft.start.inpaint.mask.pixels()), before);
        stage.click(name);
        if end == 0 {
            until_mask(&mut stage, "a larger dab", |mask| count(mask) > before * 3);
        }
    }
    stage.press(Modifiers::COMMAND, Key::Z);
    until_mask(&mut stage, "the dab again", |mask| count(mask) == before);
    stage.click("Edit the mask");
    stage.click("Feather…");
    stage.until_says("Feather its edge by");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.until("the question gone", |stage| !stage.says("Feather its edge by"));
}

#[test]
fn the_mask_stays_when_the_task_changes_and_over_a_restart() {
    let mut stage = stage(|_| {});
    stroke(&mut stage, &[[16.0, 32.0], [48.0, 32.0]], Modifiers::NONE);
    until_mask(&mut stage, "the stroke", |mask| pixel(mask, 32, 32) == 255);
    let mask = stage.settings().kept.draft.start.inpaint.mask;
    let mut settings = stage.settings();
    settings.kept.draft.start.task = TaskKind::TextToImage;
    let Stage { window, folder } = stage;
    drop(window);
    settings.write(&folder.path().join("settings.json"));
    let mut stage = Stage::open(folder, Puppet::default());
    stage.until_says("Ready");
    assert!(!stage.says(CANVAS), "another task has no mask");
    let mut settings = stage.settings();
    settings.kept.draft.start.task = TaskKind::Inpaint;
    let Stage { window, folder } = stage;
    drop(window);
    settings.write(&folder.path().join("settings.json"));
    let mut stage = Stage::open(folder, Puppet::default());
    stage.until_says(CANVAS);
    assert_eq!(stage.settings().kept.draft.start.inpaint.mask, mask);
    stroke(&mut stage, &[[32.0, 10.0]], Modifiers::NONE);
    until_mask(&mut stage, "both", |mask| [pixel(mask, 32, 10), pixel(mask, 32, 32)] == [255; 2]);
}

#[test]
fn a_mask_of_another_size_is_asked_about_and_not_lost() {
    let other = GrayImage::from_fn(32, 16, |x, _| Luma([if x < 16 { 255 } else { 0 }]));
    let mut stage = stage(|settings| settings.kept.draft.start.inpaint.mask = Mask::new(other));
    stage.until_says("The mask is for 32 × 16 pixels, and here are 64 × 64");
    stroke(&mut stage, &[[50.0, 32.0]], Modifiers::NONE);
    assert_eq!(
        stage.settings().kept.draft.start.inpaint.mask.pixels().dimensions(),
        (32, 16),
        "nothing is painted over it"
    );
    stage.click("Scale the mask");
    until_mask(&mut stage, "it scaled", |mask| {
        mask.dimensions() == (64, 64) && pixel(mask, 20, 60) == 255 && pixel(mask, 50, 5) == 0
    });
    stage.press(Modifiers::COMMAND, Key::Z);
    stage.until_says("The mask is for 32 × 16 pixels");
    stage.click("Start with no mask");
    until_mask(&mut stage, "none", |mask| mask.dimensions() == (64, 64) && count(mask) == 0);
    stage.press(Modifiers::COMMAND, Key::Z);
    until_mask(&mut stage, "the old one", |mask| mask.dimensions() == (32, 16));
}

#[test]
fn the_frame_is_dragged_beyond_the_picture_and_what_is_new_is_masked() {
    let mut stage = stage(|_| {});
    stroke(&mut stage, &[[10.0, 32.0]], Modifiers::NONE);
    let handle = stage.window.get_by_label("Right edge of the frame").rect().center();
    let scale = picture(&stage).width() / SIDE as f32;
    stage.window.event(Event::PointerMoved(handle));
    stage.window.step();
    button(&mut stage, handle, true, Modifiers::NONE);
    for by in [3.0, 10.0, 17.0] {
        stage.window.event(Event::PointerMoved(handle + egui::vec2(by * scale, 0.0)));
        stage.window.step();
    }
    button(&mut stage, handle + egui::vec2(17.0 * scale, 0.0), false, Modifiers::NONE);
    until_mask(&mut stage, "the larger mask", |mask| {
        mask.dimensions() == (80, 64)
            && [pixel(mask, 10, 32), pixel(mask, 40, 32), pixel(mask, 70, 32)] == [255, 0, 255]
    });
    assert_eq!(stage.settings().kept.draft.start.inpaint.margins, Margins { right: 16, ..Margins::default() });
    stage.until("a wider picture", |stage| stage.settings().kept.draft.values.size.width == 80);
    stage.press(Modifiers::COMMAND, Key::Z);
    until_mask(&mut stage, "the old frame", |mask| mask.dimensions() == (64, 64));
    assert_eq!(stage.settings().kept.draft.start.inpaint.margins, Margins::default());
    stage.until("its own width", |stage| stage.settings().kept.draft.values.size.width == 64);
}

#[test]
fn letters_belong_to_the_prompt_while_it_is_typed_and_to_the_tools_otherwise() {
    let mut stage = stage(|_| {});
    stage.type_prompt("fox");
    stage.window.key_press(Key::E);
    stage.window.step();
    stroke(&mut stage, &[[32.0, 32.0]], Modifiers::NONE);
    until_mask(&mut stage, "the brush, not the eraser", |mask| pixel(mask, 32, 32) == 255);
    stage.press(Modifiers::NONE, Key::E);
    stroke(&mut stage, &[[32.0, 32.0]], Modifiers::NONE);
    until_mask(&mut stage, "the eraser", |mask| pixel(mask, 32, 32) == 0);
    for _ in 0..3 {
        stage.press(Modifiers::NONE, Key::CloseBracket);
    }
    stage.until("a larger brush", |stage| stage.settings().painting.brush.diameter > 12.0);
}

#[test]
fn the_wheel_zooms_and_with_ctrl_it_sizes_the_brush_and_space_moves() {
    let mut stage = stage(|_| {});
    let middle = at(&stage, 32.0, 32.0);
    stage.window.event(Event::PointerMoved(middle));
    stage.window.step();
    let wheel = |stage: &mut Stage, modifiers: Modifiers| {
        let delta = egui::vec2(0.0, 60.0);
        let (unit, phase, source) =
            (egui::MouseWheelUnit::Point, egui::TouchPhase::Move, egui::MouseWheelSource::Unknown);
        stage.window.event_modifiers(Event::MouseWheel { unit, delta, phase, source, modifiers }, modifiers);
        stage.window.run_steps(20);
    };
    wheel(&mut stage, Modifiers::COMMAND);
    stage.until("a larger brush", |stage| stage.settings().painting.brush.diameter > 11.0);
    assert!(stage.says("Fit"), "the picture is as it was");
    wheel(&mut stage, Modifiers::NONE);
    assert!(!stage.says("Fit"), "zoomed");
    stage.window.key_down(Key::Space);
    stroke(&mut stage, &[[32.0, 32.0], [40.0, 40.0]], Modifiers::NONE);
    stage.window.key_up(Key::Space);
    stage.settle();
    assert_eq!(count(stage.settings().kept.draft.start.inpaint.mask.pixels()), 0, "moving paints nothing");
}

#[test]
fn a_recipes_mask_takes_the_place_of_the_painted_one_which_undo_brings_back() {
    let mut stage =
        stage(|settings| (settings.kept.draft.values.seeds.first, settings.kept.draft.seed_locked) = (5, true));
    stroke(&mut stage, &[[16.0, 16.0]], Modifiers::NONE);
    stage.generate("a fox");
    stage.until("the picture", |stage| stage.pictures().len() == 1);
    stage.until_says("Canvas: a fox");
    stage.click("Show the mask");
    stage.press(Modifiers::NONE, Key::Escape);
    stage.press(Modifiers::SHIFT, Key::C);
    stroke(&mut stage, &[[48.0, 48.0]], Modifiers::NONE);
    until_mask(&mut stage, "another mask", |mask| [pixel(mask, 16, 16), pixel(mask, 48, 48)] == [0, 255]);
    stage.click("Reuse all settings");
    stage.until_says("Take over");
    stage.click("Take over");
    until_mask(&mut stage, "the recipe's", |mask| pixel(mask, 48, 48) == 0);
    stage.press(Modifiers::COMMAND, Key::Z);
    until_mask(&mut stage, "the painted one", |mask| [pixel(mask, 16, 16), pixel(mask, 48, 48)] == [0, 255]);
}

#[test]
fn what_the_model_sees_and_what_is_cut_out_are_shown_on_demand() {
    let mut stage = stage(|settings| {
        settings.kept.draft.start.inpaint = Inpaint { only_masked: Some(4), ..Inpaint::default() };
    });
    stroke(&mut stage, &[[40.0, 40.0]], Modifiers::NONE);
    for name in ["Show what the model sees", "Show what is cut out", "Hide the mask"] {
        stage.click("View of the mask");
        stage.click(name);
        stage.press(Modifiers::NONE, Key::Escape);
        stage.settle();
    }
    stage.until_says(CANVAS);
}
