//! Reads the settings of a picture, written by this program or another app.

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::Path;

pub use crate::storage::recipe::metadata::{Imported, SourceApp};

use crate::base::error::{Error, Result};
use crate::storage::recipe::local_files::{LARGEST_PICTURE, LocalFiles};
use crate::storage::recipe::metadata;

/// Reads the settings that a PNG, JPEG or WebP file carries, and looks for the files that they name by their content: where
/// they were last seen, and beside the file. Its pixels aren't decoded.
///
/// # Errors
/// There is no such file; it is none of these, too large, or broken; it carries no settings, or none that can be read.
pub fn import(path: &Path, local_files: &LocalFiles) -> Result<Imported> {
    check(path)?;
    let at = |error: Error| Error::new(format!("no settings can be read from {}", path.display())).caused_by(error);
    let file = File::open(path).map_err(|cause| at(Error::new(cause.to_string())))?;
    let imported = metadata::read(BufReader::new(file)).map_err(at)?.ok_or_else(|| {
        Error::new(format!("this picture carries no settings: {}", path.display()))
            .advise("Editors, and many sites, leave them out: choose the file that the app itself saved")
    })?;
    Ok(located(imported, local_files, path.parent()))
}

/// Looks for the files that the settings name by their content.
fn located(mut imported: Imported, local_files: &LocalFiles, beside: Option<&Path>) -> Imported {
    if !local_files.locate(&mut imported.patch.request, beside) {
        imported.notes.push("It begins with a picture that isn't known on this computer: choose that, too".to_owned());
    }
    if let Some(hash) = &imported.model_hash {
        imported.patch.model = local_files.model(hash);
    }
    imported
}

/// Reads the settings in a text copied from another app; `None` if it has none.
pub fn import_text(text: &str) -> Option<Imported> {
    metadata::read_text(text)
}

/// Checks that a path leads to a file of a picture's size.
///
/// # Errors
/// It leads nowhere, to something else, or to a file that is too large.
pub fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let found = fs::metadata(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => Error::new(format!("there is no such file: {shown}")),
        _ => Error::new(format!("this file can't be read: {shown}")).caused_by(cause),
    })?;
    if found.is_dir() {
        return Err(Error::new(format!("this is a folder, not a picture: {shown}")));
    }
    if !found.is_file() {
        return Err(Error::new(format!("this is no ordinary file: {shown}")));
    }
    if found.len() > LARGEST_PICTURE {
        let most = LARGEST_PICTURE >> 20;
        return Err(Error::new(format!("this file is too large for a picture: {shown}"))
            .advise(format!("Files of up to {most} MiB can be read")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::content::imaging::png_text;
    use crate::content::request::Field;
    use crate::storage::gallery::export::{Metadata, export};

    fn complaint(name: &str, bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        import(&path, &LocalFiles::default()).expect_err("there are no settings").to_string()
    }

    #[test]
    fn what_is_no_picture_is_refused_by_its_content_whatever_its_name() {
        for bytes in [&b""[..], b"a fox", b"GIF89a", b"\x89PN", b"BM", &[0; 5000]] {
            let error = complaint("fox.png", bytes);
            assert!(error.contains("no picture that can be read") && error.contains("PNG, JPEG or WebP"), "{error}");
        }
    }

    #[test]
    fn the_settings_of_a_picture_of_30_000_pixels_are_read_and_its_pixels_are_not() {
        let text = "a fox\nSteps: 20, Sampler: Euler, Seed: 1, Size: 512x512";
        let mut file = png_text::encode(&RgbImage::new(8, 8), &[(png_text::PARAMETERS, text)]).expect("a PNG");
        // Width and height are the first things in the header, which is the first chunk.
        file.splice(16..24, [30_000_u32.to_be_bytes(); 2].concat());
        // Its checksum, for those who look at it.
        file.splice(29..33, 0xe945_6fed_u32.to_be_bytes());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("huge.png");
        fs::write(&path, file).expect("a file");
        assert_eq!(
            import(&path, &LocalFiles::default()).expect("settings").get(Field::Prompt).as_deref(),
            Some("a fox")
        );
        let error = export(&path, &folder.path().join("huge.jpg"), Metadata::Keep).expect_err("there are no pixels");
        assert!(
            error.to_string().ends_with("it is too large to be converted. Choose PNG, which keeps the file as it is"),
            "{error}"
        );
    }

    #[test]
    fn half_a_picture_is_called_broken() {
        for bytes in [&b"\x89PNG\r\n\x1a\n\0\0"[..], b"\xff\xd8\xff\xe1\xff\xff", b"RIFF\xff\xff\xff\xffWEBPVP8X"] {
            let error = complaint("fox.png", bytes);
            assert!(error.contains("too early") || error.contains("broken"), "{error}");
        }
    }

    #[test]
    fn a_picture_without_settings_says_so_and_what_to_do() {
        let mut file = std::io::Cursor::new(Vec::new());
        RgbImage::new(8, 8).write_to(&mut file, image::ImageFormat::Png).expect("a PNG");
        let error = complaint("fox.png", file.get_ref());
        assert!(error.contains("carries no settings") && error.contains("choose the file that the app"), "{error}");
    }

    #[test]
    fn missing_files_folders_and_giants_are_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let gone = folder.path().join("gone.png");
        assert!(
            import(&gone, &LocalFiles::default())
                .expect_err("missing")
                .to_string()
                .starts_with("there is no such file: ")
        );
        assert!(
            import(folder.path(), &LocalFiles::default())
                .expect_err("a folder")
                .to_string()
                .starts_with("this is a folder, not a picture")
        );
        let giant = folder.path().join("giant.png");
        File::create(&giant).and_then(|file| file.set_len(LARGEST_PICTURE + 1)).expect("a sparse file");
        assert!(import(&giant, &LocalFiles::default()).expect_err("too large").to_string().contains("256 MiB"));
    }
}
