//! Pictures, and the settings in them.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use burnisher::base::error::Result;
use burnisher::content::imaging::{decode, png_text};
use burnisher::content::request::{Prompts, Recipe, Request};
use burnisher::storage::gallery::thumbnails::Thumbnails;
use burnisher::storage::gallery::{self, Destination};
use burnisher::storage::recipe::import::{import, import_text};
use burnisher::storage::recipe::local_files::LocalFiles;
use image::{ImageFormat, RgbImage};
use tempfile::TempDir;

use crate::formats::Format;

/// The chunk that ends a PNG says nothing.
const PNG_END: usize = 12;

/// A file of this name in a folder of its own, written anew for each input.
pub(crate) struct Place {
    folder: TempDir,
    path: PathBuf,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        Self { folder, path }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the file.
    pub(crate) fn with(&self, bytes: &[u8]) -> &Path {
        fs::create_dir_all(self.path.parent().expect("a folder"))
            .and_then(|()| fs::write(&self.path, bytes))
            .expect("written");
        &self.path
    }
}

/// The goldens of this folder whose names end so.
pub(crate) fn goldens(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("goldens").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    assert!(!paths.is_empty(), "there are goldens of {ending}");
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

pub(crate) fn formats() -> Vec<Format> {
    let picture = |name: &'static str, ending: &'static str, format: ImageFormat| {
        let mut samples = goldens("imaging/files", ending);
        samples.retain(|sample| !is_animated(sample));
        let mut made = Cursor::new(Vec::new());
        sample().write_to(&mut made, format).expect("a picture");
        samples.push(made.into_inner());
        let place = Place::new(&format!("picture{ending}"));
        Format::binary(name, samples, move |bytes| looked_at(&place, bytes))
    };
    let settings = |name: &'static str, ending: &'static str| {
        let place = Place::new(&format!("picture{ending}"));
        let read = move |bytes: &[u8]| import(place.with(bytes), &LocalFiles::default()).map(drop);
        // What stands before the pixels is enough.
        Format::binary(name, goldens("metadata", ending), read).readable_when_cut()
    };
    let animation = Place::new("animation");
    let animated = [".gif", ".png", ".webp"].into_iter().flat_map(|ending| goldens("imaging/files", ending));
    let own = Place::new("own.png");
    let recipe = Place::new("recipe.png");
    let text_in_png = Place::new("text.png");
    vec![
        picture("PNG", ".png", ImageFormat::Png).with_tail(PNG_END),
        // Decoders show what there is of a picture that was cut.
        picture("JPEG", ".jpg", ImageFormat::Jpeg).readable_when_cut(),
        picture("WebP", ".webp", ImageFormat::WebP),
        picture("GIF", ".gif", ImageFormat::Gif),
        picture("BMP", ".bmp", ImageFormat::Bmp),
        picture("TIFF", ".tiff", ImageFormat::Tiff),
        // The first picture of an animation is enough.
        Format::binary("animation", animated.filter(|file| is_animated(file)).collect(), move |bytes| {
            looked_at(&animation, bytes)
        })
        .readable_when_cut(),
        settings("settings in PNG", ".png"),
        settings("settings in JPEG", ".jpg"),
        settings("settings in WebP", ".webp"),
        Format::binary("own picture", vec![own_picture()], move |bytes| {
            let path = own.with(bytes);
            gallery::read_recipe(path)?;
            import(path, &LocalFiles::default()).map(drop)
        })
        .readable_when_cut(),
        Format::json("recipe", vec![own_text(png_text::BURNISHER)], move |bytes| {
            let path = recipe.with(&png_with(png_text::BURNISHER, bytes));
            let read = gallery::read_recipe(path).map(drop);
            import(path, &LocalFiles::default())?;
            read
        }),
        Format::text("settings as text", texts(), move |bytes| {
            let text = String::from_utf8_lossy(bytes);
            if let Some(imported) = import_text(&text) {
                // What is taken over is a request like any other.
                burnisher::content::request::Validate::validate(&imported.patch.request).ok();
            }
            for keyword in [png_text::PARAMETERS, "prompt", "Comment", "invokeai_metadata", "sd-metadata"] {
                import(text_in_png.with(&png_with(keyword, bytes)), &LocalFiles::default()).ok();
            }
            Ok(())
        }),
    ]
}

/// Whether a golden is an animation: its format's word for that is in it, and the only GIF is one.
fn is_animated(file: &[u8]) -> bool {
    file.starts_with(b"GIF8")
        || [&b"acTL"[..], b"ANIM"].iter().any(|word| file.windows(word.len()).any(|part| part == *word))
}

/// Everything that looks at a picture.
fn looked_at(place: &Place, bytes: &[u8]) -> Result<()> {
    let path = place.with(bytes);
    // The header alone may be sound.
    decode::look(path).ok();
    decode::grey(path).ok();
    decode::grey_16(path).ok();
    import(path, &LocalFiles::default()).ok();
    gallery::read_depth(path).ok();
    Thumbnails::new(place.folder()).get(path).ok();
    decode::rgb(path).map(drop)
}

fn sample() -> RgbImage {
    RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8]))
}

/// A picture as this program saves it.
fn own_picture() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let request = Request { prompts: Prompts::both("a fox in the snow", "blurry"), ..Request::default() };
    let destination = Destination::File(folder.path().join("own.png"));
    let entry = gallery::save(&sample(), 0, Recipe::of_picture(&request, 0, "bundled"), &destination).expect("saved");
    fs::read(entry.path).expect("a file")
}

/// A text of it.
fn own_text(keyword: &str) -> Vec<u8> {
    let texts = png_text::read_texts(Cursor::new(own_picture())).expect("texts");
    texts.into_iter().find(|(key, _)| key == keyword).expect("the text").1.into_bytes()
}

/// A PNG with this text, whose checksums are right.
fn png_with(keyword: &str, text: &[u8]) -> Vec<u8> {
    png_text::encode(&sample(), &[(keyword, &String::from_utf8_lossy(text))]).expect("a PNG")
}

/// Every text in the pictures of other programs.
fn texts() -> Vec<Vec<u8>> {
    let pictures = goldens("metadata", ".png").into_iter();
    let texts = pictures.filter_map(|picture| png_text::read_texts(Cursor::new(picture)).ok()).flatten();
    texts.map(|(_, text)| text.into_bytes()).filter(|text| text.len() > 20).collect()
}
