//! Paths in JSON: as text where they are text, and else as the system has them, so that every path comes back as it was.
//!
//! serde's own form of a path is an error where its name isn't UTF-8, and takes everything with it that was to be written
//! beside it. Members that hold paths are marked `#[serde(with = "crate::base::path_text")]` instead.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A path as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WrittenPath {
    /// As text.
    Text(String),
    /// As the system has it: serde writes `{"Unix": [47, 233]}`.
    Native(OsString),
}

impl From<&Path> for WrittenPath {
    fn from(path: &Path) -> Self {
        path.to_str().map_or_else(|| Self::Native(path.into()), |text| Self::Text(text.to_owned()))
    }
}

impl From<WrittenPath> for PathBuf {
    fn from(path: WrittenPath) -> Self {
        match path {
            WrittenPath::Text(text) => text.into(),
            WrittenPath::Native(path) => path.into(),
        }
    }
}

/// What a member with paths can be.
pub trait HoldsPaths: Sized {
    /// How it is written.
    type Written: Serialize + DeserializeOwned;

    /// Returns what is written.
    fn written(&self) -> Self::Written;

    /// Takes what was written.
    fn read(written: Self::Written) -> Self;
}

impl HoldsPaths for PathBuf {
    type Written = WrittenPath;

    fn written(&self) -> WrittenPath {
        self.as_path().into()
    }

    fn read(written: WrittenPath) -> Self {
        written.into()
    }
}

impl HoldsPaths for Option<PathBuf> {
    type Written = Option<WrittenPath>;

    fn written(&self) -> Self::Written {
        self.as_ref().map(HoldsPaths::written)
    }

    fn read(written: Self::Written) -> Self {
        written.map(PathBuf::from)
    }
}

impl HoldsPaths for Vec<PathBuf> {
    type Written = Vec<WrittenPath>;

    fn written(&self) -> Self::Written {
        self.iter().map(HoldsPaths::written).collect()
    }

    fn read(written: Self::Written) -> Self {
        written.into_iter().map(PathBuf::from).collect()
    }
}

/// Writes what holds paths.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: HoldsPaths, S: Serializer>(paths: &T, serializer: S) -> Result<S::Ok, S::Error> {
    paths.written().serialize(serializer)
}

/// Reads what holds paths.
///
/// # Errors
/// It holds something else.
pub fn deserialize<'de, T: HoldsPaths, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::Written::deserialize(deserializer).map(T::read)
}

/// Returns a path for events and people: what isn't Unicode of it is shown as well as it can be.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Returns paths for events and people.
pub fn all_shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| shown(path)).collect()
}

/// Returns the [`shown`] form of a path that was written as the system has it; `None` for any other value.
pub fn shown_native(value: &Value) -> Option<String> {
    let is_native = value
        .as_object()
        .is_some_and(|parts| parts.len() == 1 && (parts.contains_key("Unix") || parts.contains_key("Windows")));
    let path = is_native.then(|| OsString::deserialize(value).ok())??;
    Some(shown(Path::new(&path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Places {
        #[serde(with = "super")]
        one: PathBuf,
        #[serde(with = "super")]
        maybe: Option<PathBuf>,
        #[serde(with = "super")]
        many: Vec<PathBuf>,
    }

    #[test]
    fn a_path_that_is_text_is_written_as_text() {
        let places = Places { one: "/ä".into(), maybe: None, many: vec!["a".into()] };
        let json = serde_json::to_string(&places).expect("JSON");
        assert_eq!(json, r#"{"one":"/ä","maybe":null,"many":["a"]}"#);
        assert_eq!(serde_json::from_str::<Places>(&json).expect("places"), places);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_comes_back_as_it_was() {
        use std::os::unix::ffi::OsStrExt;

        let odd = PathBuf::from(std::ffi::OsStr::from_bytes(b"/caf\xe9.png"));
        let places = Places { one: odd.clone(), maybe: Some(odd.clone()), many: vec!["a".into(), odd.clone()] };
        let value = serde_json::to_value(&places).expect("JSON");
        assert_eq!(shown_native(&value["one"]).as_deref(), Some("/caf\u{fffd}.png"));
        assert_eq!(serde_json::from_value::<Places>(value).expect("places"), places);
        assert_eq!(shown_native(&Value::String("/a".into())), None);
    }
}
