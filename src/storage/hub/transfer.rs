//! One file of an offer, from the Hub into the cache: resumed, checked, and tried again for as long as that can help.
//!
//! The address is that of a commit, so what comes can't change between two tries; the hash in the offer has the last word.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};

use crate::base::error::{Error, Result};
use crate::storage::hub::cache::Repo;
use crate::storage::hub::client::Client;
use crate::storage::hub::failure::{Failure, Tries, no_answer};
use crate::storage::hub::offer::{Offer, Wanted};
use crate::storage::hub::part::Part;
use crate::storage::hub::progress::{Board, TransferState};

/// How often to look whether someone else has finished a file.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How often a file may turn out not to be what was listed.
const UNSOUND: u32 = 2;

/// What it takes to fetch the files of an offer.
pub(super) struct Transfer<'a> {
    pub(super) client: &'a Client,
    pub(super) repo: &'a Repo,
    pub(super) offer: &'a Offer,
    pub(super) board: &'a Board,
}

impl Transfer<'_> {
    /// Brings a file into the snapshot, by its number in the offer.
    pub(super) async fn file(&self, number: usize) -> Result<()> {
        let Some(file) = self.offer.files.get(number) else { return Ok(()) };
        let commit = &self.offer.commit;
        // Whoever holds the lock may be fetching just this file.
        let _lock = loop {
            let lock = self.repo.try_lock(file).map_err(|error| unwritable(&self.repo.part(file), error))?;
            if let Some(lock) = lock {
                break lock;
            }
            let why = "another download of this file".to_owned();
            self.board.set(number, self.repo.bytes_here(commit, file), TransferState::Waiting { why, secs: None });
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        if !self.repo.has(commit, file) {
            self.fetch(number, file).await?;
        }
        self.repo.link(commit, file).map_err(|error| unwritable(&self.repo.snapshot(commit), error))?;
        self.board.set(number, file.bytes, TransferState::Done);
        Ok(())
    }

    /// Fetches what is missing of a file, and names the blob once it is checked.
    async fn fetch(&self, number: usize, file: &Wanted) -> Result<()> {
        let path = self.repo.part(file);
        let unwritable = |error| unwritable(&path, error);
        let mut part = Part::open(path.clone(), &file.hash, file.bytes).map_err(unwritable)?;
        while part.hash_some().map_err(unwritable)? {
            self.board.set(number, part.at(), TransferState::Checking);
            tokio::task::yield_now().await;
        }
        let patience = self.client.options.patience;
        let (mut tries, mut unsound) = (Tries::new(patience, patience.tries), 0);
        loop {
            self.board.set(number, part.at(), TransferState::Fetching);
            let begun_at = part.at();
            let came = self.fetch_some(number, file, &mut part).await;
            if part.at() > begun_at {
                tries.succeeded();
            }
            let failure = match came {
                Ok(()) if part.is_sound() => break,
                Ok(()) if part.at() == file.bytes => {
                    part.throw_away().map_err(unwritable)?;
                    Failure::Unsound("its hash is another".to_owned())
                }
                Ok(()) => Failure::passing("the connection ended early"),
                Err(failure) => failure,
            };
            match failure {
                Failure::Passing { why, after } => {
                    let wait = tries.wait(&why, after)?;
                    let secs = Some(wait.as_secs_f64().ceil() as u64);
                    self.board.set(number, part.at(), TransferState::Waiting { why, secs });
                    tokio::time::sleep(wait).await;
                }
                // What came before it stays: it may have been a network's login page that answered.
                Failure::Unsound(why) => {
                    unsound += 1;
                    if unsound == UNSOUND {
                        return Err(self.unsound(file, &why));
                    }
                }
                Failure::Final(error) => return Err(error),
            }
        }
        self.board.set(number, file.bytes, TransferState::Checking);
        write_out(part.handle().map_err(unwritable)?).await.map_err(unwritable)?;
        part.finish(&self.repo.blob(file)).map_err(unwritable)
    }

    fn unsound(&self, file: &Wanted, why: &str) -> Error {
        Error::new(format!("what comes isn't what the Hub lists, {why}: {} of {}", file.path, self.offer.id))
            .advise("The Hub, or what stands between it and you, sends something else: try again later")
    }

    /// One request: takes what comes, until the file is here or nothing comes any more.
    async fn fetch_some(&self, number: usize, file: &Wanted, part: &mut Part) -> Result<(), Failure> {
        if part.at() == file.bytes {
            return Ok(());
        }
        let offer = self.offer;
        let mut request = self.client.get(self.client.file_url(&offer.id, &offer.commit, &file.path));
        if part.at() > 0 {
            request = request.header(RANGE, format!("bytes={}-", part.at()));
        }
        let mut response = request.send().await.map_err(|error| no_answer(&error))?;
        let mut skip = match response.status().as_u16() {
            // A server that knows no ranges sends all of it again.
            200 => part.at(),
            206 if begins_at(&response, part.at()) => 0,
            206 => return Err(Failure::Unsound("another part of it comes than was asked for".to_owned())),
            416 => return Err(Failure::Unsound("it is shorter".to_owned())),
            _ => return Err(self.client.refused(Some(&offer.id), &response)),
        };
        let expected = file.bytes - part.at() + skip;
        if let Some(announced) = announced(&response).filter(|announced| *announced != expected) {
            let than = if announced < expected { "shorter" } else { "longer" };
            return Err(Failure::Unsound(format!("it is {than}")));
        }
        while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
            let skipped = skip.min(chunk.len() as u64);
            skip -= skipped;
            let Some(new) = chunk.get(skipped as usize..).filter(|new| !new.is_empty()) else { continue };
            if part.at() + new.len() as u64 > file.bytes {
                return Err(Failure::Unsound("it is longer".to_owned()));
            }
            part.append(new).map_err(|error| Failure::Final(unwritable(&self.repo.part(file), error)))?;
            self.board.fetched(number, new.len());
        }
        Ok(())
    }
}

/// Whether an answer is the part of a file that begins at a byte: `Content-Range: bytes 5-9/10`.
fn begins_at(response: &Response, at: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let begin = range.and_then(|range| range.trim_start_matches("bytes").trim_start().split('-').next());
    begin.is_some_and(|begin| begin.parse() == Ok(at))
}

/// How long an answer says it is.
fn announced(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Has a file's bytes written to the disk before its name says that they are there. That may take a while, on a thread
/// that waits for it.
async fn write_out(file: File) -> io::Result<()> {
    tokio::task::spawn_blocking(move || file.sync_data()).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Why nothing can be written.
pub(super) fn unwritable(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::new(format!("the disk is full: {shown}"))
            .advise("Make some space and download again: what has come is kept"),
        _ => Error::new(format!("can't write into the Hub's cache: {shown}"))
            .caused_by(error)
            .advise("HF_HOME names another place for it"),
    }
}
