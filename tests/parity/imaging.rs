//! What becomes of pictures and masks, against Pillow and Diffusers' `VaeImageProcessor` (`tests/golden/imaging`).

use std::path::{Path, PathBuf};

use burnisher::content::imaging::decode;
use burnisher::content::imaging::inpaint::InpaintCanvas;
use burnisher::content::imaging::mask::{self, Region};
use burnisher::content::imaging::resize::{self, Filter};
use burnisher::content::request::{Inpaint, Mask};
use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::support::golden::{Arrays, json};

/// The formulas of `generate.py`.
pub(crate) fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let colour = |c: u32| {
            let is_wild = (x / 9 + y / 7).is_multiple_of(2);
            if is_wild { x * x * 7 + y * y * 13 + x * y * 5 + c * 89 } else { x * 3 + y * 2 + c * 60 }
        };
        Rgb([0, 1, 2].map(|c| colour(c) as u8))
    })
}

pub(crate) fn mask(width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        let is_in_disc = (3 * x).abs_diff(width).pow(2) + (3 * y).abs_diff(height).pow(2) < height * height;
        let disc = if is_in_disc { 255 } else { 0 };
        let bar = if x * 4 >= 3 * width { x * 37 % 256 } else { 0 };
        let corner = if x * 6 < width && y * 3 > 2 * height { 127 + (x + y) % 3 } else { 0 };
        Luma([disc.max(bar).max(corner) as u8])
    })
}

/// Width and height of `WxH`.
fn size(text: &str) -> (u32, u32) {
    let (width, height) = text.split_once('x').expect("WxH");
    (width.parse().expect("a number"), height.parse().expect("a number"))
}

fn filter(name: &str) -> Filter {
    match name {
        "nearest" => Filter::Nearest,
        "bilinear" => Filter::Bilinear,
        "bicubic" => Filter::Bicubic,
        "lanczos" => Filter::Lanczos,
        other => panic!("no filter is called {other}"),
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imaging/files").join(name)
}

/// What a golden of this name should be, and how many levels it may be away.
fn made(name: &str) -> (Vec<u8>, f32) {
    let parts: Vec<&str> = name.split('/').collect();
    match *parts.as_slice() {
        ["grey", name, from, to] => {
            let ((w, h), (new_w, new_h)) = (size(from), size(to));
            (resize::grey(&mask(w, h), new_w, new_h, filter(name)).into_raw(), 0.0)
        }
        ["coloured", from, to] => {
            let ((w, h), (new_w, new_h)) = (size(from), size(to));
            let mask = Mask::of_colours(picture(w, h));
            let task = Inpaint { mask, ..Inpaint::default() };
            let canvas = InpaintCanvas::new(task.edit(), &picture(w, h), new_w as usize, new_h as usize);
            (canvas.expect("the mask has the picture's size").mask.into_raw(), 0.0)
        }
        ["blur", radius, from] => {
            let (w, h) = size(from);
            (mask::blur(&mask(w, h), radius.parse().expect("a number")).into_raw(), 0.0)
        }
        ["latent", from, to] => {
            let ((w, h), (new_w, new_h)) = (size(from), size(to));
            (mask::latent_mask(&mask(w, h), new_w, new_h).into_raw(), 0.0)
        }
        ["overlay", from] => {
            let (w, h) = size(from);
            let source = picture(w, h);
            // The other one's place x, y shows the inverse of this one's y, x / 2.
            let drawn = RgbImage::from_fn(w, h, |x, y| Rgb(source.get_pixel(y, x / 2).0.map(|value| 255 - value)));
            // Pillow rounds four times on its way through premultiplied colours.
            (mask::composite(&drawn, &source, &mask(w, h)).into_raw(), 2.0)
        }
        ["file", name] => {
            // Alpha is rounded in other places, and two decoders of a JPEG differ in their cosines.
            let tolerance = if name.ends_with("jpg") { 3.0 } else { 1.0 };
            (decode::rgb(&file(name)).unwrap_or_else(|error| panic!("{error}")).into_raw(), tolerance)
        }
        [name, from, to] => {
            let ((w, h), (new_w, new_h)) = (size(from), size(to));
            (resize::rgb(&picture(w, h), new_w, new_h, filter(name)).into_raw(), 0.0)
        }
        _ => panic!("no golden is made like {name}"),
    }
}

#[test]
fn pictures_and_masks_become_what_pillow_and_diffusers_make_of_them() {
    let goldens = Arrays::open("imaging/imaging");
    let names = goldens.names();
    assert!(names.len() > 90, "there are goldens");
    for name in names {
        let (made, tolerance) = made(&name);
        let made: Vec<f32> = made.into_iter().map(f32::from).collect();
        let difference = goldens.get(&name).largest_difference(&made);
        assert!(difference <= tolerance, "{name} differs by {difference} levels");
    }
}

#[test]
fn a_files_head_tells_its_upright_size_and_whether_it_moves() {
    for name in ["animated.gif", "animated.png", "animated.webp", "plain.bmp", "turned.jpg", "see-through.webp"] {
        let looks = decode::look(&file(name)).unwrap_or_else(|error| panic!("{error}"));
        let size = if name == "turned.jpg" { (24, 40) } else { (40, 24) };
        assert_eq!(
            (looks.width, looks.height, looks.is_animated),
            (size.0, size.1, name.starts_with("animated")),
            "{name}"
        );
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["plain.bmp", "plain.tiff", "palette.png", "see-through.webp", "animated.gif", "cmyk.jpg"] {
        let whole = std::fs::read(file(name)).expect("the file is there");
        // Of the animation, that is half the first frame.
        let most = if name == "animated.gif" { whole.len() / 6 } else { whole.len() * 3 / 4 };
        for length in [0, 7, most / 2, most] {
            let path = folder.path().join(format!("half-{name}"));
            std::fs::write(&path, &whole[..length]).expect("written");
            let Err(error) = decode::rgb(&path) else { panic!("{length} bytes of {name} are a picture") };
            let error = error.to_string();
            assert!(error.contains(&path.display().to_string()), "{name} to {length}: {error}");
        }
    }
}

type Crop = ([u32; 4], [u32; 2], [usize; 2], usize, [u32; 4]);

#[test]
fn the_surroundings_of_a_mask_are_what_diffusers_crops() {
    let crops: Vec<Crop> = json("imaging/crops.json");
    for crop in crops {
        let ([left, top, right, bottom], [w, h], [width, height], padding, expected) = crop;
        let mut drawn = GrayImage::new(w, h);
        drawn.put_pixel(left, top, Luma([1]));
        drawn.put_pixel(right - 1, bottom - 1, Luma([1]));
        let Region { left, top, right, bottom } =
            mask::crop_region(&drawn, width, height, padding).expect("something is drawn");
        assert_eq!([left, top, right, bottom], expected, "{crop:?}");
    }
    assert_eq!(mask::crop_region(&GrayImage::new(9, 9), 8, 8, 4), None);
}
