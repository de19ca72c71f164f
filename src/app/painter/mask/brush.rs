//! The brush: how much of a pixel it covers, by its distance from the stroke.

use super::Point;
use crate::session::settings::Brush;

/// Whether something is masked or unmasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Paint {
    /// It is to be drawn anew.
    #[default]
    Mask,
    /// It stays.
    Erase,
}

impl Paint {
    /// The other one, if so.
    pub(crate) fn swapped(self, if_so: bool) -> Self {
        match (self, if_so) {
            (Self::Mask, true) => Self::Erase,
            (Self::Erase, true) => Self::Mask,
            (same, false) => same,
        }
    }

    /// What pixels become.
    pub(crate) fn value(self) -> u8 {
        match self {
            Self::Mask => 255,
            Self::Erase => 0,
        }
    }
}

/// How a brush's cover falls off: whole within `inner`, none from `outer` on, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Falloff {
    pub inner: f32,
    pub outer: f32,
}

/// Where a dab goes: a brush of a pixel or two covers whole pixels.
pub(crate) fn dab(brush: Brush, at: Point) -> Point {
    if brush.diameter < 2.0 { at.map(|at| at.floor() + 0.5) } else { at }
}

/// How far apart the points of a stroke need to be, in pixels, to be told from each other.
pub(crate) fn spacing(brush: Brush) -> f32 {
    (brush.diameter / 16.0).max(0.5)
}

impl Falloff {
    /// The edge of a hard brush is a pixel wide, half of it outside.
    pub(crate) fn of(brush: Brush) -> Self {
        let radius = brush.diameter / 2.0;
        Self { inner: (radius * brush.hardness).min(radius - 0.5).max(0.0), outer: radius + 0.5 }
    }

    /// The cover of a pixel whose middle has this squared distance from the stroke.
    pub(crate) fn cover(self, squared: f32) -> u8 {
        if squared <= self.inner * self.inner {
            return 255;
        }
        if squared >= self.outer * self.outer {
            return 0;
        }
        let t = (self.outer - squared.sqrt()) / (self.outer - self.inner);
        // Smoothstep: no ring is seen where the edge begins or ends.
        (t * t * (3.0 - 2.0 * t) * 255.0 + 0.5) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cover_falls_from_whole_to_none_and_never_rises() {
        for hardness in [0.0, 0.5, 1.0] {
            let falloff = Falloff::of(Brush { diameter: 40.0, hardness, opacity: 1.0 });
            let covers: Vec<u8> = (0..50).map(|d| falloff.cover((d * d) as f32 / 4.0)).collect();
            assert_eq!((covers[0], covers[49]), (255, 0));
            assert!(covers.is_sorted_by(|a, b| a >= b), "{covers:?}");
        }
        let hard = Falloff::of(Brush { diameter: 40.0, hardness: 1.0, opacity: 1.0 });
        assert_eq!([hard.cover(19.5 * 19.5), hard.cover(20.0 * 20.0), hard.cover(20.5 * 20.5)], [255, 128, 0]);
    }
}
