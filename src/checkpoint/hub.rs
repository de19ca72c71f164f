//! The Hugging Face Hub: models that lie in its cache on this machine.
//!
//! The cache's layout is that of the Python library, and shared with it
//! (`huggingface_hub`, "Understand caching"): `models--owner--name/{blobs, refs, snapshots}`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::checkpoint::HubId;
use crate::error::{Error, Result};

/// The folder that holds `models--owner--name`.
pub fn cache_dir() -> PathBuf {
    hf_hub::resolve_cache_dir()
}

/// The folder of a repository that lies in the cache, at its revision.
///
/// # Errors
/// It isn't there.
pub fn local(id: &HubId) -> Result<PathBuf> {
    // As in Diffusers, where a folder of this name comes first.
    let folder = Path::new(&id.owner).join(&id.name);
    if id.revision.is_none() && folder.is_dir() {
        return Ok(folder);
    }
    let repo = cache_dir().join(format!("models--{}--{}", id.owner, id.name));
    let revision = id.revision.as_deref().unwrap_or("main");
    let commit = fs::read_to_string(repo.join("refs").join(revision));
    let commit = commit.map_or_else(|_| revision.to_owned(), |commit| commit.trim().to_owned());
    let snapshot = repo.join("snapshots").join(commit);
    if snapshot.is_dir() { Ok(snapshot) } else { Err(absent(id)) }
}

fn absent(id: &HubId) -> Error {
    Error::new(format!("this model isn't on this machine: {id}"))
        .advise(format!("`burnisher download {id}` fetches it from the Hub"))
}
