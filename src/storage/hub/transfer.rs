//! One file of an offer, from the Hub into the cache: resumed, checked, and tried again for as long as that can help.
//!
//! The address is that of a commit, so what comes can't change between two tries; the hash in the offer has the last word.
//! Where a server doesn't understand to go on in the middle of a file, the whole of it is asked for, so that nothing that lies
//! in the cache can keep a download from ending.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::base::error::Error;
use crate::base::stop::Outcome;
use crate::storage::hub::cache::Repo;
use crate::storage::hub::client::Client;
use crate::storage::hub::failure::{Failure, Tries, no_answer};
use crate::storage::hub::listing::Wanted;
use crate::storage::hub::offer::Offer;
use crate::storage::hub::part::Part;
use crate::storage::hub::progress::{Board, TransferState};
use crate::storage::hub::range::Announced;

/// How often to look whether someone else has finished a file.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How often a file may turn out not to be what was listed: so often for its rest, and so often for all of it.
const UNSOUND: u32 = 2;

/// How often a server may break down over the rest of a file, before all of it is asked for.
const BREAKDOWNS: u32 = 3;

/// Whether a server understands to send the rest of a file.
#[derive(Debug, Default)]
struct Resuming {
    /// It doesn't.
    is_off: bool,
    /// How often it broke down over that.
    breakdowns: u32,
}

/// How many bytes are taken from a connection at a time.
const CHUNK: usize = 64 << 10;

/// What it takes to fetch the files of an offer.
pub(super) struct Transfer {
    pub(super) client: Arc<Client>,
    pub(super) repo: Repo,
    pub(super) offer: Offer,
    pub(super) board: Board,
}

impl Transfer {
    /// Brings a file into the snapshot, by its number in the offer.
    pub(super) fn file(&self, number: usize) -> Outcome<()> {
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
            self.client.pause(LOOK_AGAIN)?;
        };
        if !self.repo.has(commit, file) {
            self.fetch(number, file)?;
        }
        self.repo.link(commit, file).map_err(|error| unwritable(&self.repo.snapshot(commit), error))?;
        self.board.set(number, file.bytes, TransferState::Done);
        Ok(())
    }

    /// Fetches what is missing of a file, and names the blob once it is checked.
    fn fetch(&self, number: usize, file: &Wanted) -> Outcome<()> {
        let path = self.repo.part(file);
        let unwritable = |error| unwritable(&path, error);
        let mut part = Part::open(path.clone(), &file.hash, file.bytes).map_err(unwritable)?;
        while part.hash_some().map_err(unwritable)? {
            self.board.set(number, part.at(), TransferState::Checking);
            self.client.check()?;
        }
        let patience = self.client.options.patience;
        let (mut tries, mut unsound, mut resuming) = (Tries::new(patience, patience.tries), 0, Resuming::default());
        loop {
            self.board.set(number, part.at(), TransferState::Fetching);
            let begun_at = part.at();
            let resumes = begun_at > 0 && !resuming.is_off;
            let came = self.fetch_some(number, file, &mut part, &mut resuming);
            self.client.check()?;
            if part.at() > begun_at {
                tries.succeeded();
            }
            let failure = match came {
                Ok(_) if part.is_sound() => break,
                Ok(_) if part.at() == file.bytes => {
                    part.throw_away().map_err(unwritable)?;
                    Failure::Unsound("its hash is another".to_owned())
                }
                // A server may send less than it was asked for.
                Ok(true) if part.at() > begun_at => continue,
                Ok(_) => Failure::passing("the connection ended early"),
                Err(failure) => failure,
            };
            match failure {
                Failure::Passing { why, after } => {
                    let wait = tries.wait(&why, after)?;
                    let secs = Some(wait.as_secs_f64().ceil() as u64);
                    self.board.set(number, part.at(), TransferState::Waiting { why, secs });
                    self.client.pause(wait)?;
                }
                // What came before it stays: it may have been a network's login page that answered.
                Failure::Unsound(why) => {
                    unsound += 1;
                    if unsound == UNSOUND && !resumes {
                        return Err(self.unsound(file, &why).into());
                    }
                    if unsound == UNSOUND {
                        (resuming.is_off, unsound) = (true, 0);
                    }
                }
                Failure::Final(error) => return Err(error.into()),
            }
        }
        self.board.set(number, file.bytes, TransferState::Checking);
        part.sync().map_err(unwritable)?;
        self.client.check()?;
        part.finish(&self.repo.blob(file)).map_err(unwritable)?;
        Ok(())
    }

    fn unsound(&self, file: &Wanted, why: &str) -> Error {
        Error::new(format!("What arrives isn't what the Hub lists, {why}: {} of {}", file.path, self.offer.id))
            .advise("The Hub, or what stands between it and you, sends something else: try again later")
    }

    /// One request: takes what comes, until the file is here or nothing comes any more. Returns whether all came that the answer
    /// promised.
    fn fetch_some(
        &self,
        number: usize,
        file: &Wanted,
        part: &mut Part,
        resuming: &mut Resuming,
    ) -> Result<bool, Failure> {
        if part.at() == file.bytes {
            return Ok(true);
        }
        let offer = &self.offer;
        let url = self.client.file_url(&offer.id, &offer.commit, &file.path);
        let from = if resuming.is_off { 0 } else { part.at() };
        let response = self.client.content(&url, from)?;
        let coming = match response.status().as_u16() {
            200 | 206 => Announced::of(&response).bytes(part.at(), file.bytes),
            // Said of the range, as nothing is wrong with the rest of what was asked.
            400 | 405 | 412 | 416 | 501 if from > 0 => Err("shorter".to_owned()),
            status => {
                resuming.breakdowns += u32::from(status == 500 && from > 0);
                resuming.is_off |= resuming.breakdowns == BREAKDOWNS;
                return Err(self.client.refused(Some(&offer.id), &response));
            }
        };
        let coming = coming.map_err(|why| Failure::Unsound(format!("it is {why}")))?;
        // What is here already comes once more.
        let mut skip = part.at() - coming.start;
        let (mut body, mut chunk) = (response.into_body().into_reader(), vec![0; CHUNK]);
        loop {
            let read = body.read(&mut chunk).map_err(|error| no_answer(error.into()))?;
            if read == 0 || self.client.check().is_err() {
                return Ok(part.at() == coming.end);
            }
            let chunk = chunk.get(..read).unwrap_or_default();
            let skipped = skip.min(chunk.len() as u64);
            skip -= skipped;
            let Some(new) = chunk.get(skipped as usize..).filter(|new| !new.is_empty()) else { continue };
            if part.at() + new.len() as u64 > file.bytes {
                return Err(Failure::Unsound("it is longer".to_owned()));
            }
            part.append(new).map_err(|error| Failure::Final(unwritable(&self.repo.part(file), error)))?;
            self.board.fetched(number, new.len());
        }
    }
}

/// Why nothing can be written.
pub(super) fn unwritable(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::new(format!("The disk is full: {shown}"))
            .advise("Make some space and download again: what has come is kept"),
        _ => Error::new(format!("Can't write into the Hub's cache: {shown}"))
            .caused_by(error)
            .advise("HF_HOME names another place for it"),
    }
}
