//! A gallery of a hundred thousand pictures: listed, searched and started again. A loop within a loop would take hours.

use std::fs;
use std::path::Path;
use std::time::Duration;

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

#[test]
fn a_hundred_thousand_pictures_are_listed_searched_and_remembered() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (pictures, cache) = (temporary.path().join("pictures"), temporary.path().join("cache"));
    fs::create_dir(&pictures).expect("a folder");
    make_pictures(&pictures);

    let mut folder = Folder::open(pictures.clone(), &cache);
    folder.scan().expect("a folder");
    folder.read_some(Duration::from_millis(50));
    assert!(
        (1..PICTURES).contains(&folder.listing(&Query::default()).total),
        "the first are listed before all are read"
    );
    while folder.unread() > 0 {
        folder.read_some(Duration::from_secs(1));
    }
    assert_eq!(folder.listing(&Query::default()).total, PICTURES);
    folder.scan().expect("a folder");
    assert_eq!(folder.unread(), 0, "nothing has changed");
    let found = folder.listing(&Query { words: "autumn HEN euler".into(), favourites_only: false });
    assert_eq!((found.items.len(), found.items[0].name().starts_with("099999-")), (LINKS, true));

    let mut folder = Folder::open(pictures, &cache);
    folder.scan().expect("a folder");
    assert_eq!((folder.unread(), folder.listing(&Query::default()).total), (0, PICTURES));
}
