//! Shows folders and pages in other programs.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use crate::base::error::{Error, Result};

/// How long the program that opens things is watched for a failure. One that runs longer has something to show.
const WATCHED: Duration = Duration::from_secs(3);

/// Shows a folder in the file manager. It takes a while.
///
/// # Errors
/// The folder isn't there, or nothing can show it.
pub(crate) fn open_folder(folder: &Path) -> Result<()> {
    let headline = || Error::new(format!("the folder can't be opened: {}", folder.display()));
    fs::read_dir(folder).map_err(|cause| headline().caused_by(cause))?;
    opened(open::that_detached_with_timeout(folder, WATCHED), headline, &folder.display().to_string())
}

/// Shows a page in the browser. It takes a while.
///
/// # Errors
/// Nothing can show it.
pub(crate) fn open_page(page: &str) -> Result<()> {
    let headline = || Error::new(format!("the page can't be opened in a browser: {page}"));
    opened(open::that_detached_with_timeout(page, WATCHED), headline, page)
}

/// Tells a missing program from one that failed.
fn opened(opened: io::Result<()>, headline: impl FnOnce() -> Error, what: &str) -> Result<()> {
    opened.map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => headline()
            .caused_by(Error::new("no program that opens it is installed"))
            .advise(format!("Install xdg-utils, or open it by hand: {what}")),
        _ => headline().caused_by(cause).advise(format!("Open it by hand: {what}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_opener_is_told_from_a_missing_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let gone = open_folder(&folder.path().join("gone")).expect_err("it isn't there").to_string();
        assert!(gone.starts_with("the folder can't be opened") && !gone.contains("xdg-utils"), "{gone}");
        let missing = Err(io::Error::from(ErrorKind::NotFound));
        let error = opened(missing, || Error::new("the folder can't be opened: /pictures"), "/pictures");
        let error = error.expect_err("nothing opens it").to_string();
        assert!(error.contains("no program that opens it is installed. Install xdg-utils"), "{error}");
        assert!(!error.contains("No such file"), "{error}");
    }
}
