//! The picture that a task begins with, as the form shows it: how large it is, and a small copy.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use egui::{Color32, ColorImage, TextureHandle, TextureOptions};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::app::librarian::FittedPicture;
use crate::app::screen_picture::color_image;
use crate::base::error::{Error, Result};
use crate::base::files::{file_error, write_beside};
use crate::content::imaging::texture::fit_texture;
use crate::storage::gallery::{decode, make_folder, read_depth};

/// The longer side of the small copy, in pixels.
const THUMBNAIL: u32 = 96;

/// What is known of a file that the form names.
#[derive(Default)]
pub(crate) struct FormPicture {
    path: Option<PathBuf>,
    /// `None` until it is read.
    pub read: Option<Result<OpenedPicture>>,
    /// Whether the form's size is to follow the picture's once it is known: so for one that was just chosen.
    pub fits: bool,
    /// The size that the form was given for it. While the form has it, it follows the picture's margins.
    pub fitted: Option<(usize, usize)>,
}

/// A picture that was read.
pub(crate) struct OpenedPicture {
    pub width: u32,
    pub height: u32,
    pub is_animated: bool,
    pub texture: TextureHandle,
}

/// What the thread for files tells of a picture.
#[derive(Debug)]
pub(crate) struct Glance {
    width: u32,
    height: u32,
    is_animated: bool,
    thumbnail: ColorImage,
}

impl FormPicture {
    /// The form names this file; returns it if it is another than before, and has to be looked at.
    pub(crate) fn follow(&mut self, path: Option<&PathBuf>) -> Option<PathBuf> {
        if self.path.as_ref() == path {
            return None;
        }
        self.path = path.cloned();
        self.read = None;
        path.cloned()
    }

    /// Takes in what the thread for files tells, if it is of the file that the form names now.
    pub(crate) fn hear(&mut self, ctx: &egui::Context, path: &Path, glance: &Result<Glance>) {
        if self.path.as_deref() != Some(path) {
            return;
        }
        self.read = Some(glance.as_ref().map_err(Error::clone).map(|glance| OpenedPicture {
            width: glance.width,
            height: glance.height,
            is_animated: glance.is_animated,
            texture: ctx.load_texture("source", glance.thumbnail.clone(), TextureOptions::LINEAR),
        }));
    }
}

/// Reads a picture to show what it is. It takes a while.
///
/// # Errors
/// The file can't be read.
pub(crate) fn glance(path: &Path) -> Result<Glance> {
    let looks = decode::look(path)?;
    let small = decode::decode(path)?.thumbnail(THUMBNAIL, THUMBNAIL).into_rgba8();
    let thumbnail = color_image(&small);
    Ok(Glance { width: looks.width, height: looks.height, is_animated: looks.is_animated, thumbnail })
}

/// Reads the depth map that a picture was drawn by.
///
/// # Errors
/// The file can't be read, or has none.
pub(crate) fn depth_of(path: &Path) -> Result<FittedPicture> {
    let none = || Error::new(format!("This picture has no depth map: {}", path.display()));
    let map = read_depth(path)?.ok_or_else(none)?;
    let size = [map.width(), map.height()];
    let map = fit_texture(map.into()).into_luma8();
    let pixels = ColorImage::from_gray([map.width() as usize, map.height() as usize], map.as_raw());
    Ok(FittedPicture { image: Arc::new(pixels), size, flagged: None })
}

/// Keeps a pasted picture as a PNG, named by when it was pasted. One of that time is there already where the clock was put back.
///
/// # Errors
/// The folder or the file can't be written.
pub(crate) fn keep(picture: &ColorImage, folder: &Path, pasted: SystemTime) -> Result<PathBuf> {
    let broken = |cause| Error::new("the pasted picture can't be kept").caused_by(cause);
    let bytes: Vec<u8> = picture.pixels.iter().flat_map(Color32::to_srgba_unmultiplied).collect();
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    let mut file = Vec::new();
    let encoder = PngEncoder::new(&mut file);
    encoder
        .write_image(&bytes, width, height, ExtendedColorType::Rgba8)
        .map_err(|cause| broken(Error::new(cause.to_string())))?;
    make_folder(folder).map_err(broken)?;
    let mut file = write_beside(folder, &file).map_err(broken)?;
    let since = pasted.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut number = since.as_millis();
    loop {
        let path = folder.join(format!("{number}.png"));
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(failure) if failure.error.kind() == ErrorKind::AlreadyExists => {
                file = failure.file;
                number += 1;
            }
            Err(failure) => return Err(broken(file_error(&path, failure.error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pasted_picture_takes_no_other_ones_place_when_the_clock_is_put_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let before_all_time = SystemTime::UNIX_EPOCH - Duration::from_secs(9);
        for (pasted, name) in [
            (SystemTime::UNIX_EPOCH + Duration::from_secs(7), "7000.png"),
            (SystemTime::UNIX_EPOCH + Duration::from_secs(7), "7001.png"),
            (before_all_time, "0.png"),
            (before_all_time, "1.png"),
        ] {
            let picture = ColorImage::filled([4, 2], Color32::RED);
            assert_eq!(keep(&picture, folder.path(), pasted).expect("kept"), folder.path().join(name));
        }
        assert!(glance(&folder.path().join("7001.png")).is_ok());
    }
}
