//! Pictures as egui wants them.

/// A picture for the screen.
pub(super) fn color_image(picture: &image::RgbaImage) -> egui::ColorImage {
    let size = [picture.width() as usize, picture.height() as usize];
    egui::ColorImage::from_rgba_unmultiplied(size, picture.as_raw())
}
