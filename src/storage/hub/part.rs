//! A file that is coming: its bytes so far on disk, and the hash of them.
//!
//! Bytes are written where they belong, not behind what is there: should a filesystem have no working locks, two
//! downloads write the same to the same place.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::base::digest::hex;
use crate::storage::hub::listing::Hash;

/// How much of a file is hashed at a time.
const SLICE: u64 = 1 << 20;

/// What has been hashed so far.
enum Digesting {
    Sha256(Sha256),
    Git(sha1_smol::Sha1),
}

impl Digesting {
    /// The start of a hash of so many bytes.
    fn new(hash: &Hash, bytes: u64) -> Self {
        match hash {
            Hash::Sha256(_) => Self::Sha256(Sha256::new()),
            Hash::Git(_) => Self::Git(sha1_smol::Sha1::from(format!("blob {bytes}\0"))),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(digest) => digest.update(bytes),
            Self::Git(digest) => digest.update(bytes),
        }
    }

    fn digits(&self) -> String {
        match self {
            Self::Sha256(digest) => hex(&digest.clone().finalize()),
            Self::Git(digest) => digest.digest().to_string(),
        }
    }
}

/// A file that is coming.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    hash: Hash,
    /// How long it will be.
    of: u64,
    /// How many bytes of it are here.
    len: u64,
    /// How many of those are hashed: the next bytes go behind them.
    hashed: u64,
    digest: Digesting,
}

impl Part {
    /// Opens what has come so far, or begins anew. What is longer than it may be is thrown away.
    pub(super) fn open(path: PathBuf, hash: &Hash, of: u64) -> io::Result<Self> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path)?;
        let len = file.metadata()?.len();
        let digest = Digesting::new(hash, of);
        let mut part = Self { path, file, hash: hash.clone(), of, len, hashed: 0, digest };
        if len > of {
            part.throw_away()?;
        }
        Ok(part)
    }

    /// Hashes some of what was there when it was opened; whether there is more of it.
    pub(super) fn hash_some(&mut self) -> io::Result<bool> {
        let mut slice = vec![0; SLICE.min(self.len - self.hashed) as usize];
        self.file.seek(SeekFrom::Start(self.hashed))?;
        self.file.read_exact(&mut slice)?;
        self.digest.update(&slice);
        self.hashed += slice.len() as u64;
        Ok(self.hashed < self.len)
    }

    /// How many bytes are here and hashed: where to go on.
    pub(super) fn at(&self) -> u64 {
        self.hashed
    }

    /// Takes the next bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.hashed))?;
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.hashed += bytes.len() as u64;
        self.len = self.len.max(self.hashed);
        Ok(())
    }

    /// Begins anew.
    pub(super) fn throw_away(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        (self.len, self.hashed) = (0, 0);
        self.digest = Digesting::new(&self.hash, self.of);
        Ok(())
    }

    /// Whether all of it is here and is what it should be.
    pub(super) fn is_sound(&self) -> bool {
        self.hashed == self.of && self.digest.digits() == self.hash.name()
    }

    /// Has the bytes written to the disk, before the file's name says that they are there.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives it the name of what is whole.
    pub(super) fn finish(self, blob: &Path) -> io::Result<()> {
        drop(self.file);
        fs::rename(self.path, blob)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf hello | sha256sum`, `printf hello | git hash-object --stdin`
    const HELLO: [&str; 2] = [
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0",
    ];

    #[test]
    fn what_was_there_is_hashed_with_what_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        for digits in HELLO {
            let hash = Hash::parse(digits).expect("a hash");
            let path = folder.path().join(digits);
            fs::write(&path, "hel").expect("written");
            let mut part = Part::open(path.clone(), &hash, 5).expect("opened");
            assert!(!part.hash_some().expect("read") && part.at() == 3);
            part.append(b"lo").expect("written");
            assert!(part.is_sound());
            let blob = folder.path().join("whole");
            part.finish(&blob).expect("renamed");
            assert_eq!(fs::read(blob).expect("there"), b"hello");
            assert!(!path.exists());
        }
    }

    #[test]
    fn what_is_wrong_or_too_long_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let hash = Hash::parse(HELLO[0]).expect("a hash");
        let path = folder.path().join("part");
        fs::write(&path, "longer than that").expect("written");
        let mut part = Part::open(path, &hash, 5).expect("opened");
        assert_eq!((part.at(), part.len), (0, 0));
        part.append(b"hallo").expect("written");
        assert!(!part.is_sound());
        part.throw_away().expect("cut");
        part.append(b"hello").expect("written");
        assert!(part.is_sound());
    }
}
