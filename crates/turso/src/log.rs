//! The file: a log of changes, read into memory once and then only where it grew.
//!
//! A change is its length, a checksum, and its content. Several processes may have the file open: each takes the file's
//! lock for a change, and first reads what the others added. What a crash left half written at the end is cut off before
//! the next change. Limits: everything is held in memory; the file shrinks only when it is cleared.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::value::{Error, Result};

/// How the file begins.
const MAGIC: &[u8] = b"burnisher tuning log 1\n";

/// The bytes before a change's content: its length and its checksum.
const HEAD: usize = 12;

/// The longest content that is read: what says it is longer is damage.
const LONGEST: usize = 1 << 30;

/// A kept value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Vec<u8>,
    /// 0: found out on this machine; 1: brought along.
    pub(crate) origin: i64,
}

/// A change of what is kept.
enum Change<'a> {
    Meta { key: &'a [u8], value: &'a [u8] },
    Put { namespace: &'a [u8], key: &'a [u8], value: &'a [u8], origin: i64 },
    Remove { namespace: &'a [u8], key: Option<&'a [u8]> },
    Clear,
}

/// The file and what it holds.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    read_only: bool,
    /// Up to where the file is read.
    read: u64,
    meta: BTreeMap<Vec<u8>, Vec<u8>>,
    entries: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Entry>>,
}

impl Log {
    /// Opens a file, which is made unless it is only to be read.
    pub(crate) fn open(path: &Path, read_only: bool) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|_| !read_only) {
            fs::create_dir_all(folder).map_err(|error| failed(&error, "making the folder of tuning results"))?;
        }
        let file = File::options().read(true).write(!read_only).create(!read_only).truncate(false).open(path);
        let file = file.map_err(|error| failed(&error, "opening the tuning results"))?;
        let mut log = Self { file, read_only, read: 0, meta: BTreeMap::new(), entries: BTreeMap::new() };
        log.refresh()?;
        Ok(log)
    }

    /// Reads what was added to the file since it was last read.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        let len = self.file.metadata().map_err(|error| failed(&error, "looking at the tuning results"))?.len();
        if len < self.read {
            // Another process cleared it.
            (self.read, self.meta, self.entries) = (0, BTreeMap::new(), BTreeMap::new());
        }
        if len == self.read {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(self.read)).and_then(|_| self.file.read_to_end(&mut bytes));
        read.map_err(|error| failed(&error, "reading the tuning results"))?;
        let mut rest = &*bytes;
        if self.read == 0 {
            // Anything else is no log, or half of a first line: the first change writes over it.
            let Some(after) = rest.strip_prefix(MAGIC) else { return Ok(()) };
            rest = after;
        }
        while let Some((content, after)) = next(rest) {
            let Some(change) = Change::read(content) else { break };
            self.apply(&change);
            rest = after;
        }
        self.read += (bytes.len() - rest.len()) as u64;
        Ok(())
    }

    pub(crate) fn meta(&self, key: &[u8]) -> Option<&[u8]> {
        self.meta.get(key).map(Vec::as_slice)
    }

    pub(crate) fn entry(&self, namespace: &[u8], key: &[u8]) -> Option<&Entry> {
        self.entries.get(namespace)?.get(key)
    }

    /// The entries of a namespace, by key.
    pub(crate) fn namespace(&self, namespace: &[u8]) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.entries.get(namespace).into_iter().flatten().map(|(key, entry)| (&**key, entry))
    }

    /// Each namespace with how many entries it has, and their bytes.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = (&[u8], usize, usize)> {
        self.entries.iter().map(|(namespace, entries)| {
            (&**namespace, entries.len(), entries.iter().map(|(key, entry)| key.len() + entry.value.len()).sum())
        })
    }

    pub(crate) fn set_meta(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.change(|_| Some(Change::Meta { key, value })).map(drop)
    }

    /// Puts an entry in place, unless there is one that it doesn't replace. Says whether it did.
    pub(crate) fn insert(
        &mut self,
        namespace: &[u8],
        key: &[u8],
        value: &[u8],
        origin: i64,
        replaces: impl Fn(&Entry) -> bool,
    ) -> Result<bool> {
        self.change(|log| {
            let stays = log.entry(namespace, key).is_some_and(|old| !replaces(old));
            (!stays).then_some(Change::Put { namespace, key, value, origin })
        })
    }

    /// Removes an entry, or all of a namespace.
    pub(crate) fn remove(&mut self, namespace: &[u8], key: Option<&[u8]>) -> Result<bool> {
        self.change(|_| Some(Change::Remove { namespace, key }))
    }

    /// Removes all entries.
    pub(crate) fn clear(&mut self) -> Result<()> {
        if self.entries.is_empty() { Ok(()) } else { self.change(|_| Some(Change::Clear)).map(drop) }
    }

    /// Writes a change, decided on while no other process writes. Says whether there was one.
    fn change<'a>(&mut self, decide: impl FnOnce(&Self) -> Option<Change<'a>>) -> Result<bool> {
        if self.read_only {
            return Err(Error::IoError(io::ErrorKind::PermissionDenied, "writing tuning results that are read-only"));
        }
        let is_locked = lock(&self.file)?;
        let done = self.refresh().and_then(|()| {
            let Some(change) = decide(self) else { return Ok(false) };
            self.write(&change).map_err(|error| failed(&error, "writing tuning results"))?;
            self.apply(&change);
            Ok(true)
        });
        if is_locked {
            // It ends with the process at the latest.
            let _ = self.file.unlock();
        }
        done
    }

    fn write(&mut self, change: &Change<'_>) -> io::Result<()> {
        let content = change.content();
        let mut bytes = Vec::with_capacity(MAGIC.len() + HEAD + content.len());
        if self.read == 0 {
            bytes.extend_from_slice(MAGIC);
        }
        bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&checksum(&content).to_le_bytes());
        bytes.extend_from_slice(&content);
        // What lies behind what could be read is damage, or of a write that was cut short.
        self.file.set_len(self.read)?;
        self.file.seek(SeekFrom::Start(self.read))?;
        self.file.write_all(&bytes)?;
        self.read += bytes.len() as u64;
        Ok(())
    }

    fn apply(&mut self, change: &Change<'_>) {
        match *change {
            Change::Meta { key, value } => drop(self.meta.insert(key.to_vec(), value.to_vec())),
            Change::Put { namespace, key, value, origin } => {
                let entry = Entry { value: value.to_vec(), origin };
                self.entries.entry(namespace.to_vec()).or_default().insert(key.to_vec(), entry);
            }
            Change::Remove { namespace, key: None } => drop(self.entries.remove(namespace)),
            Change::Remove { namespace, key: Some(key) } => {
                if let Some(entries) = self.entries.get_mut(namespace) {
                    entries.remove(key);
                }
            }
            Change::Clear => self.entries.clear(),
        }
    }
}

impl<'a> Change<'a> {
    /// As the file has it: a letter, the origin, and the fields, each behind its length.
    fn content(&self) -> Vec<u8> {
        let (letter, origin, fields): (u8, i64, &[&[u8]]) = match self {
            Self::Meta { key, value } => (b'M', 0, &[key, value]),
            Self::Put { namespace, key, value, origin } => (b'P', *origin, &[namespace, key, value]),
            Self::Remove { namespace, key: None } => (b'N', 0, &[namespace]),
            Self::Remove { namespace, key: Some(key) } => (b'R', 0, &[namespace, key]),
            Self::Clear => (b'C', 0, &[]),
        };
        let mut content = vec![letter];
        content.extend_from_slice(&origin.to_le_bytes());
        for field in fields {
            content.extend_from_slice(&(field.len() as u32).to_le_bytes());
            content.extend_from_slice(field);
        }
        content
    }

    fn read(content: &'a [u8]) -> Option<Self> {
        let (letter, rest) = content.split_first()?;
        let (origin, mut rest) = rest.split_first_chunk()?;
        let mut field = || {
            let (len, after) = rest.split_first_chunk()?;
            let (field, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            rest = after;
            Some(field)
        };
        Some(match letter {
            b'M' => Self::Meta { key: field()?, value: field()? },
            b'P' => {
                Self::Put { namespace: field()?, key: field()?, value: field()?, origin: i64::from_le_bytes(*origin) }
            }
            b'N' => Self::Remove { namespace: field()?, key: None },
            b'R' => Self::Remove { namespace: field()?, key: Some(field()?) },
            b'C' => Self::Clear,
            _ => return None,
        })
    }
}

/// The next change's content, and what comes after it; `None` where the file ends, or is damaged.
fn next(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let len = u32::from_le_bytes(*len) as usize;
    let (content, after) = rest.split_at_checked(len).filter(|_| len <= LONGEST)?;
    (checksum(content) == u64::from_le_bytes(*sum)).then_some((content, after))
}

/// Tells damage, which is no attack. Should another version of Rust hash otherwise, results are found out anew.
fn checksum(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    hasher.finish()
}

/// Takes the file's lock, waiting for it; `false` where files have no locks.
fn lock(file: &File) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => {
            file.lock().map(|()| true).map_err(|error| failed(&error, "waiting for the tuning results"))
        }
        // Two processes may then lose results to each other, which costs finding them out anew.
        Err(TryLockError::Error(_)) => Ok(false),
    }
}

fn failed(error: &io::Error, doing: &'static str) -> Error {
    Error::IoError(error.kind(), doing)
}
