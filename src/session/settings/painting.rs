//! How masks are painted and shown.

use serde::{Deserialize, Serialize};

/// The widest brush, in pixels.
pub const MAX_DIAMETER: f32 = 1024.0;

/// A round brush.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Brush {
    /// Pixels across.
    pub diameter: f32,
    /// The share of its radius that covers wholly, 0 to 1.
    pub hardness: f32,
    /// How much of what is there a whole stroke replaces, 0 to 1.
    pub opacity: f32,
}

impl Default for Brush {
    fn default() -> Self {
        Self { diameter: 64.0, hardness: 0.9, opacity: 1.0 }
    }
}

impl Brush {
    /// Brings every value into its range.
    pub fn make_valid(&mut self) {
        self.diameter = within(self.diameter, 1.0, MAX_DIAMETER, 64.0);
        self.hardness = within(self.hardness, 0.0, 1.0, 0.9);
        self.opacity = within(self.opacity, 0.01, 1.0, 1.0);
    }

    /// Fits a brush that nobody has sized yet to a small picture of this size.
    pub fn suit(&mut self, [width, height]: [u32; 2]) {
        let side = width.min(height) as f32;
        if *self == Self::default() && side < 4.0 * self.diameter {
            self.diameter = (side / 6.0).round().max(1.0);
        }
    }

    /// So many sizes up, or down: an eighth each, and a pixel at least.
    pub fn resize(&mut self, sizes: f32) {
        let by = (self.diameter * 0.125).max(1.0) * sizes.abs();
        self.diameter = (self.diameter + by.copysign(sizes)).round().clamp(1.0, MAX_DIAMETER);
    }
}

/// What masks are painted with, and how they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Painting {
    /// The brush.
    pub brush: Brush,
    /// The colour of masks.
    pub tint: Tint,
    /// How much of the picture a mask hides, 0 to 1.
    pub tint_opacity: f32,
}

impl Default for Painting {
    fn default() -> Self {
        Self { brush: Brush::default(), tint: Tint::default(), tint_opacity: 0.6 }
    }
}

impl Painting {
    /// Brings every value into its range.
    pub fn make_valid(&mut self) {
        self.brush.make_valid();
        self.tint_opacity = within(self.tint_opacity, 0.1, 1.0, 0.6);
    }
}

fn within(value: f32, least: f32, most: f32, otherwise: f32) -> f32 {
    if value.is_finite() { value.clamp(least, most) } else { otherwise }
}

/// The colour that masks are shown in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tint {
    /// As the film that masks were cut from.
    #[default]
    Red,
    /// Seen on skin.
    Green,
    /// Seen on leaves.
    Blue,
    /// Seen on dark pictures.
    White,
    /// Seen on light pictures.
    Black,
}

impl Tint {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 5] = [Self::Red, Self::Green, Self::Blue, Self::White, Self::Black];

    /// Its name, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Red => "Red",
            Self::Green => "Green",
            Self::Blue => "Blue",
            Self::White => "White",
            Self::Black => "Black",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_up_and_down_and_stay_in_range() {
        let mut brush = Brush { diameter: 1.0, ..Brush::default() };
        (0..100).for_each(|_| brush.resize(1.0));
        assert!((brush.diameter - MAX_DIAMETER).abs() < 1e-3);
        (0..100).for_each(|_| brush.resize(-1.0));
        assert!((brush.diameter - 1.0).abs() < 1e-3);
        let mut untouched = Brush::default();
        untouched.suit([1024, 768]);
        assert_eq!(untouched, Brush::default());
        untouched.suit([64, 64]);
        assert!((untouched.diameter - 11.0).abs() < 1e-3, "{}", untouched.diameter);
    }

    #[test]
    fn broken_values_come_back_into_their_range() {
        let brush = Brush { diameter: f32::NAN, hardness: 7.0, opacity: -1.0 };
        let mut painting = Painting { brush, tint_opacity: f32::INFINITY, ..Painting::default() };
        painting.make_valid();
        let brush = Brush { diameter: 64.0, hardness: 1.0, opacity: 0.01 };
        assert_eq!(painting, Painting { brush, ..Painting::default() });
    }
}
