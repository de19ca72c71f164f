//! What is done to the mask away from the window's thread, and what comes of it.

use std::path::PathBuf;

use crate::app::painter::mask::{Derived, Edit, MaskWork, SightsWish, Worked};
use crate::base::error::Result;
use crate::content::request::Mask;

/// See [`super::Action::Painter`].
#[derive(Debug)]
pub(crate) enum PainterAction {
    /// Reads the form's picture.
    Open(PathBuf),
    /// Changes the mask.
    Change(Box<MaskWork>),
    /// The mask is changed, or can't be.
    Changed {
        /// The number of the work.
        id: u64,
        /// What came of it.
        worked: Box<Result<Worked>>,
    },
    /// Finds out how the mask would look; a newer one takes its place.
    Preview(Box<MaskWork>),
    /// How the mask would look.
    Previewed(Box<Worked>),
    /// Finds out what the pipeline would make of the mask; a newer one takes its place.
    Derive(Box<SightsWish>),
    /// What the pipeline would make of the mask.
    Derived(Box<Derived>),
    /// Packs a large edit of the mask's history.
    Pack(Edit),
    /// An edit is packed.
    Packed(Edit),
    /// Takes a picture as the mask.
    OpenMask(PathBuf),
    /// Writes the mask as a picture.
    SaveMask(Mask, PathBuf),
}
