//! The scan: a walk through all places, and readers that look at what it finds.

use rayon::ThreadPoolBuilder;

use super::candidate;
use super::found::ScanNews;
use super::item::LibraryItem;
use super::places::Places;
use super::walk;
use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::storage::checkpoint::family::Families;

/// Threads that read headers: more than cores, since they wait for disks.
const READERS: usize = 8;

/// Looks for models of these families. `tell` is called on several threads, in no order, and may wait.
///
/// # Errors
/// The system has no threads to give. A folder that can't be read is told of and left out.
pub fn scan(places: &Places, families: Families, cancel: &CancelToken, tell: &(dyn Fn(ScanNews) + Sync)) -> Result<()> {
    let pool =
        ThreadPoolBuilder::new().num_threads(READERS).thread_name(|number| format!("burnisher-library-{number}"));
    let pool = pool.build().map_err(|cause| Error::new("The folders can't be searched").caused_by(cause))?;
    pool.in_place_scope(|scope| {
        if places.bundled {
            tell(ScanNews::Item(Box::new(candidate::bundled(families))));
        }
        let mut walk = walk::Walk::new(cancel, tell);
        for area in places.areas() {
            walk.through(&area, &mut |candidate| {
                scope.spawn(move |_| {
                    if !cancel.is_cancelled() {
                        candidate.inspect(families).into_iter().for_each(|item| tell(ScanNews::Item(Box::new(item))));
                    }
                });
            });
        }
    });
    Ok(())
}

/// All that [`scan`] finds, sorted by name, and what went wrong.
///
/// # Errors
/// As [`scan`].
pub fn list(places: &Places, families: Families, cancel: &CancelToken) -> Result<(Vec<LibraryItem>, Vec<Error>)> {
    let found = std::sync::Mutex::new((Vec::new(), Vec::new()));
    scan(places, families, cancel, &|news| {
        // A list is pushed to in one move, so one left by a thread that panicked is whole.
        let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match news {
            ScanNews::Item(item) => found.0.push(*item),
            ScanNews::Trouble(error) => found.1.push(error),
            ScanNews::Looking(_) => {}
        }
    })?;
    let (mut items, troubles) = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    items.sort_by_cached_key(|item| (item.name.to_lowercase(), item.path.clone()));
    Ok((items, troubles))
}
