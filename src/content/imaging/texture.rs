//! Pictures that a GPU shows as one texture.

use image::DynamicImage;

/// The longest side of a texture that every GPU takes, in pixels: wgpu's default limit.
pub const TEXTURE_SIDE: u32 = 8192;

/// Returns a picture that fits a texture: a larger one is made smaller, in its own shape.
pub fn fit_texture(picture: DynamicImage) -> DynamicImage {
    let is_large = picture.width().max(picture.height()) > TEXTURE_SIDE;
    if is_large { picture.thumbnail(TEXTURE_SIDE, TEXTURE_SIDE) } else { picture }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    #[test]
    fn only_what_no_texture_holds_is_made_smaller() {
        for (size, fitted) in
            [((8192, 8), (8192, 8)), ((8200, 8), (8192, 8)), ((8, 32_768), (2, 8192)), ((16_400, 1), (8192, 1))]
        {
            let picture = fit_texture(RgbImage::new(size.0, size.1).into());
            assert_eq!((picture.width(), picture.height()), fitted);
        }
    }
}
