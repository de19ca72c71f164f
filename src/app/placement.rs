//! Where the window comes back: the place that its layout remembers may be on a screen that isn't there any more.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

/// The height of a title bar, and how much of it has to be seen so that the window can be moved by it, in points.
const TITLE: f32 = 32.0;
const SEEN: Vec2 = vec2(120.0, 16.0);

/// Brings the window back onto a screen if its title bar is on none.
pub(super) fn keep_on_screen(creation: &eframe::CreationContext<'_>) {
    let Some(window) = creation.winit_window() else { return };
    // Wayland tells no window where it is, and places it by itself.
    let Ok(mut place) = window.outer_position() else { return };
    let size = window.outer_size();
    let rect = |x: i32, y: i32, width: u32, height: u32| {
        Rect::from_min_size(pos2(x as f32, y as f32), vec2(width as f32, height as f32))
    };
    let screens: Vec<Rect> = window
        .available_monitors()
        .map(|screen| {
            let (at, size) = (screen.position(), screen.size());
            rect(at.x, at.y, size.width, size.height)
        })
        .collect();
    let scale = window.scale_factor() as f32;
    if let Some(to) = place_on_screen(rect(place.x, place.y, size.width, size.height), scale, &screens) {
        (place.x, place.y) = (to.x as i32, to.y as i32);
        window.set_outer_position(place);
    }
}

/// Returns where a window has to go so that its title bar can be reached; `None` if it can. All in pixels, `scale` of them a point.
fn place_on_screen(window: Rect, scale: f32, screens: &[Rect]) -> Option<Pos2> {
    let title = Rect::from_min_size(window.min, vec2(window.width(), TITLE * scale));
    let needed = (SEEN * scale).min(title.size());
    let is_reached = |screen: &Rect| {
        let seen = screen.intersect(title).size();
        seen.x >= needed.x && seen.y >= needed.y
    };
    if screens.iter().any(is_reached) {
        return None;
    }
    let distance = |screen: &&Rect| screen.distance_sq_to_pos(window.center());
    let nearest = screens.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let room = (nearest.size() - window.size()).max(Vec2::ZERO);
    Some(window.min.clamp(nearest.min, nearest.min + room))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREENS: [Rect; 2] = [
        Rect { min: Pos2::ZERO, max: pos2(1280.0, 800.0) },
        Rect { min: pos2(1280.0, 0.0), max: pos2(3200.0, 1080.0) },
    ];

    fn placed(x: f32, y: f32, width: f32, height: f32) -> Option<(f32, f32)> {
        let window = Rect::from_min_size(pos2(x, y), vec2(width, height));
        place_on_screen(window, 1.0, &SCREENS).map(|to| (to.x, to.y))
    }

    #[test]
    fn a_window_whose_title_bar_is_on_no_screen_comes_back_to_the_nearest() {
        assert_eq!(placed(6000.0, 4000.0, 900.0, 600.0), Some((2300.0, 480.0)));
        assert_eq!(placed(-3000.0, -3000.0, 900.0, 600.0), Some((0.0, 0.0)));
        assert_eq!(placed(100.0, -590.0, 900.0, 600.0), Some((100.0, 0.0)), "its lower edge isn't enough");
        assert_eq!(placed(-2000.0, 900.0, 1900.0, 1300.0), Some((0.0, 0.0)), "it is larger than the screen");
    }

    #[test]
    fn a_window_that_can_be_reached_stays() {
        for (x, y) in [(0.0, 0.0), (1300.0, 500.0), (-700.0, 10.0), (1000.0, 780.0), (40.0, -8.0)] {
            assert_eq!(placed(x, y, 900.0, 600.0), None);
        }
        assert_eq!(place_on_screen(Rect::NOTHING, 1.0, &[]), None, "nobody knows of a screen");
    }
}
