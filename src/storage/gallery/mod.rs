//! Pictures on disk: a folder of PNGs, each with the recipe that drew it. The PNG is the record.
//!
//! A file appears whole or not at all: it is written beside its place under another name and moved there once every
//! byte is on the disk. In a folder each picture takes the next free number, so nothing is ever overwritten; a file
//! that the user named is replaced, which is what naming it asks for.

pub mod export;

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use image::{GrayImage, RgbImage};
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::files::{file_error, folder_error, parent_of, write_beside, write_whole};
use crate::content::imaging::{png_text, xmp};
use crate::content::request::Recipe;
use crate::storage::recipe::a1111;

pub mod bin;
mod depth;
pub mod favourites;
mod header;
mod index;
mod item;
pub mod listing;
#[cfg(test)]
mod many;
mod names;
pub mod search;
mod stamp;
#[cfg(test)]
pub(crate) mod testing;
pub mod thumbnails;

pub use crate::content::imaging::decode;
pub use depth::read_depth;
pub use names::NamePattern;

/// A picture in the gallery.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The PNG.
    #[serde(with = "crate::base::path_text")]
    pub path: PathBuf,
    /// What drew it.
    pub recipe: Recipe,
}

/// Is told the name that a file is about to take, and its bytes.
pub type Announce<'a> = dyn FnMut(&Path, &[u8]) + 'a;

/// Where pictures go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// Into this folder, as `00001-<seed>-<words of the prompt>.png`. Made if its parent exists.
    Folder(#[serde(with = "crate::base::path_text")] PathBuf),
    /// Into this folder, under names of the user's own making. Made if its parent exists.
    Named(#[serde(with = "crate::base::path_text")] PathBuf, NamePattern),
    /// Into this very file, replacing what is there. A second picture gets `-2` after the name, and so on.
    File(#[serde(with = "crate::base::path_text")] PathBuf),
}

impl Destination {
    /// What a path that the user typed means: an existing folder is one, `*.png` is a file, and a name without an
    /// extension is a folder to be made.
    ///
    /// # Errors
    /// It names a file that is no PNG.
    pub fn from_path(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("png") => Ok(Self::File(path.to_owned())),
            None if is_bare_ending(path) => {
                Err(Error::new(format!("this is the ending of a file without its name: {}", path.display()))
                    .advise("Name a file that ends in .png, or a folder"))
            }
            None if !path.exists() => Ok(Self::Folder(path.to_owned())),
            _ => Err(Error::new(format!("pictures are written as PNG, which this is not: {}", path.display()))
                .advise("Name a file that ends in .png, or a folder")),
        }
    }

    /// The folder that is there and that files are made in: the one for the pictures, or the one that this is made in.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) | Self::Named(folder, _) if folder.exists() => folder,
            Self::Folder(path) | Self::Named(path, _) | Self::File(path) => parent_of(path),
        }
    }

    /// Finds out whether a picture could be written, before any work is spent on it.
    ///
    /// # Errors
    /// The folder is missing, is no folder, or can't be written to.
    pub fn check(&self) -> Result<()> {
        if let Self::File(path) = self
            && path.is_dir()
        {
            return Err(
                Error::new(format!("this is a folder, not a file: {}", path.display())).advise("Name a file in it")
            );
        }
        let folder = self.folder();
        tempfile::tempfile_in(folder).map(drop).map_err(|cause| folder_error(folder, cause))
    }
}

/// Whether a path is called like the ending of a picture: `.png`.
fn is_bare_ending(path: &Path) -> bool {
    const ENDINGS: [&str; 8] = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"];
    path.file_name().is_some_and(|name| ENDINGS.iter().any(|ending| name.eq_ignore_ascii_case(ending)))
}

/// Writes picture `k` of a request, counted from 0, with its recipe.
///
/// # Errors
/// The folder is missing or can't be written to, or the disk is full. Nothing is left behind then.
pub fn save(picture: &RgbImage, k: usize, recipe: Recipe, destination: &Destination) -> Result<Entry> {
    save_with_depth(picture, None, k, recipe, destination)
}

/// The same with the depth map that the picture was drawn by, if there is one: [`read_depth`] reads it.
///
/// # Errors
/// As for [`save`].
pub fn save_with_depth(
    picture: &RgbImage,
    depth: Option<&GrayImage>,
    k: usize,
    recipe: Recipe,
    destination: &Destination,
) -> Result<Entry> {
    save_announced(picture, depth, k, recipe, destination, &mut |_, _| {})
}

/// The same, and calls `announce` with the name that the file is about to take, and its bytes. If the name is taken meanwhile, it is
/// called again with the next one.
///
/// # Errors
/// As for [`save`].
pub fn save_announced(
    picture: &RgbImage,
    depth: Option<&GrayImage>,
    k: usize,
    recipe: Recipe,
    destination: &Destination,
    announce: &mut Announce<'_>,
) -> Result<Entry> {
    // The file may go anywhere: it tells no place on this machine.
    let shared = recipe.shared();
    let json = serde_json::to_string(&shared).map_err(|cause| Error::new("the recipe is no JSON").caused_by(cause))?;
    let texts = [
        (png_text::PARAMETERS, &*a1111::parameters(&shared)),
        (png_text::BURNISHER, &*json),
        (xmp::KEYWORD, xmp::MADE_BY_A_MODEL),
    ];
    let mut file = png_text::encode(picture, &texts)?;
    if let Some(depth) = depth {
        file = depth::with_depth(file, depth)?;
    }
    let path = match destination {
        Destination::File(path) => {
            let path = numbered(path, k);
            announce(&path, &file);
            write_whole(&path, &file)?;
            path
        }
        Destination::Folder(folder) => write_next(folder, &NamePattern::default(), &recipe, &file, announce)?,
        Destination::Named(folder, names) => write_next(folder, names, &recipe, &file, announce)?,
    };
    Ok(Entry { path, recipe })
}

/// The recipe that a PNG carries; `None` if it carries none of ours.
///
/// # Errors
/// The file can't be read, is no PNG, or carries a recipe that makes no sense.
pub fn read_recipe(path: &Path) -> Result<Option<Recipe>> {
    let at = |error: Error| Error::new(format!("can't read the recipe of {}", path.display())).caused_by(error);
    let file = File::open(path).map_err(|cause| at(Error::new(cause.to_string())))?;
    let texts = png_text::read_texts(BufReader::new(file)).map_err(at)?;
    let Some((_, json)) = texts.into_iter().find(|(keyword, _)| keyword == png_text::BURNISHER) else {
        return Ok(None);
    };
    // A picture may come from anywhere: no path of it is followed.
    let recipe = serde_json::from_str(&json).map(|recipe: Recipe| Some(recipe.shared()));
    recipe.map_err(|cause| at(Error::new(cause.to_string())))
}

/// Makes a folder for pictures if there is none.
///
/// # Errors
/// Its parent is missing or can't be written to.
pub fn make_folder(folder: &Path) -> Result<()> {
    match fs::create_dir(folder) {
        Err(cause) if cause.kind() != ErrorKind::AlreadyExists => Err(folder_error(folder, cause)),
        _ => Ok(()),
    }
}

/// Writes a PNG under the folder's next free number.
fn write_next(
    folder: &Path,
    names: &NamePattern,
    recipe: &Recipe,
    bytes: &[u8],
    announce: &mut Announce<'_>,
) -> Result<PathBuf> {
    make_folder(folder)?;
    let numbers = last_number(folder)?.saturating_add(1)..=u64::MAX;
    write_free(folder, numbers.map(|number| format!("{}.png", names.fill(number, recipe)).into()), bytes, announce)
}

/// Writes a PNG under the first of these names that is free in a folder.
fn write_free(
    folder: &Path,
    names: impl Iterator<Item = PathBuf>,
    bytes: &[u8],
    announce: &mut Announce<'_>,
) -> Result<PathBuf> {
    let mut file = write_beside(folder, bytes)?;
    for path in names.map(|name| folder.join(name)).filter(|path| path.symlink_metadata().is_err()) {
        announce(&path, bytes);
        // Two programs may be writing here: who comes second takes the next name.
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(failure) if failure.error.kind() == ErrorKind::AlreadyExists => file = failure.file,
            Err(failure) => return Err(file_error(&path, failure.error)),
        }
    }
    Err(Error::new(format!("no name is free in {}", folder.display())).advise("Choose another folder"))
}

/// The largest number that a picture in `folder` begins with.
fn last_number(folder: &Path) -> Result<u64> {
    let names = fs::read_dir(folder).map_err(|cause| folder_error(folder, cause))?;
    let number = |name: &str| name.split_once('-')?.0.parse::<u64>().ok();
    Ok(names.flatten().filter_map(|entry| number(entry.file_name().to_str()?)).max().unwrap_or(0))
}

/// `path` for the first picture, `path-2` for the second.
fn numbered(path: &Path, k: usize) -> PathBuf {
    if k == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}.png", k + 1));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size};

    fn picture() -> RgbImage {
        RgbImage::from_pixel(8, 8, Rgb([200, 10, 30]))
    }

    fn recipe(prompt: &str) -> Recipe {
        let request = Request {
            prompts: Prompts::new(prompt),
            sampling: Sampling { steps: 20, ..Sampling::default() },
            guidance: Guidance { scale: 4.0, ..Guidance::default() },
            seeds: Seeds::one(42),
            size: Size::new(8, 8),
            ..Request::default()
        };
        Recipe::of_picture(&request, 0, "bundled")
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").file_name());
        let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_picture_comes_back_with_its_recipe() {
        let folder = folder();
        let destination = Destination::Folder(folder.path().to_owned());
        let recipe = recipe("a red heart, 猫 \"quoted\"\nand a second line");
        let entry = save(&picture(), 0, recipe.clone(), &destination).expect("saved");
        assert_eq!(read_recipe(&entry.path).expect("a PNG"), Some(recipe));
        assert_eq!(image::open(&entry.path).expect("a PNG").to_rgb8(), picture());
    }

    #[test]
    fn a_picture_says_that_a_model_made_it() {
        let folder = folder();
        let destination = Destination::Folder(folder.path().to_owned());
        let entry = save(&picture(), 0, recipe("x"), &destination).expect("saved");
        let file = BufReader::new(File::open(entry.path).expect("a file"));
        let texts = png_text::read_texts(file).expect("a PNG");
        let (_, packet) = texts.iter().find(|(keyword, _)| keyword == "XML:com.adobe.xmp").expect("a packet of XMP");
        assert!(packet.contains(
            "<Iptc4xmpExt:DigitalSourceType>\
            http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>"
        ));
    }

    #[test]
    fn a_folder_numbers_its_pictures_and_overwrites_nothing() {
        let folder = folder();
        fs::write(folder.path().join("00007-1-old.png"), "old").expect("a file");
        fs::write(folder.path().join("notes.txt"), "old").expect("a file");
        let destination = Destination::Folder(folder.path().to_owned());
        for prompt in ["A Fox, jumping!", "über ../etc/passwd", "", &"word ".repeat(50)] {
            save(&picture(), 0, recipe(prompt), &destination).expect("saved");
        }
        let long = format!("00011-42{}.png", "-word".repeat(12));
        let expected = [
            "00007-1-old.png",
            "00008-42-a-fox-jumping.png",
            "00009-42-über-etc-passwd.png",
            "00010-42.png",
            &long,
            "notes.txt",
        ];
        assert_eq!(names(folder.path()), expected);
        assert_eq!(fs::read(folder.path().join("00007-1-old.png")).expect("still there"), b"old");
    }

    #[test]
    fn only_free_names_are_announced_where_the_number_ends_the_name() {
        let folder = folder();
        let destination = Destination::Named(folder.path().to_owned(), NamePattern("{prompt} {number}".to_owned()));
        for number in 1..=3 {
            let mut announced = Vec::new();
            let mut announce = |path: &Path, _: &[u8]| announced.push(path.to_owned());
            save_announced(&picture(), None, 0, recipe("fox"), &destination, &mut announce).expect("saved");
            assert_eq!(announced, [folder.path().join(format!("fox {number:05}.png"))]);
        }
    }

    #[test]
    fn a_missing_folder_is_made_and_a_missing_parent_is_an_error() {
        let folder = folder();
        let destination = Destination::from_path(&folder.path().join("new")).expect("a folder to be");
        destination.check().expect("it can be made");
        assert_eq!(names(folder.path()), [""; 0], "checking leaves nothing behind");
        save(&picture(), 0, recipe("x"), &destination).expect("saved");
        assert_eq!(names(&folder.path().join("new")), ["00001-42-x.png"]);

        for path in ["gone/new", "gone/heart.png"] {
            let destination = Destination::from_path(&folder.path().join(path)).expect("a path");
            let error = destination.check().expect_err("its parent is missing").to_string();
            assert!(error.starts_with("there is no such folder: ") && error.ends_with("gone"), "{error}");
            assert!(save(&picture(), 0, recipe("x"), &destination).is_err());
        }
    }

    #[test]
    fn a_named_file_is_replaced_whole_and_further_pictures_are_numbered() {
        let folder = folder();
        let path = folder.path().join("heart.png");
        fs::write(&path, "old").expect("a file");
        let destination = Destination::from_path(&path).expect("a file");
        for k in 0..2 {
            save(&picture(), k, recipe("x"), &destination).expect("saved");
        }
        assert_eq!(names(folder.path()), ["heart-2.png", "heart.png"]);
        assert_eq!(image::open(&path).expect("a PNG").to_rgb8(), picture());
    }

    #[test]
    fn what_is_neither_png_nor_folder_is_refused() {
        let folder = folder();
        fs::write(folder.path().join("file"), "").expect("a file");
        for name in ["heart.jpg", "file"] {
            let error = Destination::from_path(&folder.path().join(name)).expect_err("it is no place for a picture");
            assert!(error.to_string().contains("Name a file that ends in .png, or a folder"), "{error}");
        }
        let inside = Destination::File(folder.path().join("file/heart.png"));
        assert!(inside.check().expect_err("a file is no folder").to_string().starts_with("this is no folder: "));
    }

    #[test]
    fn a_folder_in_the_place_of_the_file_is_an_error_that_leaves_nothing_behind() {
        let folder = folder();
        let path = folder.path().join("heart.png");
        let destination = Destination::from_path(&path).expect("a file");
        fs::create_dir(&path).expect("a folder");
        let error = save(&picture(), 0, recipe("x"), &destination).expect_err("a folder is in its place");
        assert!(error.to_string().starts_with("this is a folder, not a file: "), "{error}");
        assert_eq!(names(folder.path()), ["heart.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_picture_is_readable_like_any_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        let any = folder.path().join("any");
        fs::write(&any, "").expect("a file");
        let path = folder.path().join("heart.png");
        save(&picture(), 0, recipe("x"), &Destination::File(path.clone())).expect("saved");
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode(&path), mode(&any));
    }

    #[test]
    fn a_png_without_a_recipe_has_none_and_a_broken_one_is_an_error() {
        let folder = folder();
        let path = folder.path().join("x.png");
        picture().save(&path).expect("saved");
        assert_eq!(read_recipe(&path).expect("a PNG"), None);
        let broken = png_text::encode(&picture(), &[(png_text::BURNISHER, "{\"request\":")]).expect("a PNG");
        fs::write(&path, broken).expect("written");
        assert!(read_recipe(&path).expect_err("half a recipe").to_string().starts_with("can't read the recipe of "));
        fs::write(&path, "GIF89a").expect("written");
        assert!(read_recipe(&path).is_err());
        assert!(read_recipe(&folder.path().join("gone.png")).is_err());
    }
}
