//! The lab's pictures as one, each with its label below: drawn without the window, on the thread for files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::epaint::text::{FontDefinitions, Fonts, LayoutJob, TextOptions};
use egui::{Color32, FontId, Galley};
use image::imageops::{self, FilterType};
use image::{ImageEncoder, Rgb, RgbImage};

use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::storage::gallery::decode;

/// Colours of the sheet: it is a document of its own, in no theme.
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const INK: [u8; 3] = [24, 24, 24];
/// Pixels around everything.
const MARGIN: u32 = 24;
/// Pixels from a picture to its label.
const GAP: u32 = 8;
/// Smaller pictures are enlarged in whole steps until they are so wide, or their labels wouldn't fit.
const LEAST_WIDTH: u32 = 320;
/// Height of the text, in pixels.
const TEXT_SIZE: f32 = 16.0;

/// What the sheet shows.
#[derive(Clone, Debug)]
pub(crate) struct LabSheet {
    /// Stands above the pictures.
    pub title: String,
    /// Files, and what stands below each.
    pub pictures: Vec<(PathBuf, String)>,
}

impl LabSheet {
    /// Writes it as a PNG.
    ///
    /// # Errors
    /// A picture can't be read, or the file can't be written.
    pub(crate) fn save(&self, fonts: FontDefinitions, target: &Path) -> Result<()> {
        let read = |(path, label): &(PathBuf, String)| Ok((decode::decode(path)?.into_rgb8(), label.clone()));
        let pictures = self.pictures.iter().map(read).collect::<Result<Vec<_>>>()?;
        let sheet = draw(&self.title, pictures, fonts);
        let mut file = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut file);
        let encoded =
            encoder.write_image(sheet.as_raw(), sheet.width(), sheet.height(), image::ExtendedColorType::Rgb8);
        encoded.map_err(|cause| Error::new("the sheet can't be written").caused_by(cause))?;
        write_whole(target, &file)
    }
}

/// The pictures in two columns, with the title above and the labels below.
fn draw(title: &str, pictures: Vec<(RgbImage, String)>, fonts: FontDefinitions) -> RgbImage {
    let mut fonts = Fonts::new(TextOptions::default(), fonts);
    let pictures: Vec<(RgbImage, String)> = pictures.into_iter().map(|(image, text)| (enlarged(image), text)).collect();
    let columns = pictures.len().clamp(1, 2);
    let width = pictures.iter().map(|(image, _)| image.width()).max().unwrap_or(LEAST_WIDTH);
    let height = pictures.iter().map(|(image, _)| image.height()).max().unwrap_or(0);
    let whole = columns as u32 * (width + MARGIN) + MARGIN;
    let mut layout = |text: &str, width: u32| {
        let font = FontId::proportional(TEXT_SIZE);
        let job = LayoutJob::simple(text.to_owned(), font, Color32::WHITE, width as f32);
        fonts.with_pixels_per_point(1.0).layout_job(job)
    };
    let title = layout(title, whole - 2 * MARGIN);
    let labels: Vec<Arc<Galley>> = pictures.iter().map(|(_, label)| layout(label, width)).collect();
    let tall = |galley: &Galley| galley.size().y.ceil() as u32;
    let label_height = labels.iter().map(|label| tall(label)).max().unwrap_or(0);
    let top = MARGIN + tall(&title) + MARGIN;
    let row = height + GAP + label_height + MARGIN;
    let rows = pictures.len().div_ceil(columns) as u32;
    let mut sheet = RgbImage::from_pixel(whole, top + rows * row, PAPER);
    let atlas = fonts.image();
    write(&mut sheet, &title, &atlas, [MARGIN, MARGIN]);
    for (place, ((image, _), label)) in pictures.iter().zip(&labels).enumerate() {
        let (column, line) = ((place % columns) as u32, (place / columns) as u32);
        let (x, y) = (MARGIN + column * (width + MARGIN), top + line * row);
        imageops::replace(&mut sheet, image, x.into(), y.into());
        write(&mut sheet, label, &atlas, [x, y + height + GAP]);
    }
    sheet
}

fn enlarged(image: RgbImage) -> RgbImage {
    let times = LEAST_WIDTH.div_ceil(image.width().max(1));
    if times <= 1 {
        return image;
    }
    imageops::resize(&image, image.width() * times, image.height() * times, FilterType::Nearest)
}

/// Writes a text that was laid out: the glyphs' coverage stands in the font's atlas.
fn write(sheet: &mut RgbImage, text: &Galley, atlas: &egui::ColorImage, at: [u32; 2]) {
    for row in &text.rows {
        for glyph in &row.row.glyphs {
            let place = row.pos.to_vec2() + glyph.pos.to_vec2() + glyph.uv_rect.offset;
            let (left, top) = (at[0] as f32 + place.x, at[1] as f32 + place.y);
            let [min_x, min_y] = glyph.uv_rect.min.map(usize::from);
            let [max_x, max_y] = glyph.uv_rect.max.map(usize::from);
            for (y, atlas_y) in (min_y..max_y).enumerate() {
                for (x, atlas_x) in (min_x..max_x).enumerate() {
                    let covered = atlas.pixels.get(atlas_y * atlas.width() + atlas_x).map_or(0, Color32::a);
                    let (x, y) = (left.round() + x as f32, top.round() + y as f32);
                    if let Some(pixel) = sheet.get_pixel_mut_checked(x as u32, y as u32) {
                        let mix = |ink: u8, paper: u8| {
                            let (ink, paper, covered) = (u32::from(ink), u32::from(paper), u32::from(covered));
                            ((ink * covered + paper * (255 - covered)) / 255) as u8
                        };
                        let Rgb([red, green, blue]) = *pixel;
                        *pixel = Rgb([mix(INK[0], red), mix(INK[1], green), mix(INK[2], blue)]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_has_every_picture_and_ink_below_each() {
        let colors = [[200, 0, 0], [0, 200, 0], [0, 0, 200]];
        let pictures = colors.map(|color| (RgbImage::from_pixel(64, 64, Rgb(color)), "Euler a · 20 steps".to_owned()));
        let sheet = draw("a fox\nSeed 1", pictures.into(), FontDefinitions::default());
        for color in colors {
            let count = sheet.pixels().filter(|pixel| pixel.0 == color).count();
            assert_eq!(count, 320 * 320, "{color:?} is enlarged five times");
        }
        let below = |x: u32, y: u32| {
            let label = imageops::crop_imm(&sheet, x, y, 320, 24).to_image();
            label.pixels().filter(|pixel| pixel.0[0] < 80 && pixel.0[1] < 80).count()
        };
        let first = sheet.enumerate_pixels().find(|(_, _, pixel)| pixel.0 == colors[0]).expect("the first picture");
        assert!(below(first.0, first.1 + 320 + GAP) > 60, "the first label is readable");
        assert!(
            sheet.enumerate_pixels().take((first.1 * sheet.width()) as usize).any(|(_, _, p)| p.0 == INK),
            "a title"
        );
    }
}
