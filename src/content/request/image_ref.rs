//! Pictures that a request begins with: named by their content, with a hint of where they lie.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::error::{Error, Result};
use crate::base::path_text::WrittenPath;

/// A picture on disk. Its hash names it on every machine; the hint says where it was last seen on this one, and never leaves
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRef {
    /// The SHA-256 of the file, in hexadecimal digits; `None` until the file was read.
    pub hash: Option<String>,
    /// Where it lies; `None` where that isn't known.
    pub hint: Option<PathBuf>,
}

/// An [`ImageRef`] in JSON: older versions, and requests whose picture wasn't read yet, have the path alone.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Path(WrittenPath),
    Hash {
        hash: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<WrittenPath>,
    },
}

impl ImageRef {
    /// Returns where the picture lies.
    ///
    /// # Errors
    /// That isn't known on this machine.
    pub fn path(&self) -> Result<&Path> {
        self.hint.as_deref().ok_or_else(|| {
            Error::new("The picture that this begins with isn't known on this computer")
                .advise("Choose it again, or put it beside the picture that was drawn from it")
        })
    }

    /// Whether no picture is named.
    pub fn is_empty(&self) -> bool {
        self.hash.is_none() && self.hint.is_none()
    }
}

impl From<PathBuf> for ImageRef {
    fn from(path: PathBuf) -> Self {
        Self { hash: None, hint: Some(path).filter(|path| !path.as_os_str().is_empty()) }
    }
}

impl From<&str> for ImageRef {
    fn from(path: &str) -> Self {
        PathBuf::from(path).into()
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.hint, &self.hash) {
            (Some(path), _) => write!(f, "{}", path.display()),
            (None, Some(hash)) => write!(f, "the picture {}", hash.get(..8).unwrap_or(hash)),
            (None, None) => f.write_str("no picture"),
        }
    }
}

impl Serialize for ImageRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let written = match self.hash.clone() {
            None => Written::Path(self.hint.as_deref().unwrap_or(Path::new("")).into()),
            Some(hash) => Written::Hash { hash, path: self.hint.as_deref().map(WrittenPath::from) },
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ImageRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Path(path) => PathBuf::from(path).into(),
            Written::Hash { hash, path } => Self { hash: Some(hash), hint: path.map(PathBuf::from) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_read_as_it_was_written_and_as_older_versions_wrote_it() {
        let known = ImageRef { hash: Some("ab12".into()), hint: Some("/a.png".into()) };
        let shared = ImageRef { hint: None, ..known.clone() };
        let cases = [
            (known, r#"{"hash":"ab12","path":"/a.png"}"#),
            (shared, r#"{"hash":"ab12"}"#),
            ("/a.png".into(), r#""/a.png""#),
            (ImageRef::default(), r#""""#),
        ];
        for (image, json) in cases {
            assert_eq!(serde_json::to_string(&image).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<ImageRef>(json).expect("a picture"), image);
        }
    }
}
