//! What the Hub's API says of a repository, in one answer: `GET /api/models/{id}?blobs=true`.
//!
//! hf-hub's own listing leaves out sizes and hashes, so this answer is read here. What it says is a stranger's: names,
//! hashes and sizes are checked before anything is done with them.

use serde::Deserialize;
use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::base::stop::Outcome;
use crate::storage::checkpoint::is_plain_name;
use crate::storage::hub::client::Client;
use crate::storage::hub::listing::{Gate, Hash, Licence, Wanted};

/// The answer. Limits: of its some forty fields, those that are used here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RepoInfo {
    id: String,
    sha: Option<String>,
    #[serde(default)]
    gated: Value,
    #[serde(default)]
    card_data: Value,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    siblings: Vec<ListedFile>,
    pub(super) downloads: Option<u64>,
    pub(super) likes: Option<u64>,
    pub(super) last_modified: Option<String>,
}

/// A file of the repository.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedFile {
    #[serde(rename = "rfilename")]
    pub(super) path: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Clone, Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

impl RepoInfo {
    /// Asks for all facts about a repository, at its revision.
    pub(super) fn ask(client: &Client, id: &HubId) -> Outcome<Self> {
        let mut path = vec![&*id.owner, &*id.name];
        if let Some(revision) = &id.revision {
            path.extend(["revision", revision]);
        }
        let answer = client.answer(Some(id), &client.api_url(&path, &[("blobs", "true")]))?;
        let info = serde_json::from_slice(&answer)
            .map_err(|error| Error::new(format!("The Hub's answer can't be read: {id}")).caused_by(error))?;
        Ok(info)
    }

    /// The repository's present name, with the revision that was asked for.
    pub(super) fn present_id(&self, asked: &HubId) -> Result<HubId> {
        let id = HubId::parse(&self.id).filter(|id| id.revision.is_none());
        let id = id.ok_or_else(|| unsound(asked, "it gives the repository a name that no repository has"))?;
        Ok(HubId { revision: asked.revision.clone(), ..id })
    }

    /// The commit that the revision stands for.
    pub(super) fn commit(&self, id: &HubId) -> Result<&str> {
        let is_commit = |sha: &&str| sha.len() == 40 && sha.chars().all(|c| c.is_ascii_hexdigit());
        self.sha.as_deref().filter(is_commit).ok_or_else(|| unsound(id, "it names no commit"))
    }

    /// The files, in the order of their names.
    ///
    /// # Errors
    /// A name leads out of the model's folder.
    pub(super) fn files(&self, id: &HubId) -> Result<Vec<ListedFile>> {
        if let Some(file) = self.siblings.iter().find(|file| leads_out(&file.path)) {
            return Err(unsound(id, &format!("a file's name leads out of the model's folder ({:?})", file.path))
                .advise("Nothing was written. Don't use this repository"));
        }
        let mut files = self.siblings.clone();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(files)
    }

    /// The licence, of the card or of the tags that the Hub makes from it.
    pub(super) fn licence(&self) -> Licence {
        let tagged = || self.tags.iter().find_map(|tag| tag.strip_prefix("license:")).map(str::to_owned);
        Licence {
            id: self.card("license").or_else(tagged),
            name: self.card("license_name"),
            link: self.card("license_link"),
        }
    }

    pub(super) fn gate(&self) -> Gate {
        gate(&self.gated)
    }

    pub(super) fn gate_text(&self) -> Option<String> {
        self.card("extra_gated_prompt")
    }

    fn card(&self, key: &str) -> Option<String> {
        self.card_data.get(key).and_then(Value::as_str).map(str::to_owned)
    }
}

impl ListedFile {
    /// The file as one to fetch.
    ///
    /// # Errors
    /// Its name isn't one that may be written, or the Hub tells no size or no hash of it.
    pub(super) fn wanted(self, id: &HubId) -> Result<Wanted> {
        if !self.path.split('/').all(is_plain_name) {
            return Err(unsound(id, &format!("a file can't be called {:?} here", self.path)));
        }
        // The Hub's ETags, by which Python names blobs, are these hashes.
        let (bytes, hash) = match &self.lfs {
            Some(lfs) => (lfs.size.or(self.size), lfs.sha256.as_deref()),
            None => (self.size, self.blob_id.as_deref()),
        };
        match (bytes, hash.and_then(Hash::parse)) {
            (Some(bytes), Some(hash)) => Ok(Wanted { path: self.path, bytes, hash }),
            _ => Err(unsound(id, &format!("it gives no size and hash of {}", self.path))),
        }
    }
}

/// `false`, `"auto"` or `"manual"`.
pub(super) fn gate(gated: &Value) -> Gate {
    match gated.as_str() {
        Some("manual") => Gate::Manual,
        Some(_) => Gate::Auto,
        None if gated.as_bool() == Some(true) => Gate::Auto,
        None => Gate::Open,
    }
}

/// Whether a path, joined to a folder, could lead out of it on any system.
fn leads_out(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    drive || path.contains(['\\', '\0']) || path.split('/').any(|part| part.is_empty() || part == "..")
}

fn unsound(id: &HubId, why: &str) -> Error {
    Error::new(format!("The Hub's answer is invalid, {why}: {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_known_as_such() {
        for path in ["../a", "a/../../b", "/etc/passwd", "a//b", "C:\\a", "C:a", "a\\..\\b", "a\0b", ".."] {
            assert!(leads_out(path), "{path:?}");
        }
        for path in ["a", "unet/config.json", ".gitattributes", "a/b/c..d", "images/grid 1.png"] {
            assert!(!leads_out(path), "{path:?}");
        }
    }

    #[test]
    fn the_answer_is_read_as_the_hub_writes_it() {
        let info: RepoInfo = serde_json::from_str(
            r#"{"_id": "66", "id": "acme/tiny", "sha": "0123456789012345678901234567890123456789", "gated": "auto",
                "tags": ["diffusers", "license:mit"], "cardData": {"extra_gated_prompt": "Be kind"}, "downloads": 7,
                "siblings": [
                  {"rfilename": "unet/a.safetensors", "size": 9, "blobId": "00", "lfs": {"sha256":
                   "0000000000000000000000000000000000000000000000000000000000000001", "size": 9, "pointerSize": 134}},
                  {"rfilename": "README.md", "size": 3, "blobId": "0000000000000000000000000000000000000002"},
                  {"rfilename": "other.png"}]}"#,
        )
        .expect("read");
        let id = HubId::parse("acme/tiny@v1").expect("a name");
        assert_eq!(info.present_id(&id).expect("a name"), id);
        assert_eq!((info.gate(), info.gate_text().as_deref()), (Gate::Auto, Some("Be kind")));
        assert_eq!(info.licence().id.as_deref(), Some("mit"));
        let files = info.files(&id).expect("sound names");
        let names: Vec<_> = files.iter().map(|file| &*file.path).collect();
        assert_eq!(names, ["README.md", "other.png", "unet/a.safetensors"]);
        let wanted: Vec<_> = files.into_iter().map(|file| file.wanted(&id)).collect();
        assert_eq!(wanted[0].as_ref().map(|file| file.bytes).ok(), Some(3));
        assert!(wanted[1].is_err(), "no size");
        assert_eq!(wanted[2].as_ref().ok().map(|file| file.hash.name().len()), Some(64));
    }
}
