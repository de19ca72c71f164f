//! Opens the window.

use std::path::PathBuf;

use crate::app::gpu;
use crate::app::setup::Setup;
use crate::app::window::App;
use crate::base::error::{Error, Result};

/// How the window is opened; `layout` is the file that remembers its panels.
pub fn native_options(layout: PathBuf) -> eframe::NativeOptions {
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png"));
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Burnisher")
        .with_app_id("burnisher")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([800.0, 520.0]);
    if let Ok(icon) = icon {
        viewport = viewport.with_icon(icon);
    }
    let mut options =
        eframe::NativeOptions { viewport, persistence_path: Some(layout), ..eframe::NativeOptions::default() };
    options.wgpu_options = gpu::configure(options.wgpu_options);
    options
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// There is no display, or nothing to draw on it with.
pub fn run(setup: Setup) -> Result<()> {
    let mut options = native_options(setup.seat.own_file("window", "ron"));
    if setup.seat.number() > 1 {
        options.viewport = options.viewport.with_title(format!("Burnisher ({})", setup.seat.number()));
    }
    let opened =
        eframe::run_native("Burnisher", options, Box::new(|creation| Ok(Box::new(App::in_window(creation, setup)?))));
    opened.map_err(|cause| {
        let reason = match cause {
            // What winit says names a file of its own sources.
            eframe::Error::WinitEventLoop(_) | eframe::Error::Winit(_) => {
                "there is no display to open it on".to_owned()
            }
            eframe::Error::Wgpu(cause) => {
                format!("nothing can draw in it, neither a GPU nor its driver's software: {cause}")
            }
            eframe::Error::AppCreation(cause) => cause.to_string(),
        };
        Error::new("the window can't be opened")
            .caused_by(Error::new(reason))
            .advise("`burnisher generate` draws on the command line, without a window")
    })
}
