//! Pictures for the tests of the gallery's window.

use std::sync::Arc;
use std::time::Duration;

use crate::storage::gallery::listing::{Folder, Item};
use crate::storage::gallery::search::Query;
use crate::storage::gallery::testing::{png_file, recipe};

/// Pictures with these paths in this order; the prompts are the names.
pub(crate) fn items(names: &[&str]) -> Vec<Arc<Item>> {
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path().join("x.png");
    std::fs::write(&path, png_file(64, 64, Some(&recipe("x")))).expect("written");
    let mut folder = Folder::open(temporary.path().to_owned(), &temporary.path().join("cache"));
    folder.scan().expect("a folder");
    folder.read_some(Duration::from_secs(10));
    let listing = folder.listing(&Query::default());
    let named = |name: &&str| {
        let mut item = (*listing.items[0]).clone();
        item.path = (*name).into();
        item.recipe = Some(recipe(name));
        Arc::new(item)
    };
    names.iter().map(named).collect()
}
