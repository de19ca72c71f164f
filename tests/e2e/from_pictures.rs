//! The program drawing from pictures, on the bundled model and the CPU: what it makes of files and options, and what it saves.

use std::path::{Path, PathBuf};

use burnisher::content::request::{Fill, Margins, Recipe, Request, Task};
use burnisher::storage::gallery::read_recipe;
use burnisher::storage::recipe::import::import;
use burnisher::storage::recipe::local_files::LocalFiles;
use image::codecs::gif::GifEncoder;
use image::{Frame, GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;

use crate::command_line::{events, folder, generate, refusal, run, stdout, text};

fn picture(folder: &Path, width: u32, height: u32) -> (String, RgbImage) {
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([x * 2, y * 3, x * y].map(|c| c as u8)));
    let path = folder.join(format!("{width}x{height}.png"));
    picture.save(&path).expect("a PNG");
    (path.to_str().expect("Unicode").to_owned(), picture)
}

/// A disc with a soft edge.
fn mask(folder: &Path, width: u32, height: u32) -> (String, GrayImage) {
    let mask = GrayImage::from_fn(width, height, |x, y| {
        let distance = (f64::from(x.abs_diff(width / 2)).powi(2) + f64::from(y.abs_diff(height / 2)).powi(2)).sqrt();
        Luma([(255.0 - (distance - 15.0).max(0.0) * 40.0).max(0.0) as u8])
    });
    let path = folder.join("mask.png");
    mask.save(&path).expect("a PNG");
    (path.to_str().expect("Unicode").to_owned(), mask)
}

/// The request of the run's one picture, its file, and its pixels.
fn saved(folder: &Path, events: &[Value]) -> (Request, PathBuf, RgbImage) {
    let event = events.iter().find(|event| event["event"] == "picture-saved").expect("a picture");
    let path = folder.join(event["path"].as_str().expect("a path"));
    let recipe: Recipe = serde_json::from_value(event["recipe"].clone()).expect("a recipe");
    let file = std::fs::read(&path).expect("the file");
    let place = folder.to_str().expect("a name").as_bytes();
    assert!(!file.windows(place.len()).any(|part| part == place), "the file tells no place on this machine");
    let mut stored = read_recipe(&path).expect("a PNG").expect("a recipe");
    assert!(LocalFiles::default().locate(&mut stored.request, Some(folder)), "what it begins with lies beside it");
    stored.request.images_mut().into_iter().for_each(|image| image.hash = None);
    assert_eq!(stored, recipe, "the file tells what the event told");
    let pixels = image::open(&path).expect("a PNG").into_rgb8();
    (recipe.request, path, pixels)
}

#[test]
fn a_picture_is_changed_at_its_own_size_and_the_recipe_knows_from_what() {
    let folder = folder();
    let (image, _) = picture(folder.path(), 101, 70);
    let args = ["--prompt", "a heart", "--image", &image, "--strength", "0.6", "--output", "o.png", "--json"];
    let drawn = run(folder.path(), &[&["generate", "--device", "cpu", "--steps", "4"], &args[..]].concat());
    let (request, path, pixels) = saved(folder.path(), &events(&drawn));
    assert_eq!(request.start.task, Task::ImageToImage { image: image.as_str().into(), strength: 0.6 });
    // Rounded down to multiples of 4, which the bundled model's own autoencoder needs, as Diffusers rounds.
    assert_eq!(((request.size.width, request.size.height), pixels.dimensions()), ((100, 68), (100, 68)));
    // The web UI's words for it.
    let parameters = std::fs::read(path).expect("the file");
    assert!(parameters.windows(23).any(|part| part == b"Denoising strength: 0.6"));
}

#[test]
fn a_mask_is_drawn_in_the_rest_stays_and_all_of_it_reads_back() {
    let folder = folder();
    let ((image, original), (mask, mask_pixels)) = (picture(folder.path(), 75, 60), mask(folder.path(), 75, 60));
    let options =
        ["--mask-blur", "1.5", "--mask-grow", "-2", "--fill", "noise", "--soft-mask", "--only-masked", "5", "--json"];
    let args = ["--prompt", "blue", "--image", &image, "--mask", &mask, "--output", "o.png", "--trace", "t"];
    let drawn = generate(folder.path(), &[&args[..], &options].concat());
    let (request, path, pixels) = saved(folder.path(), &events(&drawn));
    let Task::Inpaint(task) = &request.start.task else { panic!("{:?}", request.start.task) };
    assert_eq!(*task.mask.pixels(), mask_pixels);
    assert_eq!((task.mask_blur, task.mask_grow, task.only_masked), (1.5, -2, Some(5)));
    assert_eq!((task.fill, task.soft, task.paste_back, task.strength), (Fill::Noise, true, true, 1.0));
    assert_eq!((request.size.width, request.size.height), (64, 64), "the model's own size, for the masked part alone");

    assert_eq!(pixels.dimensions(), original.dimensions());
    let mut changed = 0;
    for (x, y, pixel) in pixels.enumerate_pixels() {
        let is_outside = x.abs_diff(37).pow(2) + y.abs_diff(30).pow(2) > 30 * 30;
        assert!(!is_outside || pixel == original.get_pixel(x, y), "{x}, {y}");
        changed += u32::from(pixel != original.get_pixel(x, y));
    }
    assert!(changed > 300, "{changed} pixels are changed");

    let mut read = import(&path, &LocalFiles::default()).expect("settings").patch.request;
    read.images_mut().into_iter().for_each(|image| image.hash = None);
    assert_eq!(read, request, "the window reads it, too");
    let trace = std::fs::read(folder.path().join("t")).expect("the trace");
    let trace = safetensors::SafeTensors::deserialize(&trace).expect("it opens");
    for name in ["image_latents", "mask", "initial_latents", "latents_1", "image"] {
        trace.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_picture_grows_by_margins_and_stays_as_it_was() {
    let folder = folder();
    let (image, original) = picture(folder.path(), 40, 48);
    let args = ["--prompt", "blue", "--image", &image, "--extend", "8,0,16,0", "--output", "o.png", "--json"];
    let (request, _, pixels) = saved(folder.path(), &events(&generate(folder.path(), &args)));
    let Task::Inpaint(task) = &request.start.task else { panic!("{:?}", request.start.task) };
    assert_eq!(task.margins, Margins { left: 8, top: 0, right: 16, bottom: 0 });
    assert_eq!((request.size.width, request.size.height, pixels.dimensions()), (64, 48, (64, 48)));
    assert_eq!(image::imageops::crop_imm(&pixels, 8, 0, 40, 48).to_image(), original);
}

#[test]
fn of_an_animation_the_first_frame_is_read_and_that_is_said() {
    let folder = folder();
    let path = folder.path().join("fox.gif");
    let frame = |c: u8| Frame::new(image::RgbaImage::from_pixel(24, 16, image::Rgba([c, 0, 0, 255])));
    let file = std::fs::File::create(&path).expect("a file");
    GifEncoder::new(file).encode_frames([frame(200), frame(9)]).expect("a GIF");
    let output = generate(folder.path(), &["--prompt", "a fox", "--image", "fox.gif", "--output", "o.png"]);
    stdout(&output);
    assert!(text(&output.stderr).contains("note: only the first frame is read of fox.gif"), "{}", text(&output.stderr));
}

#[test]
fn files_that_can_not_be_used_are_refused_before_anything_is_loaded() {
    let folder = folder();
    let ((image, _), (mask, _)) = (picture(folder.path(), 75, 60), mask(folder.path(), 60, 75));
    let other = refusal(&["--image", &image, "--mask", &mask]);
    assert!(other.contains("The mask has 60 x 75 pixels, but the picture has 75 x 60"), "{other}");
    assert!(refusal(&["--image", "gone.png"]).contains("gone.png"));
    let black = folder.path().join("black.png");
    GrayImage::new(75, 60).save(&black).expect("a PNG");
    let empty = refusal(&["--image", &image, "--mask", black.to_str().expect("Unicode")]);
    assert!(empty.contains("The mask is empty"), "{empty}");
    let notes = folder.path().join("notes.png");
    std::fs::write(&notes, "no picture").expect("written");
    assert!(refusal(&["--image", notes.to_str().expect("Unicode")]).contains("notes.png"));
    assert!(refusal(&["--image", &image, "--strength", "1.5"]).contains("between 0 and 1, not 1.5"));
}

#[test]
fn options_that_mean_nothing_together_are_wrong_usage() {
    let folder = folder();
    let (image, _) = picture(folder.path(), 8, 8);
    for args in [
        &["--mask", "mask.png"][..],
        &["--strength", "0.5"],
        &["--task", "image-to-image"],
        &["--task", "inpaint", "--image", &image],
        &["--task", "image-to-image", "--image", &image, "--mask", &image],
        &["--task", "text-to-image", "--image", &image],
        &["--image", &image, "--depth", &image, "--extend", "1,1,1,1"],
        &["--image", &image, "--extend", "1,2,3"],
        &["--image", &image, "--fill", "foam"],
        &["--image", &image, "--only-masked", "8"],
    ] {
        let output = run(folder.path(), &[&["generate", "--prompt", "a fox"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
    }
    let output = generate(folder.path(), &["--prompt", "a fox", "--image", &image, "--depth", &image]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("can't do depth-to-image: it is made for text-to-image"), "{said}");
}
