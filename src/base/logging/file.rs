//! A file of lines that begins anew when it is large, and keeps the one before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

/// Bytes of a file, beyond which another one is begun.
const FULL: u64 = 5_000_000;

/// The end of the log. It is opened with the first line.
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    full: u64,
    open: Option<(File, u64)>,
}

impl RotatingFile {
    /// A file at `path`; the one before it is kept beside it, as `.1.log`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, full: FULL, open: None }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The folder can't be made, or the file can't be written to.
    pub(super) fn add(&mut self, line: &str) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|(_, bytes)| *bytes >= self.full) {
            self.open = None;
        }
        let (file, bytes) = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(open(&self.path, self.full)?),
        };
        // One call a line: lines of several programs don't mix.
        let line = format!("{line}\n");
        file.write_all(line.as_bytes())?;
        *bytes += line.len() as u64;
        Ok(())
    }
}

/// Opens the file to be added to, and returns its length. A full one makes way first.
fn open(path: &PathBuf, full: u64) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() >= full) {
        fs::rename(path, path.with_extension("1.log"))?;
    }
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        // The user's own, whatever the umask says.
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_begins_anew_and_the_one_before_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below/burnisher.log");
        let mut log = RotatingFile { full: 100, ..RotatingFile::new(path.clone()) };
        for number in 0..45 {
            log.add(&format!("line {number:04}")).expect("written");
        }
        // What another program left is added to.
        let mut log = RotatingFile { full: 100, ..RotatingFile::new(path.clone()) };
        log.add("line last").expect("written");
        let (new, old) = (fs::read_to_string(&path), fs::read_to_string(path.with_extension("1.log")));
        let (new, old) = (new.expect("a log"), old.expect("the one before"));
        assert!(new.ends_with("line 0044\nline last\n"), "{new}");
        assert!(old.len() >= 100 && old.len() < 120 && format!("{old}{new}").contains("0039\nline 0040"), "{old}");
        assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("entries").count(), 2);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o077, 0, "others may read it");
        }
    }
}
