//! Deleting to the system's bin, and getting back from it.
//!
//! Where the system doesn't let a program take files out of its bin (macOS), getting back is refused with how to do it
//! by hand.

use std::path::{Path, PathBuf};

use crate::base::error::Error;

/// What was deleted in one go, to be got back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Where the files were, as the user knows them.
    pub paths: Vec<PathBuf>,
    /// Where they were as the bin writes it down: links to folders resolved.
    #[cfg_attr(target_os = "macos", expect(dead_code, reason = "nothing is taken out of the bin there"))]
    resolved: Vec<PathBuf>,
}

/// Moves files to the bin, as many as it can. A file that is gone already counts as deleted by whoever did it.
///
/// Returns what was moved, and the first failure.
pub fn delete(paths: &[PathBuf]) -> (Deleted, Option<Error>) {
    let mut deleted = Deleted { paths: Vec::new(), resolved: Vec::new() };
    let mut failure = None;
    let there: Vec<_> = paths.iter().filter(|path| is_there(path)).map(|path| (path, resolve(path))).collect();
    if there.is_empty() {
        return (deleted, None);
    }
    // Together, as some systems take long or ask for each; one that can't be moved may keep others from being moved.
    let together = trash::delete_all(there.iter().map(|(path, _)| path));
    if let Err(cause) = &together {
        remove_empty_record(cause);
    }
    for (path, resolved) in there {
        let moved = if together.is_ok() || !is_there(path) { Ok(()) } else { trash::delete(path) };
        match moved {
            Ok(()) => {
                deleted.paths.push(path.clone());
                deleted.resolved.push(resolved);
            }
            Err(cause) => {
                remove_empty_record(&cause);
                failure.get_or_insert_with(|| {
                    Error::new(format!("can't move to the bin: {}", path.display())).caused_by(Cause::of(cause))
                });
            }
        }
    }
    (deleted, failure)
}

/// Removes the record that the crate leaves in a full bin: it is made before it is written, and the file isn't moved then.
#[cfg(all(unix, not(target_os = "macos")))]
fn remove_empty_record(cause: &trash::Error) {
    let trash::Error::FileSystem { path, .. } = cause else { return };
    let (Some(name), Some(bin)) = (path.file_stem(), path.parent().and_then(Path::parent)) else { return };
    let is_record = path.extension().is_some_and(|extension| extension == "trashinfo");
    if is_record && !is_there(&bin.join("files").join(name)) {
        let _ = std::fs::remove_file(path);
    }
}

/// See above.
#[cfg(any(not(unix), target_os = "macos"))]
fn remove_empty_record(_: &trash::Error) {}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// A path as the bin writes it down.
fn resolve(path: &Path) -> PathBuf {
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    parent.zip(path.file_name()).map_or_else(|| path.to_owned(), |(parent, name)| parent.join(name))
}

/// Gets back what was deleted, as much as it can, and returns where it is now.
///
/// # Errors
/// The first failure, after everything else was got back: the bin can't be read, it doesn't hold a file any more, or
/// another is in its place.
#[cfg(not(target_os = "macos"))]
pub fn restore(deleted: &Deleted) -> (Vec<PathBuf>, Option<Error>) {
    let mut bin = match trash::os_limited::list() {
        Ok(bin) => bin,
        Err(cause) => return (Vec::new(), Some(Error::new("can't look into the bin").caused_by(Cause::of(cause)))),
    };
    // A path may have been deleted before: the newest is meant.
    bin.sort_by_key(|item| item.time_deleted);
    let (mut restored, mut failure) = (Vec::new(), None);
    for (path, resolved) in deleted.paths.iter().zip(&deleted.resolved) {
        let found = bin.iter().rposition(|item| item.original_path() == *resolved).map(|at| bin.remove(at));
        let done = match found {
            None => Err(Error::new(format!("this isn't in the bin any more: {}", path.display()))),
            Some(item) => trash::os_limited::restore_all([item]).map_err(|cause| {
                Error::new(format!("can't get this back from the bin: {}", path.display())).caused_by(Cause::of(cause))
            }),
        };
        match done {
            Ok(()) => restored.push(path.clone()),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    (restored, failure)
}

/// See above.
#[cfg(target_os = "macos")]
pub fn restore(deleted: &Deleted) -> (Vec<PathBuf>, Option<Error>) {
    let names: Vec<_> = deleted.paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    let error = Error::new("macOS lets nobody but you take files out of the bin")
        .advise(format!("Open the bin in Finder, select {} and choose Put Back in the File menu", names.join(", ")));
    (Vec::new(), Some(error))
}

/// The crate's errors in words: its own are written for programmers.
#[derive(Debug)]
struct Cause(String);

impl Cause {
    fn of(cause: trash::Error) -> Self {
        use trash::Error as E;
        Self(match cause {
            #[cfg(all(unix, not(target_os = "macos")))]
            E::FileSystem { path, source } => format!("{source}: {}", path.display()),
            E::Os { description, .. } | E::Unknown { description } => description,
            E::RestoreCollision { .. } => "another file is in its place".to_owned(),
            E::CouldNotAccess { .. } | E::CanonicalizePath { .. } => "it can't be reached".to_owned(),
            other => format!("{other:?}"),
        })
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cause {}

/// The bin of the tests is a temporary folder. The environment can't be changed safely within a process, so each test
/// runs itself once more in a process of its own.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    /// Runs the ignored test `name` with a bin of its own, in an empty folder.
    fn in_process_with_own_bin(name: &str) {
        in_process("exec \"$0\" \"$@\"", name);
    }

    /// The same through a script of the shell.
    fn in_process(script: &str, name: &str) {
        let home = tempfile::tempdir().expect("a folder");
        let output = Command::new("bash")
            .args(["-c", script])
            .arg(std::env::current_exe().expect("this test"))
            .args(["--exact", &format!("storage::gallery::bin::tests::{name}"), "--ignored"])
            .env("XDG_DATA_HOME", home.path().join("data"))
            .env("BURNISHER_TEST_FOLDER", home.path())
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    /// The folder of a process that has its own bin.
    fn folder() -> PathBuf {
        std::env::var_os("BURNISHER_TEST_FOLDER").expect("a process of its own").into()
    }

    fn file(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, name).expect("written");
        path
    }

    #[test]
    fn what_was_deleted_comes_back_as_it_was() {
        in_process_with_own_bin("delete_and_restore");
    }

    #[test]
    #[ignore = "run by the test before, with a bin of its own"]
    fn delete_and_restore() {
        let real = folder().join("real");
        fs::create_dir(&real).expect("a folder");
        let linked = folder().join("linked");
        std::os::unix::fs::symlink(&real, &linked).expect("a link");
        let paths = [file(&linked, "a.png"), file(&linked, "猫 100%.png"), linked.join("gone.png")];
        let (deleted, failure) = delete(&paths);
        assert!(failure.is_none(), "{failure:?}");
        assert_eq!(deleted.paths, paths[..2], "what was gone already wasn't deleted");
        assert!(!paths[0].exists() && !paths[1].exists());
        assert!(folder().join("data/Trash/files/a.png").exists(), "in the bin");
        let (restored, failure) = restore(&deleted);
        assert!(failure.is_none(), "{failure:?}");
        assert_eq!(restored, paths[..2]);
        assert_eq!(fs::read_to_string(&paths[1]).expect("back"), "猫 100%.png");
    }

    #[test]
    fn of_several_deleted_from_one_place_the_newest_comes_back() {
        in_process_with_own_bin("delete_twice");
    }

    #[test]
    #[ignore = "run by the test before, with a bin of its own"]
    fn delete_twice() {
        let path = file(&folder(), "a.png");
        let (first, _) = delete(std::slice::from_ref(&path));
        // The bin's times are whole seconds.
        let info = folder().join("data/Trash/info/a.png.trashinfo");
        let text = fs::read_to_string(&info).expect("what the bin wrote down");
        let (before, _) = text.split_once("DeletionDate=").expect("a date");
        fs::write(&info, format!("{before}DeletionDate=2001-01-01T00:00:00\n")).expect("written");
        fs::write(&path, "newer").expect("written");
        let (second, _) = delete(std::slice::from_ref(&path));
        assert_eq!(restore(&second).0, std::slice::from_ref(&path));
        assert_eq!(fs::read_to_string(&path).expect("back"), "newer");

        let (none, failure) = restore(&first);
        let failure = failure.expect("the other is in its place").to_string();
        assert!(none.is_empty() && failure.contains("another file is in its place"), "{failure}");
        assert_eq!(fs::read_to_string(&path).expect("still there"), "newer");
    }

    #[test]
    fn a_full_bin_leaves_the_picture_and_no_record_of_it() {
        // No file may grow: writes fail as on a full disk, also for root and on every file system.
        in_process("trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"", "delete_into_a_full_bin");
    }

    #[test]
    #[ignore = "run by the test before, with a bin of its own"]
    fn delete_into_a_full_bin() {
        let paths = ["a.png", "b.png"].map(|name| folder().join(name));
        for path in &paths {
            fs::File::create(path).expect("an empty file");
        }
        let (deleted, failure) = delete(&paths);
        assert!(deleted.paths.is_empty());
        assert!(failure.expect("it is full").to_string().starts_with("can't move to the bin: "));
        assert!(paths.iter().all(|path| path.exists()));
        for part in ["files", "info"] {
            let entries = fs::read_dir(folder().join("data/Trash").join(part)).expect("a folder");
            assert_eq!(entries.count(), 0, "{part}");
        }
    }

    #[test]
    fn what_left_the_bin_is_said_and_hinders_nothing_else() {
        in_process_with_own_bin("empty_the_bin");
    }

    #[test]
    #[ignore = "run by the test before, with a bin of its own"]
    fn empty_the_bin() {
        let paths = [file(&folder(), "a.png"), file(&folder(), "b.png")];
        let (deleted, _) = delete(&paths);
        fs::remove_file(folder().join("data/Trash/info/a.png.trashinfo")).expect("gone");
        let (restored, failure) = restore(&deleted);
        assert_eq!(restored, [paths[1].clone()]);
        let failure = failure.expect("one is gone").to_string();
        assert_eq!(failure, format!("this isn't in the bin any more: {}", paths[0].display()));
    }
}
