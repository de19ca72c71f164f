//! What the centre of the window can show in place of the canvas, or below it.

mod act;
mod centre;
pub(super) mod compare;
pub(super) mod lab;
pub(super) mod look_back;

pub(super) use centre::{Centre, Stage, Surroundings};
