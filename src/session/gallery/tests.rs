//! The service as the session meets it: wishes and orders go in, news come out.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, bounded};

use crate::session::gallery::{GalleryDesk, GalleryNews};
use crate::storage::gallery::listing::Listing;
use crate::storage::gallery::search::Query;
use crate::storage::gallery::testing::{png_file, recipe};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

struct Setup {
    temporary: tempfile::TempDir,
    desk: GalleryDesk,
    woken: Receiver<()>,
    wakes: Arc<AtomicUsize>,
    /// How many pictures were written.
    written: u64,
}

impl Setup {
    fn new() -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"))
    }

    fn in_folder(temporary: tempfile::TempDir) -> Self {
        fs::create_dir(temporary.path().join("pictures")).expect("a folder");
        let (wake, woken) = bounded(1);
        let wakes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&wakes);
        let woke = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = wake.try_send(());
        };
        let desk = GalleryDesk::spawn(temporary.path().join("cache"), Arc::new(woke)).expect("threads");
        Self { temporary, desk, woken, wakes, written: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join("pictures").join(name)
    }

    /// Writes a picture that is newer than those before.
    fn picture(&mut self, name: &str, prompt: &str) -> PathBuf {
        self.written += 1;
        let path = self.path(name);
        fs::write(&path, png_file(300, 8, Some(&recipe(prompt)))).expect("written");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + self.written);
        fs::File::options().write(true).open(&path).expect("a file").set_modified(time).expect("a time");
        path
    }

    fn watch(&mut self) {
        self.desk.watch(self.path(""));
    }

    /// The first news of which something can be made; those before are passed over.
    fn wait_for<T>(&mut self, mut found: impl FnMut(GalleryNews) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            while let Some(news) = self.desk.news() {
                if let Some(found) = found(news) {
                    return found;
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            self.woken.recv_timeout(left).expect("news within the deadline");
        }
    }

    /// The listing once it holds these pictures in this order.
    fn wait_for_names(&mut self, names: &[&str]) -> Arc<Listing> {
        self.wait_for(|news| match news {
            GalleryNews::Listing(listing) => {
                let listed: Vec<_> = listing.items.iter().map(|item| item.name()).collect();
                (listed == names && listing.unread == 0).then_some(listing)
            }
            _ => None,
        })
    }
}

#[test]
fn files_added_changed_and_removed_by_others_are_noticed() {
    let mut setup = Setup::new();
    setup.watch();
    setup.wait_for_names(&[]);
    setup.picture("a.png", "a fox");
    setup.wait_for_names(&["a.png"]);
    setup.picture("b.png", "a hen");
    let listing = setup.wait_for_names(&["b.png", "a.png"]);
    assert_eq!(listing.items[1].recipe, Some(recipe("a fox")));
    // Written over in its place, which the folder's own time doesn't tell.
    setup.picture("a.png", "a red fox");
    let listing = setup.wait_for_names(&["a.png", "b.png"]);
    assert_eq!(listing.items[0].recipe, Some(recipe("a red fox")));
    fs::remove_file(setup.path("b.png")).expect("gone");
    setup.wait_for_names(&["a.png"]);
}

#[test]
fn a_folder_that_vanishes_is_told_once_and_its_return_is_noticed() {
    let mut setup = Setup::new();
    setup.picture("a.png", "a fox");
    setup.watch();
    setup.wait_for_names(&["a.png"]);
    let aside = setup.temporary.path().join("aside");
    fs::rename(setup.path(""), &aside).expect("moved");
    let told = setup.wait_for(|news| match news {
        GalleryNews::FolderGone(error) => Some(error.to_string()),
        GalleryNews::Listing(listing) => panic!("the last listing stays: {listing:?}"),
        _ => None,
    });
    assert!(told.starts_with("the gallery's folder is gone: ") && told.contains("Bring it back"), "{told}");
    // A second look tells nothing: what is told next is the answer to the search.
    setup.desk.look();
    setup.desk.search(Query { words: "fox".into(), favourites_only: false });
    let next = setup.wait_for(Some);
    assert!(matches!(&next, GalleryNews::Listing(listing) if listing.items.len() == 1), "{next:?}");
    fs::rename(&aside, setup.path("")).expect("moved");
    setup.wait_for(|news| matches!(news, GalleryNews::FolderBack).then_some(()));
}

#[test]
fn a_folder_that_is_still_to_be_made_is_empty_and_one_below_nothing_is_gone() {
    let mut setup = Setup::new();
    setup.desk.watch(setup.path("new"));
    let first = setup.wait_for(Some);
    assert!(matches!(&first, GalleryNews::Listing(listing) if listing.total == 0), "{first:?}");
    setup.desk.watch(setup.path("gone/new"));
    setup.wait_for(|news| matches!(news, GalleryNews::FolderGone(_)).then_some(()));
}

#[test]
fn the_window_is_not_woken_when_nothing_changes() {
    let mut setup = Setup::new();
    setup.picture("a.png", "a fox");
    setup.watch();
    setup.wait_for_names(&["a.png"]);
    let before = setup.wakes.load(Ordering::SeqCst);
    // Longer than from one listing to the next.
    std::thread::sleep(Duration::from_millis(6500));
    assert_eq!(setup.wakes.load(Ordering::SeqCst), before);
    assert!(setup.desk.news().is_none());
}

#[test]
fn a_search_is_answered_and_marks_are_kept() {
    let mut setup = Setup::new();
    let fox = setup.picture("fox.png", "a fox");
    setup.picture("hen.png", "a hen");
    setup.watch();
    setup.desk.search(Query { words: "fox".into(), favourites_only: false });
    assert_eq!(setup.wait_for_names(&["fox.png"]).total, 2);
    setup.desk.set_favourite(vec![fox.clone()], true).expect("room");
    setup.desk.search(Query { words: String::new(), favourites_only: true });
    assert!(setup.wait_for_names(&["fox.png"]).items[0].favourite);
    setup.desk.set_favourite(vec![fox.clone()], false).expect("room");
    setup.wait_for_names(&[]);
}

#[test]
fn marks_that_cannot_be_understood_are_told_once() {
    let mut setup = Setup::new();
    setup.picture("a.png", "a fox");
    fs::write(setup.path(".burnisher-favourites.json"), "{").expect("written");
    setup.watch();
    let told =
        setup.wait_for(|news| if let GalleryNews::Failed(error) = news { Some(error.to_string()) } else { None });
    assert!(told.starts_with("the favourites can't be understood"), "{told}");
    setup.wait_for_names(&["a.png"]);
    assert!(setup.path(".burnisher-favourites.json.bad").exists());
}

#[test]
fn what_was_ordered_is_done_before_the_end() {
    let mut setup = Setup::new();
    let path = setup.picture("a.png", "a fox");
    setup.watch();
    setup.desk.set_favourite(vec![path.clone()], true).expect("room");
    let Setup { temporary, desk, .. } = setup;
    drop(desk);
    let marks = fs::read_to_string(temporary.path().join("pictures/.burnisher-favourites.json")).expect("marks");
    assert!(marks.contains("a.png"));
}

#[test]
fn the_end_does_not_wait_for_news_that_nobody_fetches() {
    let setup = Setup::new();
    // More news than there is room for.
    for _ in 0..200 {
        let _ = setup.desk.undo_delete();
    }
    drop(setup);
}

/// Deleting is tested in a process with a bin of its own, as in `gallery::bin`.
#[cfg(target_os = "linux")]
#[test]
fn a_deleted_picture_comes_back_with_its_mark() {
    let home = tempfile::tempdir().expect("a folder");
    let output = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "session::gallery::tests::delete_and_undo", "--ignored"])
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("BURNISHER_TEST_FOLDER", home.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by the test before, with a bin of its own"]
fn delete_and_undo() {
    let home = std::env::var_os("BURNISHER_TEST_FOLDER").expect("a process of its own");
    let mut setup = Setup::in_folder(tempfile::tempdir_in(Path::new(&home)).expect("a folder"));
    let paths = [setup.picture("a.png", "a fox"), setup.picture("b.png", "a hen")];
    setup.watch();
    setup.desk.set_favourite(vec![paths[0].clone()], true).expect("room");
    setup.wait_for_names(&["b.png", "a.png"]);
    setup.desk.delete(paths.to_vec()).expect("room");
    let deleted = setup.wait_for(|news| if let GalleryNews::Deleted { paths } = news { Some(paths) } else { None });
    assert_eq!(deleted, paths);
    setup.wait_for_names(&[]);
    setup.desk.undo_delete().expect("room");
    let restored = setup.wait_for(|news| if let GalleryNews::Restored { paths } = news { Some(paths) } else { None });
    assert_eq!(restored, paths);
    let listing = setup.wait_for_names(&["b.png", "a.png"]);
    assert!(listing.items[1].favourite && !listing.items[0].favourite);
    setup.desk.undo_delete().expect("room");
    let told =
        setup.wait_for(|news| if let GalleryNews::Failed(error) = news { Some(error.to_string()) } else { None });
    assert_eq!(told, "there is no deleted picture to restore");
}
