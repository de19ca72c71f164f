//! A gallery of a hundred thousand pictures: listed, searched and started again in the time of a blink or two.
//!
//! The bounds are ten times what it takes on two slow cores, so that a busy machine fails nothing and a loop within a
//! loop does.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::storage::gallery::listing::Folder;
use crate::storage::gallery::search::Query;
use crate::storage::gallery::testing::{png_file, recipe};

const PICTURES: usize = 100_000;

/// How often a file may be linked: ext4 allows 65,000.
const LINKS: usize = 50_000;

fn make_pictures(folder: &Path) {
    let prompt = "a fox in flat style, jumping over a lazy dog, autumn leaves, soft light, highly detailed".repeat(2);
    for (from, prompt) in [(0, prompt.clone()), (LINKS, prompt.replace("fox", "hen"))] {
        let source = folder.join(format!("{from:06}-42-a-fox-in-flat-style.png"));
        fs::write(&source, png_file(64, 64, Some(&recipe(&prompt)))).expect("written");
        for k in from + 1..from + LINKS {
            fs::hard_link(&source, folder.join(format!("{k:06}-42-a-fox-in-flat-style.png"))).expect("linked");
        }
    }
}

/// What `work` returns, and that it took no longer than it may.
fn within<T>(limit: Duration, what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = work();
    let took = start.elapsed();
    println!("{what}: {} ms", took.as_millis());
    assert!(took < limit, "{what} took {took:?}, {limit:?} are allowed");
    value
}

#[test]
fn a_hundred_thousand_pictures_are_listed_searched_and_remembered() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (pictures, cache) = (temporary.path().join("pictures"), temporary.path().join("cache"));
    fs::create_dir(&pictures).expect("a folder");
    within(Duration::from_mins(1), "making the files", || make_pictures(&pictures));

    let mut folder = Folder::open(pictures.clone(), &cache);
    within(Duration::from_secs(5), "the first look", || folder.scan()).expect("a folder");
    within(Duration::from_secs(1), "the first pictures", || folder.read_some(Duration::from_millis(50)));
    assert!(folder.listing(&Query::default()).total > 100);
    within(Duration::from_secs(30), "reading the rest", || {
        while folder.unread() > 0 {
            folder.read_some(Duration::from_secs(1));
        }
    });
    assert_eq!(folder.listing(&Query::default()).total, PICTURES);
    within(Duration::from_secs(5), "a look when nothing changed", || folder.scan()).expect("a folder");
    within(Duration::from_millis(500), "listing all", || folder.listing(&Query::default()));
    let query = Query { words: "autumn HEN euler".into(), favourites_only: false };
    let found = within(Duration::from_secs(1), "searching", || folder.listing(&query));
    assert_eq!((found.items.len(), found.items[0].name().starts_with("099999-")), (LINKS, true));

    let mut folder = within(Duration::from_secs(10), "opening the index", || Folder::open(pictures, &cache));
    within(Duration::from_secs(5), "the first look with an index", || folder.scan()).expect("a folder");
    assert_eq!((folder.unread(), folder.listing(&Query::default()).total), (0, PICTURES));
}
