//! Access to the files of a tokenizer, on disk or inside another file.

use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::base::error::{Error, Result};
use crate::base::impostor::Impostor;

/// Reads a file of a tokenizer by name; `None` if there is no such file.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<Option<Vec<u8>>> + 'a;

/// The files of a tokenizer and their location.
pub(super) struct TokenizerFiles<'a> {
    folder: &'a Path,
    read: &'a ReadFile<'a>,
}

impl<'a> TokenizerFiles<'a> {
    /// Takes files from `read`; `folder` is only used in messages.
    pub(super) fn new(folder: &'a Path, read: &'a ReadFile<'a>) -> Self {
        Self { folder, read }
    }

    /// Reads a file; `None` if there is no such file.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        (self.read)(name)
    }

    /// Reads a JSON file; `None` if there is no such file.
    ///
    /// # Errors
    /// It can't be read or is malformed.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(content) = self.bytes(name)? else { return Ok(None) };
        serde_json::from_slice(&content).map(Some).map_err(|error| self.malformed(name, &content, error))
    }

    /// Makes the error that a file with this content is malformed.
    pub(super) fn malformed(
        &self,
        name: &str,
        content: &[u8],
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        self.impostor(name, content)
            .unwrap_or_else(|| self.error(&format!("The tokenizer's {name} is malformed")).caused_by(cause))
    }

    /// Makes the error that something else lies in the place of a file; `None` where nothing says so.
    pub(super) fn impostor(&self, name: &str, content: &[u8]) -> Option<Error> {
        let impostor = Impostor::of(content)?;
        let error = self.error(&format!("The tokenizer's {name} can't be read, {}", impostor.what()));
        Some(error.advise(impostor.advice()))
    }

    /// Makes an error about these files.
    pub(super) fn error(&self, message: &str) -> Error {
        Error::new(format!("{message}: {}", self.folder.display()))
    }
}

/// Reads a file of a folder on disk; `None` if there is no such file.
///
/// # Errors
/// The file is there and can't be read.
pub(super) fn read_from(folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    match std::fs::read(folder.join(name)) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::new(format!("{name} can't be read: {}", folder.display())).caused_by(error)),
    }
}
