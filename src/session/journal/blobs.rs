//! A folder for long texts, masks above all, which would be written again with every change of the form otherwise.
//!
//! A blob is a file that is called as the SHA-256 of its bytes. In the journal `{"$blob": "<name>"}` stands in its place.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::base::digest::sha256;
use crate::base::error::{Error, Result};
use crate::base::files::{sweep_temporary, write_whole};

/// Texts that are longer than this are kept as blobs, in bytes.
const LONG: usize = 1024;

/// The key that stands in place of a text.
const KEY: &str = "$blob";

/// A folder of blobs.
#[derive(Clone, Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// A folder, which is made when something is put into it.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Puts the long texts of a value into the folder. Returns how many bytes were written.
    ///
    /// # Errors
    /// The folder can't be written to.
    pub(super) fn take_out(&self, value: &mut Value) -> Result<usize> {
        match value {
            Value::String(text) if text.len() > LONG => {
                let name = sha256(text.as_bytes());
                let path = self.folder.join(&name);
                let is_new = !path.is_file();
                let written = if is_new { text.len() } else { 0 };
                if is_new {
                    fs::create_dir_all(&self.folder).map_err(|cause| {
                        Error::new(format!("This folder can't be made: {}", self.folder.display())).caused_by(cause)
                    })?;
                    write_whole(&path, text.as_bytes())?;
                }
                *value = json!({ KEY: name });
                Ok(written)
            }
            Value::Array(values) => values.iter_mut().map(|value| self.take_out(value)).sum(),
            Value::Object(values) => values.values_mut().map(|value| self.take_out(value)).sum(),
            _ => Ok(0),
        }
    }

    /// Puts the texts back into a value, and notes the names of their blobs.
    ///
    /// # Errors
    /// A blob is missing or damaged.
    pub(super) fn put_back(&self, value: &mut Value, used: &mut HashSet<String>) -> Result<()> {
        if let Some(name) = blob_name(value) {
            let path = self.folder.join(&name);
            let unreadable = || Error::new(format!("This part of the journal can't be read: {}", path.display()));
            let bytes = fs::read(&path).map_err(|cause| unreadable().caused_by(cause))?;
            let text = String::from_utf8(bytes).map_err(|cause| unreadable().caused_by(cause))?;
            if sha256(text.as_bytes()) != name {
                return Err(unreadable());
            }
            used.insert(name);
            *value = Value::String(text);
            return Ok(());
        }
        match value {
            Value::Array(values) => values.iter_mut().try_for_each(|value| self.put_back(value, used)),
            Value::Object(values) => values.values_mut().try_for_each(|value| self.put_back(value, used)),
            _ => Ok(()),
        }
    }

    /// Removes the blobs that nothing names any more. One that can't be removed is tried again the next time.
    pub(super) fn sweep(&self, used: &HashSet<String>) {
        sweep_temporary(&self.folder);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_stale = entry.file_name().to_str().is_some_and(|name| is_name(name) && !used.contains(name));
            if is_stale {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes the folder and its blobs.
    pub(super) fn remove(&self) {
        self.sweep(&HashSet::new());
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Collects the names of the blobs of a value.
pub(super) fn names(value: &Value, used: &mut HashSet<String>) {
    if let Some(name) = blob_name(value) {
        used.insert(name);
        return;
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| names(value, used)),
        Value::Object(values) => values.values().for_each(|value| names(value, used)),
        _ => {}
    }
}

/// The name of the blob that a value stands for. No other text is one: a name can't lead out of the folder.
fn blob_name(value: &Value) -> Option<String> {
    let name = value.as_object().filter(|values| values.len() == 1)?.get(KEY)?.as_str()?;
    is_name(name).then(|| name.to_owned())
}

fn is_name(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_go_out_and_come_back_and_stale_ones_are_swept() {
        let temporary = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::new(temporary.path().join("blobs"));
        let whole = json!({ "mask": "x".repeat(5000), "list": ["short", "y".repeat(2000)] });
        let mut value = whole.clone();
        assert_eq!(blobs.take_out(&mut value).expect("written"), 7000);
        assert!(value.to_string().len() < 300, "{value}");
        assert_eq!(blobs.take_out(&mut whole.clone()).expect("there already"), 0);
        let mut used = HashSet::new();
        names(&value, &mut used);
        assert_eq!(used.len(), 2);
        blobs.put_back(&mut value, &mut HashSet::new()).expect("read");
        assert_eq!(value, whole);
        let kept = used.iter().next().expect("two").clone();
        blobs.sweep(&HashSet::from([kept.clone()]));
        assert_eq!(fs::read_dir(&blobs.folder).expect("a folder").count(), 1);
        // What is damaged isn't taken for what it was.
        fs::write(blobs.folder.join(&kept), "z").expect("written");
        assert!(blobs.put_back(&mut json!({ KEY: kept }), &mut HashSet::new()).is_err());
    }

    #[test]
    fn the_name_of_a_blob_leads_to_no_other_folder() {
        let blobs = Blobs::new("/nowhere".into());
        let mut value = json!({ KEY: "../../etc/passwd" });
        blobs.put_back(&mut value, &mut HashSet::new()).expect("it is no blob");
        assert_eq!(value, json!({ KEY: "../../etc/passwd" }));
    }
}
