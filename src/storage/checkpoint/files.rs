//! A tree of files, addressed by `/`-separated paths relative to its root.

use serde_json::{Map, Value};

use super::json;
use crate::base::error::{Error, Result};
use crate::base::impostor::Impostor;
use crate::storage::weights::SourceFile;

/// A tree of files: a folder, the bundled model, or a single file that is made to look like a folder.
pub(crate) trait Files {
    /// Opens a file. `None` if there is no such file.
    ///
    /// # Errors
    /// The file is there and can't be opened.
    fn open(&self, path: &str) -> Result<Option<SourceFile>>;

    /// Names a file in a message.
    fn locate(&self, path: &str) -> String;

    /// Reads the whole file as text. `None` if there is no such file.
    ///
    /// # Errors
    /// The file is there and can't be read, or isn't UTF-8.
    fn read_text(&self, path: &str) -> Result<Option<String>> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let bytes = file.all()?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => Err(Error::new(format!("this file should be text: {}", self.locate(path))).caused_by(error)),
        }
    }
}

/// Reads a JSON object; `None` if there is no such file.
///
/// # Errors
/// The file can't be read, or isn't an object in JSON as Python writes it.
pub(crate) fn read_json(files: &impl Files, path: &str) -> Result<Option<Map<String, Value>>> {
    let Some(text) = files.read_text(path)? else { return Ok(None) };
    json::parse(&text).map(Some).map_err(|error| match Impostor::of(text.as_bytes()) {
        Some(impostor) => Error::new(format!("this file holds no JSON, {}: {}", impostor.what(), files.locate(path)))
            .advise(impostor.advice()),
        None => Error::new(format!("this file isn't sound JSON: {}", files.locate(path))).caused_by(error),
    })
}

/// Returns whether a name out of a JSON file is that of something directly inside a folder, and no way out of it.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '\0'])
}
