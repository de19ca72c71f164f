//! A handful of pictures of the window, compared with those that were looked at and found good.
//!
//! They are drawn by Mesa's software Vulkan, with the fonts that are built in. After a change that is meant to be seen:
//! `UPDATE_SNAPSHOTS=1 cargo test --test ui snapshots`, and look at `tests/snapshots`.

use burnisher::content::request::{Mask, TaskKind};
use burnisher::session::settings::Theme;
use egui_kittest::SnapshotOptions;

use crate::model_files::{SD1, SD1_INPAINT, SDXL, VAE, bytes, write, write_bytes};
use crate::on_disk::OnDisk;
use crate::stage::{FAIL, Puppet, Stage};

/// How much a pixel may differ, and how many may differ more: the edges of glyphs differ between versions of Mesa. A
/// button that moves or changes is thousands of pixels.
const THRESHOLD: f32 = 1.5;
const FAILED_PIXELS: usize = 300;

fn options() -> SnapshotOptions {
    SnapshotOptions::new().threshold(THRESHOLD).max_failed_pixels(FAILED_PIXELS).output_path("tests/snapshots")
}

/// A window of this size and theme, at rest.
fn stage(theme: Theme, size: [f32; 2], change: impl FnOnce(&mut OnDisk)) -> Stage {
    let folder = tempfile::tempdir().expect("a folder");
    let mut on_disk = OnDisk::default();
    (on_disk.settings.output_folder, on_disk.settings.theme) = (folder.path().join("pictures"), theme);
    change(&mut on_disk);
    on_disk.write(&folder.path().join("settings.json"));
    let mut stage = Stage::open_sized(folder, Puppet::default(), size);
    stage.until_says("Ready");
    stage.settle();
    stage
}

/// Compares the window with its picture, but for the use of memory.
fn compare(stage: &mut Stage, name: &str) {
    // No blinking cursor.
    stage.press(egui::Modifiers::NONE, egui::Key::Escape);
    compare_as_it_is(stage, name);
}

/// The same with what is open left open.
fn compare_as_it_is(stage: &mut Stage, name: &str) {
    stage.window.remove_cursor();
    stage.settle();
    // The use of memory differs, and what stands beside it makes room for it.
    let screen = stage.window.ctx.content_rect();
    stage.window.mask(egui::Rect::from_min_max(screen.max - egui::vec2(260.0, 28.0), screen.max));
    stage.window.snapshot_options(name, &options());
}

#[test]
fn the_first_run_in_the_dark() {
    compare(&mut stage(Theme::Dark, [900.0, 600.0], |_| {}), "first-run-dark");
}

#[test]
fn the_first_run_in_the_light() {
    compare(&mut stage(Theme::Light, [900.0, 600.0], |_| {}), "first-run-light");
}

#[test]
fn a_finished_picture_and_a_failure() {
    let mut stage = stage(Theme::Dark, [1280.0, 800.0], |settings| {
        settings.gallery_open = false;
        (settings.kept.draft.values.seeds.first, settings.kept.draft.seed_locked) = (7, true);
    });
    stage.generate("a fox");
    stage.until("the picture", |stage| stage.says("Canvas: a fox") && stage.pictures().len() == 1);
    stage.generate(FAIL);
    stage.until_says("It failed; try again");
    stage.settle();
    compare(&mut stage, "finished-and-failed");
}

/// A picture with a transparent strip and a margin, and a mask on it.
fn masked(theme: Theme) -> Stage {
    let mut stage = stage(theme, [900.0, 600.0], |settings| {
        let path = settings.output_folder.with_file_name("base.png");
        let pixel = |x: u32, y: u32| image::Rgba([(x * 2) as u8, (y * 2) as u8, 120, if x < 24 { 0 } else { 255 }]);
        image::RgbaImage::from_fn(96, 96, pixel).save(&path).expect("written");
        let disc = |x: u32, y: u32| x.abs_diff(60).pow(2) + y.abs_diff(50).pow(2) < 900;
        let mask =
            image::GrayImage::from_fn(112, 96, |x, y| image::Luma([if x >= 96 || disc(x, y) { 255 } else { 0 }]));
        let draft = &mut settings.kept.draft;
        (draft.start.task, draft.start.image) = (TaskKind::Inpaint, Some(path));
        draft.start.inpaint.margins.right = 16;
        draft.start.inpaint.mask = Mask::new(mask);
    });
    stage.until_says("Canvas: the mask on base.png");
    stage
}

#[test]
fn a_mask_in_the_dark() {
    compare(&mut masked(Theme::Dark), "mask-dark");
}

#[test]
fn a_mask_in_the_light() {
    compare(&mut masked(Theme::Light), "mask-light");
}

/// The dialog about models, with one of each state.
fn models(theme: Theme, size: [f32; 2]) -> Stage {
    let mut stage = stage(theme, size, |settings| {
        let folder = settings.output_folder.with_file_name("theirs");
        let webui = folder.join("webui/models/Stable-diffusion");
        write(&webui.join("photo-realistic-v5.safetensors"), &SD1);
        write(&webui.join("a-very-long-name-of-a-model-that-was-merged-of-many-others_v12.safetensors"), &SD1_INPAINT);
        write(&folder.join("webui/models/VAE/vae-ft-mse.safetensors"), &VAE);
        write(&folder.join("more/stable-xl.safetensors"), &SDXL);
        write_bytes(&folder.join("more/cut.safetensors"), &bytes(&SD1, "F32")[..1000]);
        write_bytes(&settings.output_folder.with_file_name("hub/models--acme--tiny/blobs/0.incomplete"), b"begun");
        settings.model_folders = vec![folder.join("webui"), folder.join("more")];
    });
    stage.press(egui::Modifiers::COMMAND, egui::Key::M);
    stage.until("all is found", |stage| stage.says("7 found"));
    let rows = stage.texts();
    let row = rows.iter().find(|text| text.starts_with("Pictogram 64 (bundled): ")).expect("a row");
    stage.click(row);
    stage
}

#[test]
fn the_models_in_the_dark() {
    compare_as_it_is(&mut models(Theme::Dark, [1280.0, 800.0]), "models-dark");
}

#[test]
fn the_models_in_the_light() {
    compare_as_it_is(&mut models(Theme::Light, [900.0, 600.0]), "models-light");
}
