//! A server with a model, an empty cache, and what must hold of a cache after a download.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use burnisher::base::cancel::CancelToken;
use burnisher::base::error::Result;
use burnisher::base::model_ref::HubId;
use burnisher::base::stop::Stop;
use burnisher::families;
use burnisher::storage::hub::{Downloaded, Hub, Offer, Options, Patience, Token, Variant};
use tempfile::TempDir;

use crate::checkpoints::{self, Checkpoint, Storage};
use crate::repo::{Repo, git_hash, sha256};
use crate::server::Server;

/// The name of the model.
pub(crate) const MODEL: &str = "acme/tiny-sd15";

/// How long these tests wait for what comes at once.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(5),
    backoff: Duration::from_millis(2),
    tries: 5,
};

/// A server, and a cache to fetch into.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) home: TempDir,
    pub(crate) token: Option<&'static str>,
    pub(crate) patience: Patience,
}

/// The files of a tiny checkpoint as its repository has them, with some that nobody needs.
pub(crate) fn repo(checkpoint: Checkpoint, storage: Storage) -> Repo {
    let mut repo = Repo::of(&checkpoints::folder(checkpoint, storage));
    repo.files.insert("README.md".to_owned(), b"---\nlicense: mit\n---\n# Tiny\n".to_vec());
    for unneeded in ["v1-5-pruned.ckpt", "v1-5-pruned.safetensors", "unet/diffusion_pytorch_model.bin", "grid.png"] {
        repo.files.insert(unneeded.to_owned(), b"large".to_vec());
    }
    repo
}

/// The tiny Stable Diffusion 1.5, read once.
static TINY: LazyLock<Repo> = LazyLock::new(|| repo(Checkpoint::TinySd15, Storage::Whole));

impl Stage {
    /// With the tiny Stable Diffusion 1.5.
    pub(crate) fn new() -> Self {
        Self::with(TINY.clone())
    }

    pub(crate) fn with(repo: Repo) -> Self {
        let stage = Self {
            server: Server::start(),
            home: tempfile::tempdir().expect("a folder"),
            token: None,
            patience: PATIENCE,
        };
        stage.server.put(MODEL, repo);
        stage
    }

    pub(crate) fn repo() -> Repo {
        TINY.clone()
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.home.path().join("hub")
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            endpoint: self.server.endpoint(),
            cache: self.cache(),
            token: self.token.and_then(Token::new),
            offline: false,
            patience: self.patience,
        }
    }

    pub(crate) fn hub(&self) -> Hub {
        Hub::new(self.options(), families::ALL).expect("a Hub")
    }

    pub(crate) fn look(&self, model: &str) -> Result<Offer> {
        let id = HubId::parse(model).expect("a name");
        self.hub().look(&id, Variant::Full, &CancelToken::new()).map_err(|stop| match stop {
            Stop::Failed(error) => error,
            Stop::Cancelled => unreachable!("nobody cancels"),
        })
    }

    /// Looks and downloads.
    pub(crate) fn download(&self, model: &str) -> Result<PathBuf> {
        let offer = self.look(model)?;
        match self.hub().download(&offer, &mut |_| {}, &CancelToken::new())? {
            Downloaded::Done(folder) => Ok(folder),
            Downloaded::Stopped => panic!("nobody cancelled it"),
        }
    }

    /// The model's part of the cache.
    pub(crate) fn in_cache(&self, path: &str) -> PathBuf {
        self.cache().join("models--acme--tiny-sd15").join(path)
    }

    /// The model is in the cache as it is on the server, and nothing else is.
    pub(crate) fn assert_whole(&self, repo: &Repo) {
        let commit = repo.commit();
        assert_eq!(fs::read_to_string(self.in_cache("refs/main")).expect("a ref"), commit);
        let snapshot = self.in_cache("snapshots").join(commit);
        let fetched = Repo::of(&snapshot);
        assert_eq!(fetched.files.keys().collect::<Vec<_>>(), needed(repo), "the files");
        for (path, content) in &fetched.files {
            assert!(repo.files[path] == *content, "{path} has other bytes");
        }
        self.assert_sound_blobs();
        assert_eq!(self.parts(), Vec::<PathBuf>::new(), "nothing is left over");
        let id = HubId::parse(MODEL).expect("a name");
        assert_eq!(self.hub().local(&id).expect("it is here"), snapshot);
    }

    /// Every blob is what its name says.
    pub(crate) fn assert_sound_blobs(&self) {
        for blob in entries(&self.in_cache("blobs")) {
            let name = blob.file_name().expect("a name").to_string_lossy().into_owned();
            if !name.ends_with(".incomplete") {
                let content = fs::read(&blob).expect("a blob");
                assert_eq!(if name.len() == 64 { sha256(&content) } else { git_hash(&content) }, name);
            }
        }
    }

    /// What is unfinished.
    pub(crate) fn parts(&self) -> Vec<PathBuf> {
        let is_part = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "incomplete");
        entries(&self.in_cache("blobs")).into_iter().filter(is_part).collect()
    }
}

/// The files that a pipeline needs.
pub(crate) fn needed(repo: &Repo) -> Vec<&String> {
    let unneeded = ["v1-5-pruned.ckpt", "v1-5-pruned.safetensors", "unet/diffusion_pytorch_model.bin", "grid.png"];
    repo.files.keys().filter(|path| !unneeded.contains(&path.as_str())).collect()
}

/// What lies directly in a folder, sorted.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.expect("an entry").path()).collect(),
        Err(_) => Vec::new(),
    };
    found.sort();
    found
}

/// Random numbers that are the same every time: xorshift.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound.max(1)
    }
}
