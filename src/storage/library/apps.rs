//! The apps whose folders are known: how each is recognized, and where in it models lie.
//!
//! Folders are told by what is in them and not by their names, which people change.

use std::path::Path;

use super::area::{LibraryApp, SearchArea};
use super::{comfyui, invokeai, webui};

/// Where to look in a folder, which may be an app's.
pub(super) fn areas(folder: &Path) -> Vec<SearchArea> {
    recognized(folder).unwrap_or_else(|| vec![SearchArea::new(LibraryApp::Folder, folder.to_owned(), None)])
}

/// Where to look in a folder that is an app's; `None` if it isn't one's that is known.
pub(super) fn recognized(folder: &Path) -> Option<Vec<SearchArea>> {
    let known = webui::areas(folder).or_else(|| invokeai::areas(folder)).or_else(|| comfyui::areas(folder));
    known.or_else(|| {
        // A cache of the Hub that isn't ours, or the folder above it: no name leads there, so it is a folder as any other.
        let cache = [folder.to_owned(), folder.join("hub")].into_iter().find(|folder| is_cache(folder))?;
        Some(vec![SearchArea::new(LibraryApp::Folder, cache, None)])
    })
}

/// Whether a folder is laid out as the Hub's cache: the first folder with a name is a repository's.
fn is_cache(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.take(64).any(|name| name.starts_with("models--"))
}
