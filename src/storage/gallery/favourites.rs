//! The pictures that the user marked, by name, in a small hidden file in the gallery folder itself: they go where the
//! folder goes.
//!
//! The file is written whole or not at all, and read again before each change, so that two windows don't undo each
//! other's. One that can't be understood is put aside under another name, never written over.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::files::write_whole;

/// Hidden, and left out of the gallery by its dot.
const FILE: &str = ".burnisher-favourites.json";

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    favourites: BTreeSet<String>,
}

/// The names of the favourites in `folder`.
///
/// # Errors
/// The file can't be read, or it can't be understood: it is put aside then, and the next call finds none.
pub fn read(folder: &Path) -> Result<BTreeSet<String>> {
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(cause) => {
            return Err(Error::new(format!("can't read the favourites: {}", path.display())).caused_by(cause));
        }
    };
    serde_json::from_slice(&bytes).map(|contents: Contents| contents.favourites).map_err(|cause| {
        let error = Error::new(format!("the favourites can't be understood: {}", path.display())).caused_by(cause);
        match put_aside(&path) {
            Ok(aside) => error.advise(format!("The file was put aside as {}", aside.display())),
            Err(failed) => error.advise(format!("The file can't be put aside either: {failed}")),
        }
    })
}

/// Marks pictures of `folder`, or takes their marks away, and returns all that are marked now.
///
/// # Errors
/// The favourites can't be read (see [`read`]) or written, or a picture's name is no text.
pub fn set(folder: &Path, pictures: &[&Path], favourite: bool) -> Result<BTreeSet<String>> {
    let mut favourites = read(folder)?;
    let before = favourites.clone();
    for picture in pictures {
        let Some(name) = picture.file_name().and_then(|name| name.to_str()) else {
            return Err(Error::new(format!("this name can't be kept as a favourite: {}", picture.display()))
                .advise("Rename the file"));
        };
        if favourite {
            favourites.insert(name.to_owned());
        } else {
            favourites.remove(name);
        }
    }
    if favourites == before {
        return Ok(favourites);
    }
    let contents = Contents { favourites };
    let json = serde_json::to_vec_pretty(&contents)
        .map_err(|cause| Error::new("the favourites are no JSON").caused_by(cause))?;
    write_whole(&folder.join(FILE), &json)?;
    Ok(contents.favourites)
}

/// Gives a file a name that none has.
fn put_aside(path: &Path) -> std::io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let end = if number == 1 { String::from(".bad") } else { format!(".bad-{number}") };
        let mut aside = path.as_os_str().to_owned();
        aside.push(end);
        let aside = PathBuf::from(aside);
        if !aside.try_exists()? {
            return fs::rename(path, &aside).map(|()| aside);
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn marks_are_kept_in_the_folder_and_taken_away() {
        let folder = folder();
        assert_eq!(read(folder.path()).expect("none yet"), names(&[]));
        let pictures = ["a.png", "猫.png"].map(|name| folder.path().join(name));
        let pictures = pictures.each_ref().map(PathBuf::as_path);
        assert_eq!(set(folder.path(), &pictures, true).expect("marked"), names(&["a.png", "猫.png"]));
        assert_eq!(set(folder.path(), &pictures[..1], false).expect("marked"), names(&["猫.png"]));
        assert_eq!(read(folder.path()).expect("marks"), names(&["猫.png"]));
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_put_aside_and_never_written_over() {
        let folder = folder();
        let path = folder.path().join(FILE);
        for (broken, aside) in [("{\"favou", ".bad"), ("\u{feff}", ".bad-2")] {
            fs::write(&path, broken).expect("written");
            let error = set(folder.path(), &[Path::new("a.png")], true).expect_err("it can't be understood");
            assert!(error.to_string().contains(&format!("put aside as {}{aside}", path.display())), "{error}");
            let aside = folder.path().join(format!("{FILE}{aside}"));
            assert_eq!(fs::read_to_string(aside).expect("still there"), broken);
            assert_eq!(set(folder.path(), &[Path::new("a.png")], true).expect("begun anew"), names(&["a.png"]));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_to_is_named() {
        let error = set(Path::new("/proc"), &[Path::new("a.png")], true).expect_err("no file can be made there");
        assert!(error.to_string().starts_with("this folder can't be written to: /proc"), "{error}");
    }

    #[test]
    fn a_folder_that_is_gone_is_named() {
        let error = set(Path::new("/gone"), &[Path::new("a.png")], true).expect_err("it is gone");
        assert!(error.to_string().starts_with("there is no such folder: /gone"), "{error}");
    }
}
