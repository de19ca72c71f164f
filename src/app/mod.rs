//! The window.

pub mod gallery;
pub mod librarian;
