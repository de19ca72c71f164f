//! Fetching all files of an offer, some at a time, and noting the revision once they are all here.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::stop::Stop;
use crate::storage::hub::cache::{self, Repo};
use crate::storage::hub::client::Client;
use crate::storage::hub::environment::Options;
use crate::storage::hub::offer::Offer;
use crate::storage::hub::progress::{Board, DownloadProgress, TransferState};
use crate::storage::hub::transfer::{Transfer, unwritable};
use crate::storage::hub::work::{HubJob, drive};

/// Files that come at the same time: the small ones needn't wait behind the large, and one connection rarely fills a line.
const AT_A_TIME: usize = 4;

/// What a disk needs besides, so that it isn't full to the brim.
const SPARE_BYTES: u64 = 64 << 20;

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
        Some(free) if missing > 0 && free < missing.saturating_add(SPARE_BYTES) => {
            let [missing, free] = [missing, free].map(|bytes| format!("{:.1} GB", bytes as f64 / 1e9));
            let place = options.cache.display();
            Err(Error::new(format!("The disk has {free} free, and the download needs {missing}: {place}"))
                .advise("Make some space, or name a place on another disk with HF_HOME"))
        }
        _ => Ok(()),
    }
}
