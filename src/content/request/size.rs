//! The size at which a picture of any size is drawn.

/// The largest area of a picture that keeps its size, as a multiple of the area that the model is made for. In larger pictures
/// models repeat what they draw, and a photograph would take all memory.
const MOST_AREA: f64 = 4.0;

/// Returns the width and height, in pixels, for a task that begins with a picture of this size, on a model made for `own`: the
/// picture's own, rounded down to a `multiple` of what the model needs as Diffusers does, and less where that is more than
/// the model draws well.
pub fn size_for_picture(picture: (usize, usize), own: (usize, usize), multiple: usize) -> (usize, usize) {
    let (width, height) = (picture.0.max(1) as f64, picture.1.max(1) as f64);
    let most = (own.0 * own.1) as f64 * MOST_AREA;
    let scale = (most / (width * height)).sqrt().min(1.0);
    let side = |pixels: f64| ((pixels * scale) as usize / multiple * multiple).max(multiple);
    (side(width), side(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_the_model_can_draw_keeps_its_size_but_for_the_rounding() {
        assert_eq!(size_for_picture((101, 70), (512, 512), 8), (96, 64));
        assert_eq!(size_for_picture((101, 70), (512, 512), 4), (100, 68), "an autoencoder that halves twice");
        assert_eq!(size_for_picture((1024, 1024), (512, 512), 8), (1024, 1024));
    }

    #[test]
    fn a_photograph_is_drawn_as_large_as_the_model_draws_well_in_its_own_shape() {
        let (width, height) = size_for_picture((4000, 3000), (512, 512), 8);
        assert_eq!((width, height), (1176, 880));
        assert_eq!(size_for_picture((20_000, 20), (512, 512), 8), (20_000, 16));
        assert_eq!(size_for_picture((1, 20_000), (512, 512), 8).0, 8);
        assert_eq!(size_for_picture((0, 0), (64, 64), 8), (8, 8));
    }
}
