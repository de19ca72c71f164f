//! Files that appear whole or not at all, and what to say when they can't be written.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::{Error, Result};

/// What names of temporary files begin with.
const PREFIX: &str = ".burnisher-";

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
    let file = write_temporary(tempfile::Builder::new().prefix(PREFIX), parent_of(path), bytes)?;
    file.persist(path).map(drop).map_err(|failure| file_error(path, failure.error))
}

/// Writes bytes to a temporary file in `folder` and syncs it; the file is deleted unless it is persisted.
///
/// # Errors
/// The folder is missing or can't be written to, or the disk is full.
pub fn write_beside(folder: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
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
