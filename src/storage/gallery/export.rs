//! Saving a picture of the gallery elsewhere: as PNG, JPEG or WebP, with its settings or without.
//!
//! A PNG keeps everything, to the byte. JPEG and WebP carry the `parameters` text, which has all but our own recipe.
//! Limits: transparency, which other apps' pictures may have, is kept in a PNG only.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ImageError, ImageFormat, ImageReader, RgbImage};

use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::content::imaging::encode::{self, Said};
use crate::content::imaging::{png_chunks, png_text, xmp};
use crate::storage::gallery::{numbered, write_free};
use crate::storage::recipe::import;

/// A kind of file to save as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Loses nothing, and keeps the recipe.
    Png,
    /// Small; loses what nobody sees.
    Jpeg,
    /// Loses nothing, and is smaller than a PNG.
    WebP,
}

/// What becomes of the settings in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// They stay, as far as the format can hold them.
    Keep,
    /// Only the pixels stay. The mark of a picture made by a model goes as well.
    Strip,
}

impl Format {
    /// Every format, in the order of the menus.
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::WebP];

    /// The format's name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
        }
    }

    /// What its files end in, the usual one first.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Png => &["png"],
            Self::Jpeg => &["jpg", "jpeg"],
            Self::WebP => &["webp"],
        }
    }

    /// The format that a file's name asks for.
    ///
    /// # Errors
    /// It ends in none of them.
    pub fn from_path(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_asked = |format: &Self| format.extensions().iter().any(|known| known.eq_ignore_ascii_case(extension));
        Self::ALL.into_iter().find(is_asked).ok_or_else(|| {
            Error::new(format!("pictures can't be saved in this format: {}", path.display()))
                .advise("Let the name end in .png, .jpg or .webp")
        })
    }
}

/// Saves the PNG at `source` as `target`, whose name says the format. It appears whole or not at all, replacing what is
/// there.
///
/// # Errors
/// The name ends in no format that we write; the source can't be read, is no PNG, or is too large for the format; the
/// target can't be written. What was there before stays.
pub fn export(source: &Path, target: &Path, metadata: Metadata) -> Result<()> {
    let format = Format::from_path(target)?;
    write_whole(target, &converted(source, format, metadata)?)
}

/// Saves the PNG at `source` in `folder` as a PNG of the same name, with a number behind it where that is taken: nothing is replaced.
/// Gives where it lies then.
///
/// # Errors
/// The source can't be read or is no PNG; the folder is missing or can't be written to.
pub fn export_copy(source: &Path, folder: &Path, metadata: Metadata) -> Result<PathBuf> {
    let file = converted(source, Format::Png, metadata)?;
    let name = Path::new(source.file_name().unwrap_or_default()).with_extension("png");
    write_free(folder, (0..=usize::MAX).map(|k| numbered(&name, k)), &file, &mut |_, _| {})
}

/// The file of a PNG in another format, or with less in it.
fn converted(source: &Path, format: Format, metadata: Metadata) -> Result<Vec<u8>> {
    let at = |error: Error| Error::new(format!("this picture can't be saved: {}", source.display())).caused_by(error);
    import::check(source)?;
    let file = fs::read(source).map_err(|cause| at(Error::new(cause.to_string())))?;
    convert(file, format, metadata).map_err(at)
}

/// A PNG in another format, or with less in it.
fn convert(png: Vec<u8>, format: Format, metadata: Metadata) -> Result<Vec<u8>> {
    let texts = png_text::read_texts(Cursor::new(&png))?;
    let text = |keyword: &str| texts.iter().find(|(known, _)| known == keyword).map(|(_, text)| text.clone());
    let said = match metadata {
        Metadata::Keep => Said { parameters: text(png_text::PARAMETERS), xmp: text(xmp::KEYWORD) },
        Metadata::Strip => Said::default(),
    };
    match (format, metadata) {
        (Format::Png, Metadata::Keep) => Ok(png),
        (Format::Png, Metadata::Strip) => png_chunks::without_metadata(&png),
        (Format::Jpeg, _) => encode::jpeg(&decode(&png)?, &said),
        (Format::WebP, _) => encode::webp(&decode(&png)?, &said),
    }
}

fn decode(png: &[u8]) -> Result<RgbImage> {
    let decoded = ImageReader::with_format(Cursor::new(png), ImageFormat::Png).decode();
    let decoded = decoded.map_err(|cause| match cause {
        ImageError::Limits(_) => {
            Error::new("it is too large to be converted").advise("Choose PNG, which keeps the file as it is")
        }
        // Its causes say the same again.
        cause => Error::new("its pixels can't be read").caused_by(Error::new(cause.to_string())),
    })?;
    Ok(decoded.into_rgb8())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use image::Rgb;

    use super::*;
    use crate::content::request::{Field, Recipe};
    use crate::storage::gallery::{Destination, save};
    use crate::storage::recipe::import::{SourceApp, import};
    use crate::storage::recipe::local_files::LocalFiles;

    fn picture() -> RgbImage {
        RgbImage::from_fn(16, 8, |x, y| Rgb([x as u8 * 16, y as u8 * 32, 7]))
    }

    fn recipe() -> Recipe {
        let recipe = r#"{"request": {"task": {"name": "text-to-image"}, "steps": 20, "seed": 18446744073709551615,
            "prompt": "a red fox, 猫 \"quoted\"\nand a second line", "negative_prompt": "blurry: dark, \nugly",
            "scheduler": "dpm++2m-karras", "guidance_scale": 4.5, "guidance_rescale": 0.7, "width": 16, "height": 8,
            "count": 1}, "model": "/models/fox, best.safetensors", "app_version": "0.1.0"}"#;
        serde_json::from_str(recipe).expect("a recipe")
    }

    /// A folder with a saved picture in it.
    fn saved() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fox.png");
        save(&picture(), 0, recipe(), &Destination::File(path.clone())).expect("saved");
        (folder, path)
    }

    fn exported(name: &str, metadata: Metadata) -> (tempfile::TempDir, PathBuf) {
        let (folder, source) = saved();
        let target = folder.path().join(name);
        export(&source, &target, metadata).expect("exported");
        (folder, target)
    }

    #[test]
    fn a_png_is_copied_to_the_byte_and_reads_back_to_the_same_recipe() {
        let (folder, path) = exported("copy.PNG", Metadata::Keep);
        assert_eq!(fs::read(&path).expect("a file"), fs::read(folder.path().join("fox.png")).expect("a file"));
        let imported = import(&path, &LocalFiles::default()).expect("settings");
        assert_eq!((imported.source, &imported.patch), (SourceApp::BURNISHER, &recipe().shared().patch()));
        assert_eq!(imported.model.as_deref(), Some("fox, best.safetensors"), "without its folder");
    }

    #[test]
    fn a_copy_replaces_neither_its_original_nor_another_picture() {
        let (folder, source) = saved();
        let original = fs::read(&source).expect("a file");
        let copied = || export_copy(&source, folder.path(), Metadata::Strip).expect("a copy");
        assert_eq!((copied(), copied()), (folder.path().join("fox-2.png"), folder.path().join("fox-3.png")));
        assert_eq!(fs::read(&source).expect("a file"), original);
        assert!(fs::read(folder.path().join("fox-2.png")).expect("a file").len() < original.len());
        let error = export_copy(&source, &folder.path().join("gone"), Metadata::Keep).expect_err("there is no folder");
        assert!(error.to_string().starts_with("there is no such folder: "), "{error}");
    }

    #[test]
    fn jpeg_and_webp_read_back_to_what_the_parameters_text_holds() {
        for name in ["fox.jpg", "fox.JPEG", "fox.webp"] {
            let (_folder, path) = exported(name, Metadata::Keep);
            let imported = import(&path, &LocalFiles::default()).expect("settings");
            let expected = recipe().patch().only(&[
                Field::Prompt,
                Field::NegativePrompt,
                Field::Scheduler,
                Field::Steps,
                Field::GuidanceScale,
                Field::Seed,
                Field::Size,
            ]);
            assert_eq!((&imported.patch, imported.source), (&expected, SourceApp::BURNISHER), "{name}");
            let names = (imported.model.as_deref(), imported.sampler.as_deref());
            assert_eq!(names, (Some("fox, best"), Some("DPM++ 2M Karras")), "{name}");
            let shown = image::open(&path).expect("a picture").to_rgb8();
            assert_eq!(shown.dimensions(), (16, 8));
            assert!(name != "fox.webp" || shown == picture(), "WebP loses nothing");
        }
    }

    #[test]
    fn stripped_files_hold_nothing_but_pixels() {
        for name in ["bare.png", "bare.jpg", "bare.webp"] {
            let (_folder, path) = exported(name, Metadata::Strip);
            let error = import(&path, &LocalFiles::default()).expect_err("there are none").to_string();
            assert!(error.starts_with("this picture carries no settings: "), "{error}");
            let file = fs::read(&path).expect("a file");
            assert!(!file.windows(5).any(|w| w == b"Steps" || w == b"iptc." || w == b"adobe"), "{name}");
            assert_eq!(image::open(&path).expect("a picture").to_rgb8().dimensions(), (16, 8));
        }
        let (_folder, path) = exported("bare.png", Metadata::Strip);
        assert_eq!(image::open(&path).expect("a picture").to_rgb8(), picture());
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let (folder, source) = saved();
        let target = folder.path().join("old.jpg");
        fs::write(&target, "old").expect("a file");
        fs::write(folder.path().join("half.png"), &fs::read(&source).expect("a file")[..100]).expect("a file");
        fs::write(folder.path().join("text.png"), "no picture").expect("a file");
        for name in ["half.png", "text.png", "gone.png", ""] {
            assert!(export(&folder.path().join(name), &target, Metadata::Keep).is_err(), "{name:?}");
        }
        for name in ["x.gif", "x", "gone/x.png"] {
            assert!(export(&source, &folder.path().join(name), Metadata::Keep).is_err(), "{name:?}");
        }
        assert_eq!(fs::read(&target).expect("still there"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 4, "nothing is left behind");
    }

    #[test]
    fn names_say_the_format_in_any_case() {
        for format in Format::ALL {
            for extension in format.extensions() {
                for name in [format!("a.{extension}"), format!("a.b.{}", extension.to_uppercase())] {
                    assert_eq!(Format::from_path(Path::new(&name)).expect("it is known"), format);
                }
            }
        }
        let error = Format::from_path(Path::new("fox.gif")).expect_err("not ours").to_string();
        assert!(error.contains("fox.gif") && error.contains(".png, .jpg or .webp"), "{error}");
    }
}
