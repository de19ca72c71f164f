//! What is asked of the keeper of the folder of pictures, and what it tells.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::base::error::Error;
use crate::base::path_text::{all_shown, shown};
use crate::base::sync::Latest;
use crate::storage::gallery::listing::Listing;
use crate::storage::gallery::search::Query;

/// What there is to tell of the folder of pictures.
#[derive(Clone, Debug)]
pub enum GalleryNews {
    /// What there is to show of the folder.
    Listing(Arc<Listing>),
    /// Pictures are in the bin now.
    Deleted {
        /// Where they were.
        paths: Vec<PathBuf>,
    },
    /// Pictures are back from the bin.
    Restored {
        /// Where they are.
        paths: Vec<PathBuf>,
    },
    /// Something that was ordered couldn't be done.
    Failed(Error),
    /// The folder can't be listed any more, and why. The last listing stays.
    FolderGone(Error),
    /// The folder can be listed again.
    FolderBack,
}

impl Serialize for GalleryNews {
    /// What happened; of a listing, its numbers.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let news = match self {
            Self::Listing(listing) => {
                json!({ "folder": shown(&listing.folder), "pictures": listing.total, "fit": listing.items.len(), "unread": listing.unread })
            }
            Self::Deleted { paths } => json!({ "deleted": all_shown(paths) }),
            Self::Restored { paths } => json!({ "restored": all_shown(paths) }),
            Self::Failed(error) => json!({ "failed": error }),
            Self::FolderGone(error) => json!({ "folder-gone": error }),
            Self::FolderBack => json!("folder-back"),
        };
        news.serialize(serializer)
    }
}

/// What is to be looked at; a newer wish replaces an older one.
#[derive(Clone, Debug, Default)]
pub(super) struct GalleryWishes {
    pub(super) folder: Latest<PathBuf>,
    pub(super) query: Latest<Query>,
}

/// What the keeper is to do, in order.
#[derive(Debug)]
pub(super) enum GalleryOrder {
    /// Look at the wishes.
    Grant,
    /// Look at the folder.
    Look,
    Mark(Vec<PathBuf>, bool),
    Delete(Vec<PathBuf>),
    UndoDelete,
}
