//! The window on desktops that lack something: a file dialog, the screen that it was on, a GPU for its size.

use std::fs;
use std::os::unix::fs::symlink;

use burnisher::base::model_ref::ModelRef;
use image::{Rgb, RgbImage};

use super::screen::Screen;
use super::{Session, canvas_shows, generate_button};
use crate::checkpoints::{self, Checkpoint, Storage};

/// Where the window is and how large: x, y, width, height.
fn geometry(session: &Session) -> Option<[i64; 4]> {
    let told = session.screen.try_xdotool(&["getwindowgeometry", "--shell", &session.window()?])?;
    let value = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
    Some([value("X=")?, value("Y=")?, value("WIDTH=")?, value("HEIGHT=")?])
}

#[test]
fn without_a_file_dialog_the_window_asks_for_a_path() {
    let mut session = Session::new();
    let model = session.home.path().join("a model");
    // A sound one: another would be given up for the model before it.
    symlink(checkpoints::folder(Checkpoint::TinyDdpm, Storage::Whole), &model).expect("linked");
    // No zenity, and the session has no bus with a portal.
    let empty = session.home.path().join("run");
    session.start_with(|command| {
        command.env("PATH", empty);
    });
    let screen = &session.screen;
    screen.until("the form", generate_button);
    screen.until("the keyboard", |_| screen.try_xdotool(&["windowfocus", &session.window()?]));
    screen.press("ctrl+shift+o");
    screen.until_sees("the question", |seen| generate_button(seen).is_none());
    // What stands in the box is the user's home.
    screen.xdotool(&["type", "--delay", "5", "a model"]);
    screen.press("Return");
    screen.until("the model in the settings", |_| {
        (session.settings().model == ModelRef::of_path(model.clone())).then_some(())
    });
}

#[test]
fn a_window_that_was_on_a_screen_that_is_gone_comes_back_on_this_one() {
    for (x, y) in [(6000, 4000), (-3000, -3000)] {
        let mut session = Session::new();
        let layout = format!(
            "{{\"window\": \"(normal_geometry:(outer_position_pixels:Some((x:{x}.0,y:{y}.0)),scale_factor:1.0,\
             inner_size_points:(x:900.0,y:600.0)),fullscreen:false,maximized:false)\"}}"
        );
        fs::write(session.settings_file().with_file_name("window.ron"), layout).expect("written");
        session.start_with(|_| {});
        session.screen.until("the form", generate_button);
        let [x, y, width, height] = geometry(&session).expect("a window");
        assert_eq!((width, height), (900, 600), "its layout was read");
        assert!((0..=1280 - width).contains(&x) && (0..=800 - height).contains(&y), "{x} {y}");
    }
}

#[test]
fn a_window_larger_than_the_gpu_draws_is_made_smaller_and_lives() {
    let mut session = Session::on(Screen::open("20000x600x24"));
    session.start_with(|_| {});
    session.screen.until("the form", generate_button);
    let window = session.window().expect("it is there");
    session.screen.xdotool(&["windowsize", &window, "19000", "560"]);
    // Mesa's software Vulkan draws 16384 pixels a side.
    session.screen.until("a smaller window", |_| geometry(&session).filter(|[.., width, _]| *width <= 16_384));
    session.screen.xdotool(&["windowsize", &window, "1200", "560"]);
    session.screen.until("a small window", |_| geometry(&session).filter(|[.., width, _]| *width == 1200));
    session.screen.until("the form", generate_button);
}

#[test]
fn a_file_on_the_command_line_is_opened_in_the_window() {
    let mut session = Session::new();
    let picture = RgbImage::from_fn(64, 48, |x, y| Rgb([(x * 3) as u8, 90, (y * 4) as u8]));
    picture.save(session.home.path().join("a picture.png")).expect("written");
    session.start_with(|command| {
        command.arg("a picture.png");
    });
    session.screen.until_sees("the picture", |seen| canvas_shows(seen, &picture));
}
