//! The librarian: a service that opens pictures for the screen, and the handle that commands it: thumbnails, the picture on the canvas,
//! two to compare.
//!
//! The handle never waits: what it wants lies in slots where the newest wins, and what is opened is fetched with
//! [`Librarian::news`]. A folder that doesn't answer is waited for no longer than a second at the end.

mod difference;
mod flagged;
mod handle;
mod news;
mod pictures;
#[cfg(test)]
mod tests;
mod wishes;

pub use difference::Difference;
pub use handle::{Librarian, spawn};
pub use news::{FittedPicture, LibrarianNews, PictureComparison};
