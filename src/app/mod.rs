//! The window.

pub mod librarian;
