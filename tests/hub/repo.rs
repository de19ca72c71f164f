//! Repositories of the loopback Hub: their files, and what the Hub's API says of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A repository.
#[derive(Clone, Default)]
pub(crate) struct Repo {
    /// Content by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// What the API says of a path instead of the truth: its size.
    pub(crate) told_sizes: BTreeMap<String, u64>,
    /// Paths that the API lists besides.
    pub(crate) told_paths: Vec<String>,
    /// Fields of the API's answer to replace.
    pub(crate) told: Value,
    /// Where it has moved to.
    pub(crate) moved_to: Option<String>,
    /// The token that opens it, if it is gated.
    pub(crate) gated: Option<String>,
}

/// A repository with what is worked out once.
pub(crate) struct Held {
    repo: Repo,
    pub(crate) commit: String,
    /// The SHA-256 and git's hash by path.
    pub(crate) hashes: BTreeMap<String, [String; 2]>,
}

impl std::ops::Deref for Held {
    type Target = Repo;

    fn deref(&self) -> &Repo {
        &self.repo
    }
}

impl Repo {
    /// All files of a folder.
    pub(crate) fn of(folder: &Path) -> Self {
        fn walk(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = format!("{prefix}{}", path.file_name().expect("a name").to_string_lossy());
                if path.is_dir() {
                    walk(&path, &format!("{name}/"), files);
                } else {
                    files.insert(name, fs::read(path).expect("a file"));
                }
            }
        }
        let mut repo = Self::default();
        walk(folder, "", &mut repo.files);
        repo
    }

    /// The commit: it stands for the content.
    pub(crate) fn commit(&self) -> String {
        let mut digest = Sha256::new();
        for (path, content) in &self.files {
            digest.update(path);
            digest.update(content);
        }
        hex(&digest.finalize())[..40].to_owned()
    }
}

impl Held {
    pub(crate) fn new(repo: Repo) -> Self {
        let hashes = repo.files.iter().map(|(path, content)| (path.clone(), [sha256(content), git_hash(content)]));
        Self { commit: repo.commit(), hashes: hashes.collect(), repo }
    }

    fn siblings(&self) -> Vec<Value> {
        let file = |(path, content): (&String, &Vec<u8>)| {
            let size = self.told_sizes.get(path).copied().unwrap_or(content.len() as u64);
            let mut file = json!({ "rfilename": path, "size": size, "blobId": self.hashes[path][1] });
            if is_large(path) {
                file["lfs"] = json!({ "sha256": self.hashes[path][0], "size": size, "pointerSize": 130 });
            }
            file
        };
        let more = |path: &String| json!({ "rfilename": path, "size": 5, "blobId": git_hash(b"hello") });
        self.files.iter().map(file).chain(self.told_paths.iter().map(more)).collect()
    }

    pub(crate) fn knows(&self, revision: &str) -> bool {
        ["main", "refs/pr/3", &self.commit].contains(&revision)
    }

    /// `GET /api/models/{id}`
    pub(crate) fn info(&self, id: &str, with_blobs: bool) -> Value {
        let class: Value = self.files.get("model_index.json").map_or(Value::Null, |index| {
            serde_json::from_slice::<Value>(index).map_or(Value::Null, |index| index["_class_name"].clone())
        });
        let mut info = json!({
            "_id": "0", "id": id, "modelId": id, "sha": self.commit, "private": false, "disabled": false,
            "gated": if self.gated.is_some() { json!("auto") } else { json!(false) },
            "tags": ["diffusers", "license:mit", format!("diffusers:{}", class.as_str().unwrap_or_default())],
            "cardData": { "license": "mit" }, "downloads": 3, "likes": 2, "library_name": "diffusers",
            "lastModified": "2024-09-04T12:00:00.000Z", "createdAt": "2022-03-02T23:29:04.000Z",
            "siblings": self.siblings(),
        });
        for file in info["siblings"].as_array_mut().into_iter().flatten().filter(|_| !with_blobs) {
            *file = json!({ "rfilename": file["rfilename"] });
        }
        for (key, value) in self.told.as_object().into_iter().flatten() {
            info[key] = value.clone();
        }
        info
    }

    /// `GET /api/models/{id}/tree/{commit}`, which Python asks.
    pub(crate) fn tree(&self) -> Value {
        let file = |(path, content): (&String, &Vec<u8>)| {
            let mut file = json!({ "type": "file", "path": path, "size": content.len(), "oid": self.hashes[path][1] });
            if is_large(path) {
                file["lfs"] = json!({ "oid": self.hashes[path][0], "size": content.len(), "pointerSize": 130 });
            }
            file
        };
        self.files.iter().map(file).collect()
    }
}

/// Whether the Hub keeps a file apart from git.
pub(crate) fn is_large(path: &str) -> bool {
    path.ends_with(".safetensors")
}

pub(crate) fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub(crate) fn git_hash(content: &[u8]) -> String {
    let mut digest = sha1_smol::Sha1::from(format!("blob {}\0", content.len()));
    digest.update(content);
    digest.digest().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
