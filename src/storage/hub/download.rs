//! Fetching all files of an offer, some at a time, and noting the revision once they are all here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::stop::Stop;
use crate::base::units::size_text;
use crate::storage::hub::cache::{self, Repo};
use crate::storage::hub::client::Client;
use crate::storage::hub::environment::Options;
use crate::storage::hub::offer::{Offer, SPARE_BYTES};
use crate::storage::hub::progress::{Board, DownloadProgress, TransferState};
use crate::storage::hub::transfer::{Transfer, unwritable};
use crate::storage::hub::work::{HubJob, drive};

/// Files that come at the same time: the small ones needn't wait behind the large, and one connection rarely fills a line.
const AT_A_TIME: usize = 4;

/// How a download ended, other than by failing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Downloaded {
    /// The model is in this folder, whole and checked.
    Done(PathBuf),
    /// It was cancelled. What has come is kept.
    Stopped,
}

/// See [`super::Hub::download`].
pub(super) fn download(
    options: &Options,
    offer: &Offer,
    on_progress: &mut dyn FnMut(&DownloadProgress),
    cancel: &CancelToken,
) -> Result<Downloaded> {
    let client = Arc::new(Client::new(options)?);
    let repo = Repo::new(&options.cache, &offer.id);
    check_space(options, offer, &repo)?;
    repo.prepare().map_err(|error| unwritable(&options.cache, error))?;
    let board = Board::new(&offer.files);
    for (number, file) in offer.files.iter().enumerate() {
        board.set(number, repo.bytes_here(&offer.commit, file), TransferState::Queued);
    }
    let transfer = Transfer { client: Arc::clone(&client), repo: repo.clone(), offer: offer.clone(), board };
    let (transfer, next) = (Arc::new(transfer), Arc::new(AtomicUsize::new(0)));
    let all = (0..AT_A_TIME.min(offer.files.len())).map(|_| {
        let (transfer, next) = (Arc::clone(&transfer), Arc::clone(&next));
        Box::new(move || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= transfer.offer.files.len() {
                    return Ok(());
                }
                transfer.file(number)?;
            }
        }) as HubJob<()>
    });
    match drive(&client, cancel, &mut || on_progress(&transfer.board.read()), all.collect()) {
        Ok(_) => {}
        Err(Stop::Cancelled) => return Ok(Downloaded::Stopped),
        Err(Stop::Failed(error)) => return Err(error),
    }
    let revision = offer.id.revision.as_deref().unwrap_or("main");
    repo.set_commit(revision, &offer.commit).map_err(|error| unwritable(&options.cache, error))?;
    if offer.asked.repo() != offer.id.repo() {
        repo.also_called(&offer.asked);
    }
    on_progress(&transfer.board.read());
    Ok(Downloaded::Done(repo.snapshot(&offer.commit)))
}

/// Says whether the disk has the space, before anything is written.
fn check_space(options: &Options, offer: &Offer, repo: &Repo) -> Result<()> {
    let here: u64 = offer.files.iter().map(|file| repo.bytes_here(&offer.commit, file)).sum();
    let missing = offer.bytes.saturating_sub(here);
    match cache::free_bytes(&options.cache) {
        Some(free) if missing > 0 => room(missing, free, &options.cache),
        _ => Ok(()),
    }
}

/// Whether so much fits onto a disk with so much free, and leaves some free for other programs.
fn room(missing: u64, free: u64, place: &Path) -> Result<()> {
    let needed = missing.saturating_add(SPARE_BYTES);
    if free >= needed {
        return Ok(());
    }
    let [missing, spare, free, short] = [missing, SPARE_BYTES, free, needed - free].map(size_text);
    let headline = format!(
        "The download needs {missing} and {spare} that stay free, and the disk has {free}: {}",
        place.display()
    );
    Err(Error::new(headline).advise(format!("Make {short} of space, or name a place on another disk with HF_HOME")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_is_told_in_numbers_that_make_sense() {
        let told = |missing, free| room(missing, free, Path::new("/hub")).map_err(|error| error.to_string());
        assert_eq!(told(23_000_000, 87_000_000), Ok(()));
        let small = "The download needs 23 MB and 64 MB that stay free, and the disk has 31 MB: /hub. \
                     Make 56 MB of space, or name a place on another disk with HF_HOME";
        assert_eq!(told(23_000_000, 31_000_000), Err(small.to_owned()));
        let large = told(4_000_000_000, 3_999_000_000).expect_err("no room");
        assert!(large.contains("needs 4.0 GB and") && large.contains("Make 65 MB of space"), "{large}");
        assert!(told(u64::MAX, 0).is_err());
    }
}
