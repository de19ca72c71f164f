//! What the window wants the librarian to open.

use std::path::PathBuf;

use crate::app::librarian::flagged::FlaggedPictures;
use crate::base::sync::Latest;

/// What is to be opened; a newer wish replaces an older one.
#[derive(Clone, Default)]
pub(super) struct Wishes {
    pub(super) thumbnails: Latest<Vec<PathBuf>>,
    pub(super) picture: Latest<PathBuf>,
    pub(super) base: Latest<PathBuf>,
    pub(super) comparison: Latest<[PathBuf; 2]>,
    pub(super) flagged: FlaggedPictures,
}
