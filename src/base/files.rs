//! Files that appear whole or not at all, what is left of them where a program was killed, and what to say when they can't be written.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use super::error::{Error, Result};

/// What names of temporary files begin with.
const PREFIX: &str = ".burnisher-";

/// How many letters and digits follow, as `tempfile` has it.
const RANDOM: usize = 6;

/// The age from which on nobody writes a temporary file any more: no write takes as long.
const LEFT: Duration = Duration::from_hours(1);

/// Returns the folder for what the program keeps of its runs, such as its log: the user's own, and nothing to be handed on.
pub fn state_folder() -> PathBuf {
    let folder = dirs::state_dir().or_else(dirs::data_local_dir);
    folder.unwrap_or_else(std::env::temp_dir).join("burnisher")
}

/// Writes a file whole or not at all, replacing what is there.
///
/// # Errors
/// The folder is missing or can't be written to, or the disk is full. Nothing is left behind then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = write_beside(parent_of(path), bytes)?;
    file.persist(path).map(drop).map_err(|failure| file_error(path, failure.error))
}

/// Writes a file that only the user may read: whole or not at all, replacing what is there.
///
/// # Errors
/// As [`write_whole`].
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = write_temporary(tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM), parent_of(path), bytes)?;
    file.persist(path).map(drop).map_err(|failure| file_error(path, failure.error))
}

/// Writes bytes to a temporary file in `folder` and syncs it; the file is deleted unless it is persisted.
///
/// # Errors
/// The folder is missing or can't be written to, or the disk is full.
pub fn write_beside(folder: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    {
        // Readable to whom the user's umask says, like any file, and not private as temporary files are.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    write_temporary(&builder, folder, bytes)
}

fn write_temporary(builder: &tempfile::Builder<'_, '_>, folder: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let mut file = builder.tempfile_in(folder).map_err(|cause| folder_error(folder, cause))?;
    let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
    written.map_err(|cause| folder_error(folder, cause))?;
    Ok(file)
}

/// Makes a temporary file in `folder` that only the user may read, and that is deleted unless it is persisted.
///
/// # Errors
/// The folder is missing or can't be written to, or the disk is full.
pub fn temporary_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM).tempfile_in(folder)
}

/// Removes the temporary files that are left in a folder where programs were killed while they wrote: files with such a name that
/// nobody has written for an hour, or that are of a time to come, as where the clock was put back. What can't be removed stays.
pub fn sweep_temporary(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_temporary)
            && let Ok(metadata) = entry.metadata()
            && metadata.is_file()
            && metadata.modified().is_ok_and(|time| distance(time, SystemTime::now()) >= LEFT)
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The time between two moments, whichever of them is the earlier one.
fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|earlier| earlier.duration())
}

fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX);
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Returns the folder that a file lies in.
pub fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Says why a folder can't be written to.
pub fn folder_error(folder: &Path, cause: std::io::Error) -> Error {
    let headline = match cause.kind() {
        // Where no file can be made at all, as in /proc, the folder is there and the file isn't found.
        ErrorKind::NotFound if folder.is_dir() => "this folder can't be written to",
        ErrorKind::NotFound => "there is no such folder",
        ErrorKind::NotADirectory => "this is no folder",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "this folder can't be written to",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full",
        _ => return Error::new(format!("can't write to this folder: {}", folder.display())).caused_by(cause),
    };
    Error::new(format!("{headline}: {}", folder.display()))
}

/// Says why a file can't be written.
pub fn file_error(path: &Path, cause: std::io::Error) -> Error {
    if path.is_dir() {
        return Error::new(format!("this is a folder, not a file: {}", path.display()));
    }
    Error::new(format!("can't write {}", path.display())).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_was_left_by_a_program_that_was_killed_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let age = |name: &str, hours: u64| {
            let file = File::create(folder.path().join(name)).expect("a file");
            file.set_modified(SystemTime::now() - Duration::from_hours(hours)).expect("a time");
        };
        let written = write_beside(folder.path(), b"whole").expect("written");
        let left = written.keep().expect("kept").1;
        age(left.file_name().and_then(|name| name.to_str()).expect("text"), 2);
        age(".burnisher-aB3dE9", 2);
        let of_tomorrow = File::create(folder.path().join(".burnisher-Future")).expect("a file");
        of_tomorrow.set_modified(SystemTime::now() + Duration::from_hours(24)).expect("a time");
        for name in [".burnisher-favourites.json", ".burnisher-abcde", ".burnisher-a.cdef", ".tmpabcdef", "fox.png"] {
            age(name, 999);
        }
        age(".burnisher-newest", 0);
        fs::create_dir(folder.path().join(".burnisher-folder")).expect("a folder");
        sweep_temporary(folder.path());
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        let kept = [
            ".burnisher-a.cdef",
            ".burnisher-abcde",
            ".burnisher-favourites.json",
            ".burnisher-folder",
            ".burnisher-newest",
            ".tmpabcdef",
            "fox.png",
        ];
        assert_eq!(names, kept);
        sweep_temporary(Path::new("/nowhere"));
    }
}
