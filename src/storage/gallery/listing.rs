//! The pictures of a folder as they are on disk, newest first.
//!
//! A scan lists names, lengths and times; only files that are new or changed are opened, and of those only the
//! headers. Opening goes in slices of time, newest first, so that a folder of a hundred thousand unknown files shows
//! something at once. Files whose names begin with a dot (ours in the making too), folders and what is no picture are
//! left out; a file that can't be read hides no other.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use crate::storage::gallery::header::Foreign;
pub use crate::storage::gallery::item::Item;

use crate::storage::gallery::header::{self, Header};
use crate::storage::gallery::index::{Index, Line};
use crate::storage::gallery::search::Query;
use crate::storage::gallery::stamp::Stamp;

/// What there is to show of a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The folder.
    pub folder: PathBuf,
    /// What was looked for.
    pub query: Query,
    /// The pictures that fit, newest first.
    pub items: Vec<Arc<Item>>,
    /// How many pictures there are in all.
    pub total: usize,
    /// How many files are still to be opened.
    pub unread: usize,
}

/// A folder that is kept in view.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    index: Index,
    /// What the index knew at the start of files that no scan has met yet.
    remembered: HashMap<String, (Stamp, Option<Header>)>,
    /// What is known of each file; `None` of what is no picture.
    files: HashMap<OsString, (Stamp, Option<Arc<Item>>)>,
    /// Files to open, the newest last.
    unread: Vec<(OsString, Stamp)>,
    favourites: BTreeSet<String>,
    sorted: Vec<Arc<Item>>,
}

impl Folder {
    /// A folder, of which nothing is known but what an index below `cache` remembers. It need not exist.
    pub fn open(path: PathBuf, cache: &Path) -> Self {
        let (index, remembered) = Index::open(&path, cache);
        let (files, favourites) = (HashMap::new(), BTreeSet::new());
        Self { path, index, remembered, files, unread: Vec::new(), favourites, sorted: Vec::new() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the names, lengths and times of the files. Returns whether the pictures changed; there may be files to
    /// open then ([`Self::read_some`]).
    ///
    /// # Errors
    /// The folder can't be listed. What is known of it stays.
    pub fn scan(&mut self) -> io::Result<bool> {
        let found = list(&self.path)?;
        let before = self.files.len();
        let mut kept = HashMap::with_capacity(found.len());
        self.unread.clear();
        let mut changed = false;
        for (name, stamp) in found {
            let known = self.files.remove(&name);
            let is_fresh = known.as_ref().is_some_and(|(read, _)| *read == stamp);
            let remembered = name.to_str().filter(|_| !is_fresh).and_then(|name| self.remembered.remove(name));
            match (known, remembered) {
                (_, Some((read, header))) if read == stamp => {
                    changed = true;
                    let item = self.item(&name, stamp, header);
                    kept.insert(name, (stamp, item));
                }
                (Some(known), _) => {
                    if !is_fresh {
                        self.unread.push((name.clone(), stamp));
                    }
                    kept.insert(name, known);
                }
                (None, _) => self.unread.push((name, stamp)),
            }
        }
        changed |= self.files.values().any(|(_, item)| item.is_some()) || before > kept.len();
        self.files = kept;
        self.unread.sort_unstable_by(|(a, left), (b, right)| (left.nanos, a).cmp(&(right.nanos, b)));
        if self.unread.is_empty() {
            self.tidy();
        }
        if changed {
            self.sort();
        }
        Ok(changed)
    }

    /// Opens files that are new or changed, for about `slice`. Returns whether the pictures changed.
    pub fn read_some(&mut self, slice: Duration) -> bool {
        let end = Instant::now() + slice;
        let mut lines = Vec::new();
        let mut changed = false;
        while let Some((name, stamp)) = self.unread.pop() {
            let header = match header::read(&self.path.join(&name)) {
                // It vanished since it was listed.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => None,
                Ok(header) => {
                    let line = name.to_str().map(|name| Line { name: name.to_owned(), stamp, header: header.clone() });
                    lines.extend(line);
                    header
                }
            };
            let item = self.item(&name, stamp, header);
            let is_picture = item.is_some();
            let before = self.files.insert(name, (stamp, item));
            changed |= is_picture || before.is_some_and(|(_, item)| item.is_some());
            if Instant::now() >= end {
                break;
            }
        }
        if !lines.is_empty() {
            self.index.add(&lines);
        }
        if changed {
            self.sort();
        }
        changed
    }

    /// How many files are still to be opened.
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    /// Marks the pictures with these names, and no others. Returns whether that changed any.
    pub fn mark(&mut self, favourites: BTreeSet<String>) -> bool {
        if favourites == self.favourites {
            return false;
        }
        self.favourites = favourites;
        for (name, (_, item)) in &mut self.files {
            let favourite = name.to_str().is_some_and(|name| self.favourites.contains(name));
            if let Some(item) = item.as_mut().filter(|item| item.favourite != favourite) {
                // The window may still hold the old one.
                Arc::make_mut(item).favourite = favourite;
            }
        }
        self.sort();
        true
    }

    /// The pictures that fit a query.
    pub fn listing(&self, query: &Query) -> Listing {
        let (items, total) = (query.filter(&self.sorted), self.sorted.len());
        Listing { folder: self.path.clone(), query: query.clone(), items, total, unread: self.unread.len() }
    }

    fn item(&self, name: &OsStr, stamp: Stamp, header: Option<Header>) -> Option<Arc<Item>> {
        let favourite = name.to_str().is_some_and(|name| self.favourites.contains(name));
        header.map(|header| Arc::new(Item::new(self.path.join(name), stamp, header, favourite)))
    }

    fn sort(&mut self) {
        self.sorted.clear();
        self.sorted.extend(self.files.values().filter_map(|(_, item)| item.clone()));
        self.sorted.sort_unstable_by(|a, b| a.newest_first(b));
    }

    /// Forgets what the index remembers of files that are gone.
    fn tidy(&mut self) {
        self.remembered = HashMap::new();
        if self.index.is_stale(self.files.len()) {
            let lines = self.files.iter().filter_map(|(name, (stamp, item))| {
                let header = item.as_ref().map(|item| Header {
                    width: item.width,
                    height: item.height,
                    recipe: item.recipe.clone(),
                    foreign: item.foreign.clone(),
                });
                Some(Line { name: name.to_str()?.to_owned(), stamp: *stamp, header })
            });
            self.index.rewrite(lines);
        }
    }
}

/// The files of a folder that may be pictures.
fn list(folder: &Path) -> io::Result<Vec<(OsString, Stamp)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !may_be_picture(&name) {
            continue;
        }
        // A link counts as what it leads to. What vanished meanwhile isn't there.
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let metadata = if is_link { fs::metadata(entry.path()) } else { entry.metadata() };
        if let Ok(metadata) = metadata.as_ref().map(Clone::clone)
            && metadata.is_file()
        {
            found.push((name, Stamp::of(&metadata)));
        }
    }
    Ok(found)
}

/// Whether a name is that of a picture that is shown.
fn may_be_picture(name: &OsStr) -> bool {
    let is_hidden = name.as_encoded_bytes().first() == Some(&b'.');
    let extension = Path::new(name).extension().unwrap_or_default();
    !is_hidden && ["png", "jpg", "jpeg", "webp"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::storage::gallery::testing::{png_file, recipe};

    struct Setup {
        temporary: tempfile::TempDir,
    }

    impl Setup {
        fn new() -> Self {
            let temporary = tempfile::tempdir().expect("a folder");
            fs::create_dir(temporary.path().join("pictures")).expect("a folder");
            Self { temporary }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.temporary.path().join("pictures").join(name)
        }

        fn open(&self) -> Folder {
            Folder::open(self.path(""), &self.temporary.path().join("cache"))
        }

        /// Writes a picture that is `age` seconds old.
        fn picture(&self, name: &str, age: u64, prompt: &str) {
            self.file(name, age, &png_file(8, 8, Some(&recipe(prompt))));
        }

        fn file(&self, name: &str, age: u64, bytes: &[u8]) {
            fs::write(self.path(name), bytes).expect("written");
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 - age);
            let file = fs::File::options().write(true).open(self.path(name)).expect("a file");
            file.set_modified(time).expect("a time");
        }
    }

    /// Scans and reads everything; returns whether the pictures changed.
    fn refresh(folder: &mut Folder) -> bool {
        let mut changed = folder.scan().expect("the folder is there");
        while folder.unread() > 0 {
            changed |= folder.read_some(Duration::from_secs(10));
        }
        changed
    }

    fn names(folder: &Folder) -> Vec<String> {
        folder.listing(&Query::default()).items.iter().map(|item| item.name()).collect()
    }

    #[test]
    fn pictures_are_listed_newest_first_and_in_the_order_of_their_numbers_within_a_tick() {
        let setup = Setup::new();
        setup.picture("00001-7-old.png", 50, "old");
        setup.picture("00009-7.png", 10, "tick");
        setup.picture("00010-7.png", 10, "tick");
        setup.picture("mine.png", 20, "between");
        let mut folder = setup.open();
        assert!(refresh(&mut folder));
        assert_eq!(names(&folder), ["00010-7.png", "00009-7.png", "mine.png", "00001-7-old.png"]);
        let listing = folder.listing(&Query::default());
        let item = &listing.items[3];
        assert_eq!((item.width, item.height, item.recipe.as_ref()), (8, 8, Some(&recipe("old"))));
        assert_eq!(item.bytes, fs::metadata(&item.path).expect("a file").len());
        assert_eq!((listing.total, listing.unread), (4, 0));
    }

    #[test]
    fn only_pictures_are_listed_and_a_broken_file_hides_no_other() {
        let setup = Setup::new();
        let whole = png_file(8, 8, Some(&recipe("whole")));
        let broken = png_file(8, 8, Some(&recipe("broken")));
        setup.file("whole.PNG", 1, &whole);
        setup.file("broken.png", 2, &broken[..60]);
        setup.file("empty.png", 3, b"");
        setup.file("notes.png", 4, b"notes");
        setup.file("notes.txt", 5, &whole);
        setup.file(".burnisher-x.png", 6, &whole);
        setup.file("photo.webp", 7, b"RIFF\xff\xff\xff\xffWEBPVP8X");
        fs::create_dir(setup.path("folder.png")).expect("a folder");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(setup.path("whole.PNG"), setup.path("link.png")).expect("a link");
            std::os::unix::fs::symlink(setup.path("gone.png"), setup.path("dangling.png")).expect("a link");
        }
        let mut folder = setup.open();
        refresh(&mut folder);
        let expected =
            if cfg!(unix) { &["link.png", "whole.PNG", "broken.png"][..] } else { &["whole.PNG", "broken.png"] };
        assert_eq!(names(&folder), expected);
        let listing = folder.listing(&Query::default());
        assert_eq!(listing.items[expected.len() - 1].recipe, None);
    }

    #[test]
    fn a_scan_opens_only_what_is_new_or_changed() {
        let setup = Setup::new();
        setup.picture("a.png", 2, "first");
        setup.picture("b.png", 1, "second");
        let mut folder = setup.open();
        refresh(&mut folder);
        assert!(!refresh(&mut folder), "nothing changed");

        // The same length and time: it isn't opened.
        setup.picture("a.png", 2, "FIRST");
        assert!(!refresh(&mut folder));
        setup.picture("a.png", 0, "FIRST");
        folder.scan().expect("a folder");
        assert_eq!(folder.unread(), 1);
        assert!(refresh(&mut folder));
        let prompts = |folder: &Folder| {
            let items = folder.listing(&Query::default()).items;
            items
                .iter()
                .map(|item| item.recipe.as_ref().expect("a recipe").request.prompts.prompt.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(prompts(&folder), ["FIRST", "second"]);

        fs::remove_file(setup.path("b.png")).expect("gone");
        setup.picture("c.png", 5, "third");
        assert!(refresh(&mut folder));
        assert_eq!(prompts(&folder), ["FIRST", "third"]);
    }

    #[test]
    fn the_next_start_opens_no_file_that_the_index_knows() {
        let setup = Setup::new();
        for k in 0..20 {
            setup.picture(&format!("{k}.png"), k, "a fox");
        }
        setup.file("notes.png", 30, b"notes");
        let mut folder = setup.open();
        refresh(&mut folder);
        let before = folder.listing(&Query::default());
        setup.picture("20.png", 20, "a hen");

        let mut folder = setup.open();
        assert!(folder.scan().expect("a folder"));
        assert_eq!(folder.unread(), 1);
        assert_eq!(folder.listing(&Query::default()).items, before.items);
        refresh(&mut folder);
        assert_eq!(names(&folder).len(), 21);
    }

    #[test]
    fn a_file_that_vanishes_between_listing_and_reading_is_no_error() {
        let setup = Setup::new();
        setup.picture("a.png", 1, "a");
        setup.picture("b.png", 2, "b");
        let mut folder = setup.open();
        folder.scan().expect("a folder");
        fs::remove_file(setup.path("a.png")).expect("gone");
        while folder.unread() > 0 {
            folder.read_some(Duration::from_secs(10));
        }
        assert_eq!(names(&folder), ["b.png"]);
    }

    #[test]
    fn what_is_known_of_a_folder_stays_when_it_vanishes() {
        let setup = Setup::new();
        setup.picture("a.png", 1, "a");
        let mut folder = setup.open();
        refresh(&mut folder);
        let aside = setup.temporary.path().join("aside");
        fs::rename(setup.path(""), &aside).expect("moved");
        assert_eq!(folder.scan().expect_err("it is gone").kind(), io::ErrorKind::NotFound);
        assert_eq!(names(&folder), ["a.png"]);
        fs::rename(&aside, setup.path("")).expect("moved");
        assert!(!refresh(&mut folder), "it is back as it was");
    }

    #[test]
    fn marks_are_seen_and_filtered_by() {
        let setup = Setup::new();
        setup.picture("a.png", 1, "a");
        setup.picture("b.png", 2, "b");
        let mut folder = setup.open();
        refresh(&mut folder);
        let before = folder.listing(&Query::default());
        assert!(folder.mark(["b.png".to_owned(), "gone.png".to_owned()].into()));
        assert!(!folder.mark(["b.png".to_owned(), "gone.png".to_owned()].into()));
        let favourites = folder.listing(&Query { favourites_only: true, ..Query::default() });
        assert_eq!((favourites.items.len(), favourites.total), (1, 2));
        assert_eq!(favourites.items[0].name(), "b.png");
        assert!(before.items.iter().all(|item| !item.favourite), "what was told before stays as it was");
        setup.picture("gone.png", 3, "back");
        refresh(&mut folder);
        assert_eq!(folder.listing(&favourites.query).items.len(), 2, "a mark waits for its picture");
    }
}
