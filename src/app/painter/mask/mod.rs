//! A mask in the making: its pixels, strokes, what is done to all of it, and how everything is undone.
//!
//! 255 is drawn anew, 0 stays. Coordinates are those of the picture with its margins: a pixel's middle lies at one half. What
//! takes long on large masks ([`MaskWork`]) is done away from the window's thread. There is no egui in here.

mod bitmap;
mod brush;
mod derive;
mod history;
mod operation;
mod polygon;
mod stroke;

pub(crate) use bitmap::{Area, Bitmap, MaskPatch};
pub(crate) use brush::Paint;
pub(crate) use derive::{Derived, SightsWish};
pub(crate) use history::{Edit, History};
pub(crate) use operation::{MaskWork, Operation, Worked};
pub(crate) use stroke::Stroke;

/// A point in pixels.
pub(crate) type Point = [f32; 2];
