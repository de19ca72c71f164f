//! The access token that the user gave, in a file of its own: the settings may be shown to others, this may not.
//!
//! Limits: it is kept as plain text that only the user may read, as `hf auth login` keeps it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::storage::hub::Token;

/// The token, if one is kept. One that can't be read is none: the Hub then says that it wants one.
pub(super) fn read(path: &Path) -> Option<Token> {
    fs::read_to_string(path).ok().and_then(Token::new)
}

/// Keeps a token from now on, or none if it is empty; whether one is kept now.
///
/// # Errors
/// The file can't be written, or removed.
pub(super) fn keep(path: &Path, text: &str) -> Result<bool> {
    let text = text.trim();
    let broken = |cause: std::io::Error| Error::new("the access token can't be kept").caused_by(cause);
    if text.is_empty() {
        return match fs::remove_file(path) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => Err(broken(cause)),
            _ => Ok(false),
        };
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Error::new("this is no access token: it has spaces in it")
            .advise("Copy it from the Hub's settings, under Access Tokens; it begins with hf_"));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(broken)?;
    }
    let written = write_private(path, text.as_bytes());
    written.map(|()| true).map_err(|error| error.about("the access token can't be kept"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_for_its_owner_alone_and_can_be_taken_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below/hub-token");
        assert!(read(&path).is_none());
        assert!(keep(&path, " hf_secret\n").expect("kept"));
        assert_eq!(read(&path), Token::new("hf_secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "others may read it");
        }
        assert!(!keep(&path, "").expect("removed"));
        assert!(!keep(&path, " ").expect("nothing to remove"));
        assert!(read(&path).is_none());
    }

    #[test]
    fn a_token_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hub-token");
        keep(&path, "hf_before").expect("kept");
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                for number in 0..300 {
                    keep(&path, &format!("hf_{number}")).expect("kept");
                }
            });
            while !writing.is_finished() {
                let token = fs::read_to_string(&path).expect("there");
                assert!(token.len() > "hf_".len(), "half a token: {token:?}");
            }
        });
    }

    #[test]
    fn where_a_token_cannot_be_written_that_is_said_without_repeating_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hub-token");
        fs::create_dir(&path).expect("a folder in its place");
        let error = keep(&path, "hf_new").expect_err("it can't be written").to_string();
        assert!(error.starts_with("the access token can't be kept: ") && !error.contains("hf_new"), "{error}");
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = keep(&folder.path().join("hub-token"), "my hf_secret").expect_err("no token");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
