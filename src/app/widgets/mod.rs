//! Widgets that several panels use.

mod command;
mod pan_zoom;
mod row;

pub(super) use command::button as command_button;
pub(super) use pan_zoom::{Hand, PanZoom, Placed, Zoom};
pub(super) use row::{row, wide};
