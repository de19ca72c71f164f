//! The folder of pictures, kept in view: listed, searched, marked, deleted from, got back.

mod desk;
mod keeper;
mod news;
#[cfg(test)]
mod tests;

pub(crate) use desk::GalleryDesk;
pub use news::GalleryNews;
