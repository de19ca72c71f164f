//! What Diffusers has no answer for: pasting back, soft masks, fills, pictures of odd sizes, and what is refused.

use std::path::{Path, PathBuf};

use burnisher::content::imaging::mask::grow;
use burnisher::content::imaging::resize::{self, Filter};
use burnisher::content::request::{
    Fill, Guidance, Inpaint, Margins, Mask, Prompts, Request, Sampling, Seeds, Size, Task,
};
use burnisher::pipelines::DiffusionPipeline;
use image::{GrayImage, Luma, RgbImage};

use crate::imaging::{mask, picture};
use crate::runs::{draw_all, open_on_cpu, refusal};
use crate::support::checkpoints::Checkpoint;
use crate::support::golden::Arrays;

fn saved(folder: &Path, width: u32, height: u32) -> PathBuf {
    let path = folder.join(format!("{width}x{height}.png"));
    picture(width, height).save(&path).expect("a PNG");
    path
}

fn request(task: Task) -> Request {
    Request {
        start: task.into(),
        prompts: Prompts::new("a fox"),
        sampling: Sampling {
            scheduler: Some("euler".parse().expect("a sampler that we have")),
            steps: 4,
            ..Sampling::default()
        },
        guidance: Guidance { scale: 1.0, ..Guidance::default() },
        seeds: Seeds::one(3),
        size: Size::new(48, 40),
        ..Request::default()
    }
}

fn inpaint(folder: &Path, change: impl FnOnce(&mut Inpaint)) -> Request {
    let mut task = Inpaint { image: saved(folder, 53, 45).into(), mask: Mask::new(mask(53, 45)), ..Inpaint::default() };
    change(&mut task);
    request(Task::Inpaint(Box::new(task)))
}

fn draw(pipeline: &DiffusionPipeline, request: &Request) -> (Arrays, RgbImage) {
    let (trace, mut pictures) = draw_all(pipeline, request, "a picture");
    (trace, pictures.remove(0).image)
}

#[test]
fn what_is_left_out_comes_back_byte_for_byte_and_the_rest_is_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    for checkpoint in [Checkpoint::TinySd15, Checkpoint::TinySd15Inpaint] {
        let pipeline = open_on_cpu(checkpoint);
        for (only_masked, soft) in [(None, false), (Some(4), false), (None, true)] {
            let request = inpaint(folder.path(), |task| {
                (task.only_masked, task.soft, task.mask_grow, task.mask_blur) = (only_masked, soft, 2, 1.0);
            });
            let drawn = draw(&pipeline, &request).1;
            assert_eq!(drawn.dimensions(), (53, 45), "the picture's own size");
            let original = picture(53, 45);
            let used = burnisher::content::imaging::mask::blur(&grow(&mask(53, 45), 2), 1.0);
            let (mut kept, mut changed) = (0, 0);
            for (x, y, mask) in used.enumerate_pixels() {
                let is_same = drawn.get_pixel(x, y) == original.get_pixel(x, y);
                assert!(is_same || mask.0[0] > 0, "{checkpoint:?} {only_masked:?} {soft}: {x}, {y}");
                kept += usize::from(mask.0[0] == 0);
                changed += usize::from(!is_same);
            }
            assert!(kept > 100 && changed > 100, "{kept} pixels are kept, {changed} are changed");
        }
    }
}

#[test]
fn a_picture_is_extended_by_what_its_margins_show() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = open_on_cpu(Checkpoint::TinySd15Inpaint);
    let margins = Margins { left: 0, top: 8, right: 16, bottom: 0 };
    let outside = GrayImage::from_fn(69, 53, |x, y| Luma([if x >= 53 || y < 8 { 255 } else { 0 }]));
    let request = inpaint(folder.path(), |task| (task.margins, task.mask) = (margins, Mask::new(outside)));
    let drawn = draw(&pipeline, &request).1;
    assert_eq!(drawn.dimensions(), (69, 53));
    let inside = image::imageops::crop_imm(&drawn, 0, 8, 53, 45).to_image();
    assert_eq!(inside, picture(53, 45), "the picture stands in its frame as it was");
}

#[test]
fn without_pasting_back_the_picture_is_what_the_model_drew() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = open_on_cpu(Checkpoint::TinySd15);
    for only_masked in [None, Some(8)] {
        let request = inpaint(folder.path(), |task| (task.paste_back, task.only_masked) = (false, only_masked));
        assert_eq!(draw(&pipeline, &request).1.dimensions(), (48, 40));
    }
}

#[test]
fn a_faint_mask_changes_less_than_a_strong_one_and_none_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = open_on_cpu(Checkpoint::TinySd15);
    // From left to right, columns of eight pixels: not at all, a quarter, a half, wholly.
    let steps = GrayImage::from_fn(64, 32, |x, _| Luma([[0, 0, 64, 64, 128, 128, 255, 255][x as usize / 8]]));
    let image = saved(folder.path(), 64, 32);
    let task =
        Inpaint { image: image.into(), mask: Mask::new(steps), soft: true, paste_back: false, ..Inpaint::default() };
    let request = request(Task::Inpaint(Box::new(task))).with(|request| {
        request.sampling.steps = 8;
        request.size.width = 64;
        request.size.height = 32;
    });
    let trace = draw(&pipeline, &request).0;
    let [original, finished] = ["image_latents", "latents_7"].map(|name| trace.get(name).values);
    // Columns of latents: eight of them in rows of eight.
    let change = |column: usize| {
        let differences = original.iter().zip(&finished).skip(column).step_by(8).map(|(a, b)| (a - b).abs());
        differences.sum::<f32>()
    };
    let changes: Vec<f32> = [0, 1, 2, 4, 6].map(change).to_vec();
    println!("{changes:?}");
    assert!(changes[0] == 0.0 && changes[2] > 0.0, "{changes:?}");
    assert!(changes[2] < changes[3] && changes[3] < changes[4], "{changes:?}");
    // What is let go later is the noised picture until then.
    let noised = trace.get("latents_0").values;
    assert!(noised.iter().zip(&original).all(|(a, b)| (a - b).abs() > 0.0));
}

#[test]
fn what_stands_in_the_hole_is_what_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = open_on_cpu(Checkpoint::TinySd15);
    let begun = |fill: Fill| {
        let request = inpaint(folder.path(), |task| (task.fill, task.strength) = (fill, 0.5));
        draw(&pipeline, &request).0.get("initial_latents").values
    };
    let mask =
        burnisher::content::imaging::mask::latent_mask(&resize::grey(&mask(53, 45), 48, 40, Filter::Lanczos), 6, 5);
    let original = begun(Fill::Original);
    for fill in [Fill::Noise, Fill::Blank] {
        let other = begun(fill);
        for (i, (a, b)) in original.iter().zip(&other).enumerate() {
            let is_hole = mask.as_raw()[i % 30] == 255;
            assert_eq!((a - b).abs() > 1e-6, is_hole, "{fill:?}: latent {i}");
        }
    }
    assert_ne!(begun(Fill::Noise), begun(Fill::Blank));
    // The autoencoder sees the filled hole from around it, too.
    assert_ne!(begun(Fill::Blurred), original);
    let full = |fill: Fill| {
        let request = inpaint(folder.path(), |task| task.fill = fill);
        draw(&pipeline, &request).0.get("initial_latents").values
    };
    assert_eq!(full(Fill::Original), full(Fill::Blank), "at full strength there is noise alone");
}

#[test]
fn a_picture_of_one_pixel_and_one_of_20_000_by_20_are_drawn_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = open_on_cpu(Checkpoint::TinySd15);
    for (width, height, size) in [(1, 1, (8, 8)), (20_000, 20, (200, 8))] {
        let image = saved(folder.path(), width, height);
        let task = Task::ImageToImage { image: image.clone().into(), strength: 0.6 };
        let changed = Request { size: Size::new(size.0, size.1), ..request(task) };
        assert_eq!(draw(&pipeline, &changed).1.dimensions(), (size.0 as u32, size.1 as u32));
        let mask = Mask::new(GrayImage::from_pixel(width, height, Luma([255])));
        let full = Inpaint { image: image.into(), mask, ..Inpaint::default() };
        let full = Request { size: Size::new(size.0, size.1), ..request(Task::Inpaint(Box::new(full))) };
        assert_eq!(draw(&pipeline, &full).1.dimensions(), (width, height), "a full mask is a mask");
    }
}

#[test]
fn what_can_not_be_drawn_is_refused_before_anything_is_begun() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = open_on_cpu(Checkpoint::TinySd15);
    let image = saved(folder.path(), 53, 45);
    let changed = |strength: f64| request(Task::ImageToImage { image: image.clone().into(), strength });
    let weak = refusal(&pipeline, &changed(0.2));
    assert!(weak.contains("of 4 steps, none would be done") && weak.contains("a strength of 0.25 or more"), "{weak}");
    assert!(refusal(&pipeline, &changed(0.0)).contains("strength of 0 is too small"));
    draw(&pipeline, &changed(0.25));

    let missing = Task::ImageToImage { image: folder.path().join("gone.png").into(), strength: 0.5 };
    assert!(refusal(&pipeline, &request(missing)).contains("gone.png"));
    let dot = GrayImage::from_fn(53, 45, |x, y| Luma([if (x, y) == (20, 20) { 255 } else { 0 }]));
    let small = refusal(&pipeline, &inpaint(folder.path(), |task| task.mask = Mask::new(dot)));
    assert!(small.contains("squares of 8 x 8 pixels") && small.contains("Grow the mask"), "{small}");
    let other = refusal(&pipeline, &inpaint(folder.path(), |task| task.mask = Mask::new(mask(45, 53))));
    assert!(other.contains("The mask has 45 x 53 pixels, but the picture has 53 x 45"), "{other}");
    let empty = GrayImage::new(53, 45);
    let empty = refusal(&pipeline, &inpaint(folder.path(), |task| task.mask = Mask::new(empty)));
    assert!(empty.contains("The mask is empty"), "{empty}");

    let depth = Task::DepthToImage { image: image.clone().into(), strength: 0.5, depth: None };
    let wrong = refusal(&pipeline, &request(depth));
    assert!(wrong.contains("can't do depth-to-image"), "{wrong}");
    let flat = folder.path().join("flat.png");
    GrayImage::from_pixel(9, 9, Luma([80])).save(&flat).expect("a PNG");
    let depth = Task::DepthToImage { image: image.into(), strength: 0.5, depth: Some(flat.into()) };
    let flat = refusal(&open_on_cpu(Checkpoint::TinySd2Depth), &request(depth));
    assert!(flat.contains("The depth map has no depth"), "{flat}");
}
