//! The cache on disk, as `huggingface_hub` lays it out (`file_download.py`), so that Python and we share every byte.
//!
//! ```text
//! models--owner--name/blobs/<hash>                       a file's content
//! models--owner--name/blobs/<hash>.incomplete            what has come of it so far
//! models--owner--name/snapshots/<commit>/<path>          a link to its blob
//! models--owner--name/refs/<revision>                    the commit that a branch or tag stands for
//! .locks/models--owner--name/<hash>.lock                 whoever fetches the blob holds this
//! ```
//!
//! A blob gets its name when its content is checked, and a revision its commit when the whole model is here.
//! Limits: where links can't be made (Windows without developer mode), the snapshot has the files themselves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::lock::{FileLock, try_lock};
use crate::base::model_ref::HubId;
use crate::storage::checkpoint::is_plain_name;
use crate::storage::hub::listing::Wanted;

/// Marks a folder as one that backups need not keep (<https://bford.info/cachedir/>), as Python does.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by huggingface_hub.\n# For information about cache directory tags, see:\n#\thttps://bford.info/cachedir/\n";

/// A repository's part of the cache.
#[derive(Clone)]
pub(super) struct Repo {
    cache: PathBuf,
    folder: PathBuf,
    locks: PathBuf,
}

impl Repo {
    pub(super) fn new(cache: &Path, id: &HubId) -> Self {
        let name = hf_hub::Repo::model(id.repo()).folder_name();
        Self { cache: cache.to_owned(), folder: cache.join(&name), locks: cache.join(".locks").join(name) }
    }

    /// Makes the folders that a download writes into.
    pub(super) fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(self.folder.join("blobs"))?;
        fs::create_dir_all(&self.locks)?;
        let tag = self.cache.join("CACHEDIR.TAG");
        if tag.exists() { Ok(()) } else { fs::write(tag, CACHEDIR_TAG) }
    }

    /// Where a file's content lies, once it is checked.
    pub(super) fn blob(&self, file: &Wanted) -> PathBuf {
        self.folder.join("blobs").join(file.hash.name())
    }

    /// Where what has come of it so far lies.
    pub(super) fn part(&self, file: &Wanted) -> PathBuf {
        self.folder.join("blobs").join(format!("{}.incomplete", file.hash.name()))
    }

    /// The folder of a commit.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The commit that a revision stands for: a branch or tag that was fetched, or a commit itself. A note that is no name of a
    /// folder counts for nothing: it would lead elsewhere.
    pub(super) fn commit(&self, revision: &str) -> String {
        let noted = fs::read_to_string(self.folder.join("refs").join(revision)).ok();
        let noted = noted.filter(|commit| is_plain_name(commit.trim()));
        noted.map_or_else(|| revision.to_owned(), |commit| commit.trim().to_owned())
    }

    /// Whether a file is here whole.
    pub(super) fn has(&self, commit: &str, file: &Wanted) -> bool {
        let is_whole = |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == file.bytes);
        is_whole(&self.blob(file)) || is_whole(&self.snapshot(commit).join(&file.path))
    }

    /// How many bytes of a file needn't be fetched.
    pub(super) fn bytes_here(&self, commit: &str, file: &Wanted) -> u64 {
        if self.has(commit, file) {
            return file.bytes;
        }
        fs::metadata(self.part(file)).map_or(0, |part| part.len()).min(file.bytes)
    }

    /// The lock on a file's content, which Python honours too; `None` while someone else holds it. Where there are no locks, two of
    /// us would write the same bytes to the same places: wasteful and harmless.
    pub(super) fn try_lock(&self, file: &Wanted) -> io::Result<Option<FileLock>> {
        try_lock(&self.locks.join(format!("{}.lock", file.hash.name())))
    }

    /// Gives a file that is here its place in the snapshot.
    pub(super) fn link(&self, commit: &str, file: &Wanted) -> io::Result<()> {
        self.link_by(symlink, commit, file)
    }

    fn link_by(&self, symlink: impl Fn(&Path, &Path) -> io::Result<()>, commit: &str, file: &Wanted) -> io::Result<()> {
        let (blob, place) = (self.blob(file), self.snapshot(commit).join(&file.path));
        let is_there = || fs::metadata(&place).is_ok_and(|found| found.len() == file.bytes);
        if is_there() {
            return Ok(());
        }
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Relative, so that the cache can be moved: out of the path's folders, the commit and `snapshots`.
        let up = "../".repeat(file.path.matches('/').count() + 2);
        let linked = symlink(Path::new(&format!("{up}blobs/{}", file.hash.name())), &place);
        match linked.or_else(|_| if is_there() { Ok(()) } else { fs::hard_link(&blob, &place) }) {
            Ok(()) => Ok(()),
            Err(_) => fs::rename(blob, place),
        }
    }

    /// Notes the commit that a revision stands for. What is read meanwhile is the old commit or the new one.
    pub(super) fn set_commit(&self, revision: &str, commit: &str) -> io::Result<()> {
        if revision == commit {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let unfinished = path.with_file_name(format!("{commit}.{}.tmp", std::process::id()));
        fs::write(&unfinished, commit)?;
        fs::rename(unfinished, path)
    }

    /// Lets a moved repository be found by its old name too, here and in Python. Where links can't be made, it isn't.
    pub(super) fn also_called(&self, old: &HubId) {
        let old = Self::new(&self.cache, old).folder;
        if let Some(name) = self.folder.file_name().filter(|_| old != self.folder && !old.exists()) {
            drop(symlink_folder(Path::new(name), &old));
        }
    }
}

/// Free space on the disk that a folder is or would be on, in bytes.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    folder.ancestors().find(|folder| folder.is_dir()).and_then(|folder| fs4::available_space(folder).ok())
}

#[cfg(unix)]
fn symlink(target: &Path, place: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, place)
}

#[cfg(windows)]
fn symlink(target: &Path, place: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, place)
}

#[cfg(unix)]
fn symlink_folder(target: &Path, place: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, place)
}

#[cfg(windows)]
fn symlink_folder(target: &Path, place: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(target, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_links_cannot_be_made_the_snapshot_has_the_file_itself() {
        let cache = tempfile::tempdir().expect("a folder");
        let repo = Repo::new(cache.path(), &HubId::parse("acme/tiny").expect("a name"));
        let (commit, file) = ("0".repeat(40), Wanted::for_test("unet/config.json", 5));
        repo.prepare().expect("written");
        fs::write(repo.blob(&file), "hello").expect("written");
        repo.link_by(|_, _| Err(io::ErrorKind::PermissionDenied.into()), &commit, &file).expect("linked otherwise");
        let place = repo.snapshot(&commit).join(&file.path);
        assert!(fs::read_link(&place).is_err());
        assert_eq!(fs::read(&place).expect("there"), b"hello");
        fs::remove_file(repo.blob(&file)).expect("removed");
        assert!(repo.has(&commit, &file), "it needn't come again");
    }

    #[test]
    fn a_noted_commit_leads_to_no_other_folder() {
        let cache = tempfile::tempdir().expect("a folder");
        let repo = Repo::new(cache.path(), &HubId::parse("acme/tiny").expect("a name"));
        let refs = cache.path().join("models--acme--tiny/refs");
        fs::create_dir_all(&refs).expect("a folder");
        let commit = "0".repeat(40);
        for (noted, expected) in
            [(format!("{commit}\n"), &*commit), ("../../evil".to_owned(), "main"), ("/etc".to_owned(), "main")]
        {
            fs::write(refs.join("main"), noted).expect("written");
            assert_eq!(repo.commit("main"), expected);
        }
    }

    #[test]
    fn a_lock_is_held_by_one_and_free_again_when_it_is_dropped() {
        let cache = tempfile::tempdir().expect("a folder");
        let repo = Repo::new(cache.path(), &HubId::parse("acme/tiny").expect("a name"));
        let file = Wanted::for_test("unet/config.json", 5);
        repo.prepare().expect("written");
        let held = repo.try_lock(&file).expect("a lock");
        assert!(held.is_some() && repo.try_lock(&file).expect("no error").is_none());
        drop(held);
        assert!(repo.try_lock(&file).expect("no error").is_some());
    }
}
