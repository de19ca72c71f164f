//! The librarian as the window meets it: wishes and orders go in, news come out.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, bounded};

use crate::app::librarian::{Librarian, LibrarianNews, spawn};
use crate::storage::gallery::testing::{png_file, recipe};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

struct Setup {
    temporary: tempfile::TempDir,
    librarian: Librarian,
    woken: Receiver<()>,
    /// How many pictures were written.
    written: u64,
}

impl Setup {
    fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        fs::create_dir(temporary.path().join("pictures")).expect("a folder");
        let (wake, woken) = bounded(1);
        let woke = move || {
            let _ = wake.try_send(());
        };
        let librarian = spawn(temporary.path().join("cache"), Arc::new(woke)).expect("threads");
        Self { temporary, librarian, woken, written: 0 }
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

    /// The first news of which something can be made; those before are passed over.
    fn wait_for<T>(&mut self, mut found: impl FnMut(LibrarianNews) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            while let Some(news) = self.librarian.news() {
                if let Some(found) = found(news) {
                    return found;
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            self.woken.recv_timeout(left).expect("news within the deadline");
        }
    }
}

#[test]
fn thumbnails_and_pictures_arrive_or_why_they_do_not() {
    let mut setup = Setup::new();
    let good = setup.picture("a.png", "a fox");
    let bad = setup.path("bad.png");
    fs::write(&bad, "notes").expect("written");
    setup.librarian.want_thumbnails(vec![bad.clone(), good.clone()]);
    let mut order = Vec::new();
    setup.wait_for(|news| {
        let LibrarianNews::Thumbnail { path, image } = news else { return None };
        order.push((path, image.map(|image| image.size).map_err(|error| error.headline().to_owned())));
        (order.len() == 2).then_some(())
    });
    let headline = format!("This is not a picture that can be shown: {}", bad.display());
    assert_eq!(order, [(bad.clone(), Err(headline)), (good.clone(), Ok([256, 7]))]);

    setup.librarian.want_picture(good.clone());
    let picture = setup.wait_for(|news| match news {
        LibrarianNews::Picture { path, image } => Some((path, image.expect("a picture"))),
        _ => None,
    });
    assert_eq!((picture.0, picture.1.image.size, picture.1.size), (good, [300, 8], [300, 8]));
    setup.librarian.want_picture(bad);
    setup.wait_for(|news| matches!(news, LibrarianNews::Picture { image: Err(_), .. }).then_some(()));
}

#[test]
fn two_pictures_are_compared() {
    let mut setup = Setup::new();
    let paths = [setup.picture("a.png", "a fox"), setup.picture("b.png", "a hen")];
    setup.librarian.want_comparison(paths.clone());
    let (told, comparison) = setup.wait_for(|news| match news {
        LibrarianNews::Comparison { paths, comparison } => Some((paths, comparison.expect("two pictures"))),
        _ => None,
    });
    assert_eq!(told, paths);
    assert_eq!(comparison.difference.largest, 0, "their pixels are the same");
    assert_eq!(comparison.pictures[1].image.size, [300, 8]);
}

#[test]
fn the_newest_wish_for_thumbnails_replaces_the_earlier_ones() {
    let mut setup = Setup::new();
    let first: Vec<_> = (0..2000).map(|k| setup.path(&format!("gone-{k}.png"))).collect();
    let last = setup.picture("last.png", "a fox");
    setup.librarian.want_thumbnails(first);
    setup.librarian.want_thumbnails(vec![last.clone()]);
    let mut before = 0;
    setup.wait_for(|news| match news {
        LibrarianNews::Thumbnail { path, .. } if path == last => Some(()),
        _ => {
            before += 1;
            None
        }
    });
    assert!(before < 1000, "{before} of the earlier ones were made first");
}

#[test]
fn the_end_does_not_wait_for_news_that_nobody_fetches() {
    let mut setup = Setup::new();
    let path = setup.picture("a.png", "a fox");
    setup.librarian.want_thumbnails(vec![path; 1000]);
    drop(setup);
}
