//! Widgets that several panels use.

mod command;
mod row;

pub(super) use command::button as command_button;
pub(super) use row::{row, wide};
