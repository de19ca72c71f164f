//! The thread that keeps the folder of pictures in view.
//!
//! Changes from outside are noticed by the folder's time, every second, and by a listing now and then, which sees files
//! that changed in their place. A listing of many files takes its time, so it is taken the less often the longer it
//! takes: at rest, this thread uses a hundredth of a core at most.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use crate::base::error::Error;
use crate::base::files::sweep_temporary;
use crate::base::sync::{Latest, Outbox};
use crate::session::gallery::news::{GalleryNews, GalleryOrder, GalleryWishes};
use crate::storage::gallery::bin::{self, Deleted};
use crate::storage::gallery::favourites;
use crate::storage::gallery::listing::{Folder, Listing};
use crate::storage::gallery::search::Query;

/// From one look at the folder's time to the next.
const GLANCE: Duration = Duration::from_secs(1);

/// The least time from one listing of an unchanged folder to the next.
const LISTING: Duration = Duration::from_secs(5);

/// How many times its own duration a listing is apart from the next.
const LISTING_SHARE: u32 = 100;

/// How long files are opened before orders are looked at.
const SLICE: Duration = Duration::from_millis(50);

/// From one listing that is told to the next while files are being opened.
const TELLING: Duration = Duration::from_millis(300);

/// How many deletions can be undone.
const UNDOABLE: usize = 100;

/// Obeys until the handle is gone.
pub(super) fn run(
    cache: &Path,
    wishes: &GalleryWishes,
    listing: &Latest<Arc<Listing>>,
    orders: &Receiver<GalleryOrder>,
    outbox: &Outbox<GalleryNews>,
) {
    let mut keeper = FolderKeeper { cache, listing, outbox, query: Query::default(), view: None, deleted: Vec::new() };
    let mut wait = GLANCE;
    loop {
        match orders.recv_timeout(wait) {
            Ok(order) => keeper.obey(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        loop {
            match orders.try_recv() {
                Ok(order) => keeper.obey(order),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        keeper.grant(wishes);
        keeper.look();
        wait = if keeper.read_and_tell() { Duration::ZERO } else { GLANCE };
    }
}

struct FolderKeeper<'a> {
    cache: &'a Path,
    /// Where the newest listing is put.
    listing: &'a Latest<Arc<Listing>>,
    outbox: &'a Outbox<GalleryNews>,
    query: Query,
    view: Option<FolderView>,
    /// What can be got back, the newest last, each with those that were favourites.
    deleted: Vec<(Deleted, Vec<PathBuf>)>,
}

/// The folder in view.
struct FolderView {
    folder: Folder,
    /// The folder's own time when it was last listed.
    modified: Option<SystemTime>,
    /// When to list it whatever its time says.
    due: Instant,
    /// Whether it was ever there.
    seen: bool,
    gone: bool,
    /// The failure of the favourites that was told last.
    complaint: Option<String>,
    /// Whether there is something that wasn't told.
    changed: bool,
    told: Option<Instant>,
}

impl FolderView {
    fn new(path: PathBuf, cache: &Path) -> Self {
        let folder = Folder::open(path, cache);
        let due = Instant::now();
        // An empty folder is told too: something has to be shown.
        Self { folder, modified: None, due, seen: false, gone: false, complaint: None, changed: true, told: None }
    }

    fn mark(&mut self, favourites: BTreeSet<String>) {
        self.changed |= self.folder.mark(favourites);
    }
}

impl FolderKeeper<'_> {
    fn obey(&mut self, order: GalleryOrder) {
        match order {
            GalleryOrder::Grant => {}
            GalleryOrder::Look => self.view.iter_mut().for_each(|view| view.due = Instant::now()),
            GalleryOrder::Mark(pictures, favourite) => self.mark(&pictures, favourite),
            GalleryOrder::Delete(pictures) => self.delete(&pictures),
            GalleryOrder::UndoDelete => self.undo_delete(),
        }
    }

    fn grant(&mut self, wishes: &GalleryWishes) {
        if let Some(path) = wishes.folder.take()
            && self.view.as_ref().is_none_or(|view| view.folder.path() != path)
        {
            self.view = Some(FolderView::new(path, self.cache));
        }
        if let Some(query) = wishes.query.take()
            && query != self.query
        {
            self.query = query;
            if let Some(view) = &mut self.view {
                // A search is answered at once.
                (view.changed, view.told) = (true, None);
            }
        }
    }

    /// Lists the folder if it changed or its time has come.
    fn look(&mut self) {
        let Some(view) = &mut self.view else { return };
        let modified = fs::metadata(view.folder.path()).and_then(|metadata| metadata.modified()).ok();
        let start = Instant::now();
        if modified.is_some() && modified == view.modified && start < view.due {
            return;
        }
        match view.folder.scan() {
            Ok(changed) => {
                view.modified = modified;
                view.due = start + LISTING.max(start.elapsed() * LISTING_SHARE);
                view.changed |= changed;
                if !std::mem::replace(&mut view.seen, true) {
                    sweep_temporary(view.folder.path());
                }
                if std::mem::take(&mut view.gone) {
                    self.outbox.tell(GalleryNews::FolderBack);
                }
                match favourites::read(view.folder.path()) {
                    Ok(favourites) => {
                        view.complaint = None;
                        view.mark(favourites);
                    }
                    Err(error) if view.complaint.as_ref() != Some(&error.to_string()) => {
                        view.complaint = Some(error.to_string());
                        self.outbox.tell(GalleryNews::Failed(error));
                    }
                    Err(_) => {}
                }
            }
            Err(cause) => {
                view.modified = None;
                let is_missing = cause.kind() == ErrorKind::NotFound;
                let path = view.folder.path();
                // The first picture makes the folder.
                let is_to_be = is_missing && !view.seen && path.parent().is_some_and(Path::is_dir);
                if !view.gone && !is_to_be {
                    view.gone = true;
                    let error = if is_missing {
                        Error::new(format!("the gallery's folder is gone: {}", path.display()))
                            .advise("Bring it back, or choose another one in the settings")
                    } else {
                        Error::new(format!("the gallery's folder can't be read: {}", path.display())).caused_by(cause)
                    };
                    self.outbox.tell(GalleryNews::FolderGone(error));
                }
            }
        }
    }

    /// Opens some files and tells what changed. Returns whether there is more to be done at once.
    fn read_and_tell(&mut self) -> bool {
        let Some(view) = &mut self.view else { return false };
        if view.folder.unread() > 0 {
            view.changed |= view.folder.read_some(SLICE);
            // That the last file was opened is worth telling, also when it is no picture.
            view.changed |= view.folder.unread() == 0;
        }
        let is_reading = view.folder.unread() > 0;
        let is_early = is_reading && view.told.is_some_and(|told| told.elapsed() < TELLING);
        if view.changed && !is_early {
            self.listing.put(Arc::new(view.folder.listing(&self.query)));
            self.outbox.wake();
            (view.changed, view.told) = (false, Some(Instant::now()));
        }
        is_reading
    }

    /// Marks pictures of one folder, which need not be the one in view any more.
    fn mark(&mut self, pictures: &[PathBuf], favourite: bool) {
        let Some(folder) = pictures.first().and_then(|picture| picture.parent()) else { return };
        let pictures: Vec<_> = pictures.iter().map(PathBuf::as_path).collect();
        match favourites::set(folder, &pictures, favourite) {
            Err(error) => {
                self.outbox.tell(GalleryNews::Failed(error));
            }
            Ok(favourites) => {
                if let Some(view) = self.view.as_mut().filter(|view| view.folder.path() == folder) {
                    view.mark(favourites);
                    view.told = None;
                }
            }
        }
    }

    fn delete(&mut self, pictures: &[PathBuf]) {
        let (deleted, failure) = bin::delete(pictures);
        if !deleted.paths.is_empty() {
            let favourites = self.favourites_among(&deleted.paths);
            if !favourites.is_empty() {
                // Another picture may get the name.
                self.mark(&favourites, false);
            }
            self.outbox.tell(GalleryNews::Deleted { paths: deleted.paths.clone() });
            if self.deleted.len() == UNDOABLE {
                self.deleted.remove(0);
            }
            self.deleted.push((deleted, favourites));
        }
        if let Some(error) = failure {
            self.outbox.tell(GalleryNews::Failed(error));
        }
    }

    fn favourites_among(&self, pictures: &[PathBuf]) -> Vec<PathBuf> {
        let Some(view) = &self.view else { return Vec::new() };
        let favourites = Query { favourites_only: true, ..Query::default() };
        let marked: BTreeSet<_> = view.folder.listing(&favourites).items.iter().map(|item| item.path.clone()).collect();
        pictures.iter().filter(|picture| marked.contains(*picture)).cloned().collect()
    }

    fn undo_delete(&mut self) {
        let Some((deleted, favourites)) = self.deleted.pop() else {
            self.outbox.tell(GalleryNews::Failed(Error::new("there is no deleted picture to restore")));
            return;
        };
        let (restored, failure) = bin::restore(&deleted);
        if !restored.is_empty() {
            let favourites: Vec<_> = favourites.into_iter().filter(|picture| restored.contains(picture)).collect();
            self.mark(&favourites, true);
            self.outbox.tell(GalleryNews::Restored { paths: restored });
        }
        if let Some(error) = failure {
            self.outbox.tell(GalleryNews::Failed(error));
        }
    }
}
