//! What the centre of the window can show in place of the canvas, or below it.

mod act;
pub(super) mod compare;
pub(super) mod lab;
pub(super) mod look_back;
