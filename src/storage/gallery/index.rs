//! What was read of a folder's files, kept in the user's cache so that the next start needn't open them.
//!
//! A file of JSON lines: the first says the version and the folder, each other one what a file held when it had a
//! certain length and time. Lines are only ever added (a later one wins), so a new picture costs one line and a torn
//! line costs one file read again. It is written anew when most of it is out of date. Whatever is wrong with it, the
//! files themselves are the truth: no failure here is told to anyone.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::files::{sweep_temporary, temporary_in};
use crate::storage::gallery::header::Header;
use crate::storage::gallery::stamp::Stamp;

/// Raised whenever a line changes its meaning.
const VERSION: u32 = 2;

/// Lines that may be out of date before it is worth writing a small index anew.
const SLACK: usize = 256;

/// What was read of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// The file's name in the folder.
    pub(super) name: String,
    /// When it was read.
    #[serde(flatten)]
    pub(super) stamp: Stamp,
    /// What it said; `None` if it is no picture.
    pub(super) header: Option<Header>,
}

#[derive(PartialEq, Serialize, Deserialize)]
struct Title {
    version: u32,
    #[serde(with = "crate::base::path_text")]
    folder: PathBuf,
}

/// The index of one folder.
#[derive(Debug)]
pub(super) struct Index {
    file: PathBuf,
    folder: PathBuf,
    /// Lines in the file, those out of date too.
    lines: usize,
}

impl Index {
    /// The index of `folder` below `cache`, and what it knows by name.
    pub(super) fn open(folder: &Path, cache: &Path) -> (Self, HashMap<String, (Stamp, Option<Header>)>) {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        let indices = cache.join("gallery");
        sweep_temporary(&indices);
        let file = indices.join(format!("{:016x}.jsonl", hasher.finish()));
        let mut index = Self { file, folder: folder.to_owned(), lines: 0 };
        let known = index.load().unwrap_or_default();
        (index, known)
    }

    fn load(&mut self) -> Option<HashMap<String, (Stamp, Option<Header>)>> {
        let mut lines = BufReader::new(File::open(&self.file).ok()?).split(b'\n');
        let title: Title = serde_json::from_slice(&lines.next()?.ok()?).ok()?;
        if title != self.title() {
            return None;
        }
        let mut known = HashMap::new();
        for line in lines {
            self.lines += 1;
            if let Ok(line) = serde_json::from_slice::<Line>(&line.ok()?) {
                known.insert(line.name, (line.stamp, line.header));
            }
        }
        Some(known)
    }

    fn title(&self) -> Title {
        Title { version: VERSION, folder: self.folder.clone() }
    }

    /// Adds what was read.
    pub(super) fn add(&mut self, lines: &[Line]) {
        // An empty index has no title yet, or one that isn't ours.
        if self.lines == 0 {
            return self.rewrite(lines.iter().cloned());
        }
        let file = OpenOptions::new().append(true).open(&self.file);
        if file.and_then(|mut file| file.write_all(&text(lines.iter().cloned()))).is_ok() {
            self.lines += lines.len();
        }
    }

    /// Whether most lines say nothing of the `live` files that are there now.
    pub(super) fn is_stale(&self, live: usize) -> bool {
        self.lines > live.saturating_mul(2) + SLACK
    }

    /// Writes the index anew, with these lines alone.
    pub(super) fn rewrite(&mut self, lines: impl Iterator<Item = Line>) {
        let Ok(mut bytes) = serde_json::to_vec(&self.title()) else { return };
        bytes.push(b'\n');
        let mut count = 0;
        bytes.extend(text(lines.inspect(|_| count += 1)));
        let Some(parent) = self.file.parent() else { return };
        // Not flushed to the disk as pictures are: what a power cut tears is read again.
        let written = fs::create_dir_all(parent)
            .and_then(|()| temporary_in(parent))
            .and_then(|mut file| file.write_all(&bytes).map(|()| file))
            .is_ok_and(|file| file.persist(&self.file).is_ok());
        if written {
            self.lines = count;
        }
    }
}

fn text(lines: impl Iterator<Item = Line>) -> Vec<u8> {
    let mut text = Vec::new();
    for line in lines {
        let start = text.len();
        match serde_json::to_writer(&mut text, &line) {
            Ok(()) => text.push(b'\n'),
            Err(_) => text.truncate(start),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::gallery::testing::recipe;

    fn line(name: &str, bytes: u64) -> Line {
        let header = Header { width: 8, height: 8, recipe: Some(recipe("a fox\nand \"a\" hen")), foreign: None };
        Line { name: name.into(), stamp: Stamp { bytes, nanos: 7 }, header: Some(header) }
    }

    fn cache() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn known(cache: &Path, folder: &str) -> HashMap<String, (Stamp, Option<Header>)> {
        Index::open(Path::new(folder), cache).1
    }

    #[test]
    fn what_was_read_comes_back_and_the_later_line_wins() {
        let cache = cache();
        let (mut index, none) = Index::open(Path::new("/a"), cache.path());
        assert!(none.is_empty());
        let no_picture = Line { name: "notes.png".into(), stamp: Stamp { bytes: 1, nanos: -5 }, header: None };
        index.add(&[line("x.png", 1), no_picture]);
        index.add(&[line("x.png", 2)]);
        let known = known(cache.path(), "/a");
        assert_eq!(known["x.png"], (Stamp { bytes: 2, nanos: 7 }, line("x.png", 2).header));
        assert_eq!(known["notes.png"], (Stamp { bytes: 1, nanos: -5 }, None));
        assert!(self::known(cache.path(), "/b").is_empty(), "another folder has another index");
    }

    #[test]
    fn a_torn_or_garbled_line_costs_that_line_alone() {
        let cache = cache();
        let (mut index, _) = Index::open(Path::new("/a"), cache.path());
        index.add(&[line("x.png", 1), line("y.png", 1)]);
        let mut bytes = fs::read(&index.file).expect("an index");
        bytes.extend(b"\xff\xfe garbage\n{\"name\":\"z.png\",\"by");
        fs::write(&index.file, bytes).expect("written");
        assert_eq!(known(cache.path(), "/a").len(), 2);
    }

    #[test]
    fn a_broken_or_newer_index_is_begun_anew() {
        for broken in ["", "\0\0\0\0", "{\"version\":99,\"folder\":\"/a\"}\n", "{\"version\":2,\"folder\":\"/b\"}\n"] {
            let cache = cache();
            let (mut index, _) = Index::open(Path::new("/a"), cache.path());
            index.add(&[line("x.png", 1)]);
            fs::write(&index.file, broken).expect("written");
            let (mut index, none) = Index::open(Path::new("/a"), cache.path());
            assert!(none.is_empty());
            index.add(&[line("y.png", 1)]);
            assert_eq!(known(cache.path(), "/a").len(), 1);
        }
    }

    #[test]
    fn an_index_that_is_mostly_out_of_date_is_told_and_shrinks() {
        let cache = cache();
        let (mut index, _) = Index::open(Path::new("/a"), cache.path());
        for bytes in 0..1000 {
            index.add(&[line("x.png", bytes)]);
        }
        assert!(index.is_stale(1) && !index.is_stale(1000));
        index.rewrite(std::iter::once(line("x.png", 999)));
        assert!(!index.is_stale(1));
        assert_eq!(known(cache.path(), "/a")["x.png"].0.bytes, 999);
    }

    #[test]
    fn a_cache_that_cannot_be_written_to_is_no_failure() {
        let cache = cache();
        let file = cache.path().join("file");
        fs::write(&file, "").expect("a file");
        let (mut index, _) = Index::open(Path::new("/a"), &file);
        index.add(&[line("x.png", 1)]);
        assert!(known(&file, "/a").is_empty());
    }
}
