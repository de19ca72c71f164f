//! What a scan tells of while it goes on.

use std::path::PathBuf;

use super::item::LibraryItem;
use crate::base::error::Error;

/// What a scan tells of while it goes on.
#[derive(Clone, Debug)]
pub enum ScanNews {
    /// It looks into this folder now.
    Looking(PathBuf),
    /// Something was found.
    Item(Box<LibraryItem>),
    /// A folder couldn't be looked into, or not into all of it.
    Trouble(Error),
}
