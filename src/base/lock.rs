//! Locks between programs: each is a file, and the system gives it back when the program that holds it ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// From one try to the next.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A lock, which is given back when it is dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
    /// Whether others are kept out. Some file systems, of networks above all, have no locks.
    pub keeps_out: bool,
}

/// Takes the lock that a file stands for; `None` while someone else holds it.
///
/// # Errors
/// The file can't be made or opened.
pub fn try_lock(path: &Path) -> io::Result<Option<FileLock>> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        // Someone may have removed the file between our opening and locking it: that lock guards nothing.
        Ok(()) => Ok(is_linked(&file)?.then_some(FileLock { _file: file, keeps_out: true })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(_)) => Ok(Some(FileLock { _file: file, keeps_out: false })),
    }
}

/// Waits for a lock, but no longer than this: a program that was stopped in the middle must not stop others.
pub fn lock_within(path: &Path, patience: Duration) -> Option<FileLock> {
    let since = Instant::now();
    loop {
        match try_lock(path) {
            Ok(None) if since.elapsed() < patience => thread::sleep(LOOK_AGAIN),
            taken => return taken.ok().flatten(),
        }
    }
}

#[cfg(unix)]
fn is_linked(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink() > 0)
}

#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "as where it can fail")]
fn is_linked(_: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_and_free_when_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let held = try_lock(&path).expect("a file").expect("it is free");
        assert!(held.keeps_out);
        assert!(try_lock(&path).expect("a file").is_none());
        assert!(lock_within(&path, Duration::ZERO).is_none(), "nobody waits for ever");
        drop(held);
        assert!(lock_within(&path, Duration::ZERO).is_some());
        assert!(try_lock(&folder.path().join("none/lock")).is_err());
    }
}
