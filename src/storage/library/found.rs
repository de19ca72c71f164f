//! What a scan tells of while it goes on.

use std::path::PathBuf;

use super::item::Item;
use crate::base::error::Error;

/// What a scan tells of while it goes on.
#[derive(Clone, Debug)]
pub enum Found {
    /// It looks into this folder now.
    Looking(PathBuf),
    /// Something was found.
    Item(Box<Item>),
    /// A folder couldn't be looked into, or not into all of it.
    Trouble(Error),
}
