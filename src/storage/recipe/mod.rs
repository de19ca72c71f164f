//! Settings inside pictures: our own recipe, and what other apps write.

pub mod a1111;
pub mod import;
pub mod local_files;
pub mod metadata;
