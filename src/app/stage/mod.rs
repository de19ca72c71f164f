//! What the centre of the window can show in place of the canvas, or below it.

pub(super) mod compare;
pub(super) mod lab;
pub(super) mod look_back;
