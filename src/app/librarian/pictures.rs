//! The thread that opens pictures: the one on the canvas first, then a comparison, then thumbnails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Receiver, TryRecvError};
use egui::ColorImage;
use image::DynamicImage;

use crate::app::librarian::difference::difference;
use crate::app::librarian::flagged::{self, FlaggedPictures};
use crate::app::librarian::news::{FittedPicture, LibrarianNews, PictureComparison};
use crate::app::librarian::wishes::Wishes;
use crate::app::screen_picture::color_image;
use crate::base::error::Result;
use crate::base::sync::Outbox;
use crate::content::imaging::texture::fit_texture;
use crate::storage::gallery::decode::decode;
use crate::storage::gallery::thumbnails::Thumbnails;

/// Opens what is wished for until the handle is gone.
pub(super) fn run(cache: &Path, wishes: &Wishes, openings: &Receiver<()>, outbox: &Outbox<LibrarianNews>) {
    let mut thumbnails = Thumbnails::new(cache);
    let mut queue = Vec::new().into_iter();
    loop {
        if let Some(wanted) = wishes.thumbnails.take() {
            queue = wanted.into_iter();
        }
        let news = if let Some(path) = wishes.picture.take().or_else(|| wishes.base.take()) {
            let image = open(&path, &wishes.flagged).map(Arc::new);
            Some(LibrarianNews::Picture { path, image })
        } else if let Some(paths) = wishes.comparison.take() {
            let comparison = compare(&paths, &wishes.flagged).map(Arc::new);
            Some(LibrarianNews::Comparison { paths, comparison })
        } else {
            queue.next().map(|path| {
                let image = thumbnails.get(&path).map(|image| match wishes.flagged.score(&path) {
                    Some(_) => color_image(&flagged::blurred(&image.into()).to_rgba8()),
                    None => color_image(&image),
                });
                LibrarianNews::Thumbnail { path, image }
            })
        };
        let goes_on = match news {
            Some(news) => outbox.tell(news) && openings.try_recv() != Err(TryRecvError::Disconnected),
            None => openings.recv().is_ok(),
        };
        if !goes_on {
            return;
        }
    }
}

/// A picture that fits a texture, with the size that it has itself.
fn fit(image: DynamicImage) -> (DynamicImage, [u32; 2]) {
    let size = [image.width(), image.height()];
    (fit_texture(image), size)
}

/// Reads a picture, and blurs it if it is to be.
fn read(path: &Path, flagged_pictures: &FlaggedPictures) -> Result<(DynamicImage, [u32; 2], Option<f64>)> {
    let (image, size) = fit(decode(path)?);
    let flagged = flagged_pictures.score(path);
    Ok((if flagged.is_some() { flagged::blurred(&image) } else { image }, size, flagged))
}

fn open(path: &Path, flagged_pictures: &FlaggedPictures) -> Result<FittedPicture> {
    Ok(opened(&read(path, flagged_pictures)?))
}

fn opened((image, size, flagged): &(DynamicImage, [u32; 2], Option<f64>)) -> FittedPicture {
    let image = match image {
        DynamicImage::ImageRgb8(image) => {
            ColorImage::from_rgb([image.width() as usize, image.height() as usize], image)
        }
        image => color_image(&image.to_rgba8()),
    };
    FittedPicture { image: Arc::new(image), size: *size, flagged: *flagged }
}

fn compare(paths: &[PathBuf; 2], flagged_pictures: &FlaggedPictures) -> Result<PictureComparison> {
    // One after the other, so that only one is there at its full size.
    let first = read(&paths[0], flagged_pictures)?;
    let second = read(&paths[1], flagged_pictures)?;
    let pictures = [opened(&first), opened(&second)];
    Ok(PictureComparison { pictures, difference: difference(&first.0.into_rgb8(), &second.0.into_rgb8()) })
}
