//! The painter: the mask of the form's picture, painted on the canvas.
//!
//! The mask that counts is the form's; this is where it is made. Each stroke, and whatever else is done, ends in the form's mask, so
//! that it goes into jobs and is remembered. A mask that comes from elsewhere is taken over, and can be undone like a stroke.
//!
//! Strokes are drawn here, on the window's thread; whatever concerns the whole mask is done in the background, and nothing is
//! painted until it is done.

mod act;
mod adjusting;
mod bars;
mod commands;
mod frame;
mod gesture;
mod icons;
pub(super) mod mask;
mod pointer;
mod state;
mod strip;
mod surface;

pub(super) use state::Painter;
