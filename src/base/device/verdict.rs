//! What the check of a GPU found, kept in the user's cache folder: a check takes seconds, and crashes what runs it if the driver does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::choice::KernelChoice;
use crate::base::error::{Error, Result};
use crate::base::files::{folder_error, write_whole};

/// What the check of a GPU found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuVerdict {
    /// The kernels that computed right, native or portable; none if none did.
    pub kernels: Option<KernelChoice>,
    /// Whether they did so in f16, where the GPU has it.
    pub f16: bool,
    /// What was found, for people.
    pub reason: String,
}

/// The verdicts of the user's GPUs.
pub fn path_of_user() -> PathBuf {
    dirs::cache_dir().unwrap_or_else(std::env::temp_dir).join("burnisher/gpus.json")
}

/// The verdicts of this process, by the file and the key: they hold also where the file can't be written.
static FOUND: Mutex<BTreeMap<(PathBuf, String), GpuVerdict>> = Mutex::new(BTreeMap::new());

/// Returns the verdict about a GPU; `None` if there is none yet.
pub(super) fn kept(path: &Path, key: &str) -> Option<GpuVerdict> {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    found.get(&(path.to_owned(), key.to_owned())).cloned().or_else(|| all(path).remove(key))
}

/// Keeps a verdict.
pub(super) fn keep(path: &Path, key: &str, verdict: GpuVerdict) -> Result<()> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    found.insert((path.to_owned(), key.to_owned()), verdict.clone());
    let mut verdicts = all(path);
    verdicts.insert(key.to_owned(), verdict);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|cause| folder_error(folder, cause))?;
    }
    let bytes = serde_json::to_vec_pretty(&verdicts);
    write_whole(path, &bytes.map_err(|cause| Error::new("the check of the GPU is no JSON").caused_by(cause))?)
}

/// A file that is missing or broken has no verdicts: the GPU is then checked again.
fn all(path: &Path) -> BTreeMap<String, GpuVerdict> {
    fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}
