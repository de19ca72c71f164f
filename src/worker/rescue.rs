//! Pictures that couldn't be saved where they should be: they took minutes to draw.
//!
//! One is put aside in a folder of the user's own, or in a new one that nobody else can write to; where no disk takes it, it stays
//! in memory.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;

use crate::base::error::{Error, Result};
use crate::content::request::Recipe;
use crate::storage::gallery::{self, Destination, Entry};

/// A picture that is nowhere but in memory.
#[derive(Clone, PartialEq)]
pub struct UnsavedPicture {
    picture: Arc<RgbImage>,
    recipe: Box<Recipe>,
}

impl UnsavedPicture {
    /// Keeps a picture in memory.
    pub fn new(picture: RgbImage, recipe: Recipe) -> Self {
        Self { picture: Arc::new(picture), recipe: Box::new(recipe) }
    }

    /// Returns what drew it.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Writes it as this file, which becomes a PNG by its name, too.
    ///
    /// # Errors
    /// The folder is missing or can't be written to, or the disk is full.
    pub fn save(&self, path: &Path) -> Result<Entry> {
        let is_png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        let path = if is_png { path.to_owned() } else { path.with_extension("png") };
        gallery::save(&self.picture, 0, Recipe::clone(&self.recipe), &Destination::File(path))
    }
}

impl fmt::Debug for UnsavedPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsavedPicture").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

/// Puts a picture aside that couldn't be saved because of `error`: into `folder`, or into a new one among the temporary files.
/// The error that comes back says where it is, or nothing more if it is nowhere: then the flag is false.
pub(super) fn put_aside(
    what: &str,
    picture: &RgbImage,
    recipe: &Recipe,
    folder: Option<&Path>,
    error: Error,
) -> (Error, bool) {
    let save = |folder: PathBuf| gallery::save(picture, 0, recipe.clone(), &Destination::Folder(folder)).ok();
    let own = folder.and_then(|folder| save(own_folder(folder).ok()?));
    let place = if let Some(entry) = own {
        format!("{what} was put aside as {}", entry.path.display())
    } else {
        // It has a random name, and belongs to the user alone.
        let Ok(temporary) = tempfile::Builder::new().prefix("burnisher-rescued-").tempdir() else {
            return (error, false);
        };
        let Some(entry) = save(temporary.path().to_owned()) else { return (error, false) };
        let _ = temporary.keep();
        format!("{what} was put aside as {}: move it before the computer is restarted", entry.path.display())
    };
    let advice = error.advice().map_or(place.clone(), |advice| format!("{advice}. {place}"));
    (error.advise(advice), true)
}

/// Makes a folder that the user alone may look into; one that is there has to be a folder, and no link to another.
fn own_folder(folder: &Path) -> io::Result<PathBuf> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_folder = fs::symlink_metadata(folder)?.is_dir();
            if is_folder { Ok(folder.to_owned()) } else { Err(error) }
        }
        made => made.map(|()| folder.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::Request;

    fn picture() -> (RgbImage, Recipe) {
        (RgbImage::new(8, 8), Recipe::of_picture(&Request::default(), 0, "bundled"))
    }

    fn put(folder: Option<&Path>) -> String {
        let (picture, recipe) = picture();
        let error = Error::new("the disk is full").advise("Make some space");
        let (error, is_kept) = put_aside("The picture", &picture, &recipe, folder, error);
        assert!(is_kept);
        error
            .advice()
            .and_then(|advice| advice.strip_prefix("Make some space. The picture was put aside as "))
            .expect("a place")
            .to_owned()
    }

    #[test]
    fn a_picture_is_put_aside_in_a_folder_of_the_users_own() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("state/burnisher/rescued");
        for _ in 0..2 {
            let path = PathBuf::from(put(Some(&folder)));
            assert!(path.starts_with(&folder) && gallery::read_recipe(&path).expect("a PNG").is_some());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&folder).expect("a folder").permissions().mode() & 0o777, 0o700);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_another_folder_is_not_written_through() {
        let home = tempfile::tempdir().expect("a folder");
        let (folder, elsewhere) = (home.path().join("rescued"), home.path().join("elsewhere"));
        fs::create_dir(&elsewhere).expect("a folder");
        std::os::unix::fs::symlink(&elsewhere, &folder).expect("a link");
        let advice = put(Some(&folder));
        let path = advice.strip_suffix(": move it before the computer is restarted").expect("a temporary place");
        assert!(!Path::new(path).starts_with(home.path()));
        assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 0);
        fs::remove_dir_all(Path::new(path).parent().expect("a folder")).expect("removed");
    }

    #[test]
    fn a_picture_in_memory_is_saved_as_the_png_that_is_asked_for() {
        let home = tempfile::tempdir().expect("a folder");
        let (image, recipe) = picture();
        let unsaved = UnsavedPicture::new(image, recipe.clone());
        for (name, file) in [("a", "a.png"), ("b.jpg", "b.png"), ("c.PNG", "c.PNG")] {
            let entry = unsaved.save(&home.path().join(name)).expect("saved");
            assert_eq!((entry.path, &entry.recipe), (home.path().join(file), &recipe));
        }
        assert!(unsaved.save(&home.path().join("gone/a.png")).is_err());
    }
}
