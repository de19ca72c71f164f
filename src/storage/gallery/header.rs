//! What a picture's file says before its pixels: size and recipe.
//!
//! No pixel is decoded and no more is read than a header may take, so a hundred thousand files are read in seconds and
//! a file that lies costs nothing. The kind is told by the content, whatever the name says. Limits: a recipe of our own
//! behind the pixels of a PNG, where we don't put it, is read as another app's would be.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use image::{ImageFormat, ImageReader};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::crash::contained;
use crate::content::imaging::png_text;
use crate::content::request::{Field, Recipe};
use crate::storage::recipe::metadata;

/// The most bytes of a PNG's texts: the longest prompt is far below, but masks are in them, too.
const TEXT_LIMIT_BYTES: usize = 16 << 20;

/// A JPEG's size comes after its thumbnail and colour profile, within this many bytes.
const JPEG_HEAD_BYTES: u64 = 1 << 20;

/// What is known of a picture without its pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Pixels.
    pub(super) width: u32,
    /// Pixels.
    pub(super) height: u32,
    /// What drew it, if the file says so in our own words; without a mask.
    pub(super) recipe: Option<Recipe>,
    /// What drew it, in another app's words.
    pub(super) foreign: Option<Foreign>,
}

/// What a picture says that carries no recipe of ours, as far as it helps to find it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// The app that drew it.
    pub app: String,
    /// What it was to show.
    pub prompt: String,
    /// What it was not to show.
    pub negative_prompt: String,
    /// The model, as the app names it.
    pub model: String,
    /// The sampler, as the app names it.
    pub sampler: String,
}

/// The header of a file; `None` if it is no picture.
///
/// # Errors
/// The file can't be opened or read.
pub(super) fn read(path: &Path) -> io::Result<Option<Header>> {
    let file = BufReader::new(File::open(path)?);
    contained(|| read_unguarded(file)).unwrap_or(Ok(None))
}

fn read_unguarded(mut file: BufReader<File>) -> io::Result<Option<Header>> {
    let mut start = Vec::new();
    file.by_ref().take(16).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(match image::guess_format(&start).ok() {
        Some(ImageFormat::Png) => png(file),
        Some(ImageFormat::Jpeg) => {
            let mut head = Vec::new();
            file.take(JPEG_HEAD_BYTES).read_to_end(&mut head)?;
            sized(Cursor::new(head), ImageFormat::Jpeg)
        }
        Some(ImageFormat::WebP) => sized(file, ImageFormat::WebP),
        _ => None,
    })
}

fn sized(mut file: impl BufRead + Seek, format: ImageFormat) -> Option<Header> {
    let (width, height) = ImageReader::with_format(&mut file, format).into_dimensions().ok()?;
    Some(Header { width, height, recipe: None, foreign: foreign(file) })
}

/// What another app wrote, or we ourselves in a file that can't hold a recipe.
fn foreign(mut file: impl BufRead + Seek) -> Option<Foreign> {
    file.seek(SeekFrom::Start(0)).ok()?;
    let imported = metadata::read(file).ok()??;
    Some(Foreign {
        app: imported.source.label().to_owned(),
        prompt: imported.get(Field::Prompt).unwrap_or_default(),
        negative_prompt: imported.get(Field::NegativePrompt).unwrap_or_default(),
        model: imported.model.unwrap_or_default(),
        sampler: imported.sampler.unwrap_or_default(),
    })
}

/// A PNG that is cut off or broken after its size is still a picture, one without a recipe.
fn png(mut file: BufReader<File>) -> Option<Header> {
    let mut decoder = png::Decoder::new_with_limits(&mut file, png::Limits { bytes: TEXT_LIMIT_BYTES });
    let info = decoder.read_header_info().ok()?;
    let (width, height) = (info.width, info.height);
    let recipe = decoder.read_info().ok().and_then(|reader| recipe(reader.info()));
    let foreign = if recipe.is_none() { foreign(file) } else { None };
    Some(Header { width, height, recipe, foreign })
}

fn recipe(info: &png::Info) -> Option<Recipe> {
    let latin = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == png_text::BURNISHER);
    if let Some(chunk) = latin {
        return without_mask(&chunk.text);
    }
    let mut chunk = info.utf8_text.iter().find(|chunk| chunk.keyword == png_text::BURNISHER)?.clone();
    chunk.decompress_text_with_limit(TEXT_LIMIT_BYTES).ok()?;
    without_mask(&chunk.get_text().ok()?)
}

/// A recipe without its masks, which nobody looks for in a list and which would take most of its memory: neither its own nor
/// those of the runs that it goes on from.
fn without_mask(json: &str) -> Option<Recipe> {
    let mut recipe: Value = serde_json::from_str(json).ok()?;
    let mut request = recipe.get_mut("request");
    while let Some(inner) = request {
        if let Some(task) = inner.get_mut("task").and_then(Value::as_object_mut) {
            task.shift_remove("mask");
        }
        request = inner.pointer_mut("/branch/from");
    }
    // A picture may come from anywhere: no path of it is followed.
    serde_json::from_value(recipe).ok().map(|recipe: Recipe| recipe.shared())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::RgbImage;

    use super::*;
    use crate::content::request::{Branch, ImageRef, Inpaint, Mask, Start, Task};
    use crate::storage::gallery::export::{Metadata, export};
    use crate::storage::gallery::testing::{foreign_file, png_file, recipe};
    use crate::storage::gallery::{Destination, save};

    /// The header of a file with these bytes.
    fn header_of(bytes: &[u8]) -> Option<Header> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.png");
        fs::write(&path, bytes).expect("written");
        read(&path).expect("the file is there")
    }

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        RgbImage::new(24, 16).write_to(&mut file, format).expect("encoded");
        file.into_inner()
    }

    #[test]
    fn size_and_recipe_are_read_whatever_script_the_prompt_is_in() {
        for prompt in ["a fox", "猫"] {
            let header = header_of(&png_file(24, 16, Some(&recipe(prompt)))).expect("a picture");
            assert_eq!((header.width, header.height), (24, 16));
            assert_eq!(header.recipe.expect("a recipe").request.prompts.prompt, prompt);
        }
    }

    #[test]
    fn jpeg_and_webp_have_a_size_whatever_the_name_says() {
        for format in [ImageFormat::Jpeg, ImageFormat::WebP] {
            assert_eq!(
                header_of(&encoded(format)),
                Some(Header { width: 24, height: 16, recipe: None, foreign: None })
            );
        }
    }

    #[test]
    fn what_other_apps_say_is_read() {
        let foreign = header_of(&foreign_file()).and_then(|header| header.foreign).expect("settings");
        let Foreign { app, prompt, negative_prompt, model, sampler } = &foreign;
        assert_eq!([app, prompt, negative_prompt, model], ["AUTOMATIC1111", "a castle", "fog", "v1-5"]);
        assert!(sampler.contains("DDIM"));
    }

    #[test]
    fn a_copy_of_ours_as_jpeg_or_webp_says_what_drew_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let destination = Destination::Folder(folder.path().to_owned());
        let saved = save(&RgbImage::new(64, 64), 0, recipe("a fox"), &destination).expect("saved");
        for name in ["x.jpg", "x.webp"] {
            let target = folder.path().join(name);
            export(&saved.path, &target, Metadata::Keep).expect("exported");
            let header = read(&target).expect("a file").expect("a picture");
            let foreign = header.foreign.expect("settings");
            assert_eq!([&*foreign.app, &*foreign.prompt], ["Burnisher", "a fox"]);
        }
    }

    #[test]
    fn a_recipe_with_the_largest_of_masks_is_read_without_it() {
        // Noise, which no packing makes smaller: 2 MB in base64.
        let mut state = 1_u32;
        let mask = image::GrayImage::from_fn(1500, 1000, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Luma([(state >> 24) as u8])
        });
        let mut recipe = recipe("a fox");
        let task = Inpaint { image: "fox.png".into(), mask: Mask::new(mask), mask_grow: 3, ..Inpaint::default() };
        let drawn = Task::Inpaint(Box::new(task.clone()));
        let from = recipe.request.clone().with(|request| request.start.task = drawn.clone());
        let from = from.clone().with(|request| request.start.branch = Some(Box::new(Branch { from, step: 1 })));
        recipe.request.start = Start { task: drawn, branch: Some(Box::new(Branch { from, step: 1 })) };
        let file = png_file(24, 16, Some(&recipe));
        let read = header_of(&file).and_then(|header| header.recipe).expect("a recipe");
        // No path that a file names is taken over.
        let bare = Inpaint { image: ImageRef::default(), mask: Mask::default(), ..task };
        let bare = Task::Inpaint(Box::new(bare));
        let mut request = &read.request;
        for depth in 0..3 {
            assert_eq!(request.start.task, bare, "{depth} runs before");
            request = request.start.branch.as_ref().map_or(request, |branch| &branch.from);
        }
    }

    #[test]
    fn a_file_that_is_no_picture_has_no_header() {
        for bytes in [&b""[..], b"GIF89a", b"notes", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x04\0\0\0WEBP"] {
            assert_eq!(header_of(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_picture_cut_off_anywhere_after_its_size_is_one_and_never_an_error() {
        let file = png_file(24, 16, Some(&recipe("a fox")));
        for length in 0..file.len() {
            let header = header_of(&file[..length]);
            assert_eq!(header.is_some(), length >= 33, "at {length}: signature and first chunk are 33 bytes");
            let has_pixels = file[..length].windows(4).any(|name| name == b"IDAT");
            assert_eq!(header.and_then(|header| header.recipe).is_some(), has_pixels, "at {length}");
        }
    }

    #[test]
    fn lying_lengths_and_sizes_are_no_recipe_and_no_memory() {
        let mut file = png_file(24, 16, Some(&recipe("a fox")));
        // The length of the chunk after IHDR.
        file[33..37].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
        assert_eq!(header_of(&file), Some(Header { width: 24, height: 16, recipe: None, foreign: None }));

        let giant = png_file(24, 16, None);
        let giant = [&giant[..16], &[0x7f; 8], &giant[24..29], &giant[29..]].concat();
        assert_eq!(header_of(&giant), None, "the checksum doesn't fit");
    }

    #[test]
    fn broken_or_huge_metadata_is_no_recipe() {
        let picture = RgbImage::new(8, 8);
        let long = format!("\"{}\"", "x".repeat(2 << 20));
        for text in ["{\"request\":", "null", "[[[[[[", &*long, &"[".repeat(100_000)] {
            let file = png_text::encode(&picture, &[(png_text::BURNISHER, text)]).expect("a PNG");
            assert_eq!(header_of(&file), Some(Header { width: 8, height: 8, recipe: None, foreign: None }));
        }
    }
}
