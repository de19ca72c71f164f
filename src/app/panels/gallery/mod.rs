//! The gallery in the window: search, thumbnails, what is known of a picture, and the choice of two to compare.
//!
//! What it shows comes from the librarian; what the user wants done goes back as `GalleryAction`s. It holds no picture but
//! the thumbnails in view.

mod act;
mod describe;
mod details;
mod grid;
mod panel;
mod selection;
mod signs;
mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod textures;

pub(crate) use panel::panel;
pub(crate) use state::Gallery;
