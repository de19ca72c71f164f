//! The downloads that the session knows of: which wait, which goes on, and how each ended.

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::storage::hub::{DownloadProgress, Downloaded, Offer};

/// All downloads since the start, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct DownloadList {
    downloads: Vec<Download>,
    /// How many times one has begun.
    runs: u64,
}

/// One of them.
#[derive(Debug)]
pub struct Download {
    /// What is fetched.
    pub offer: Offer,
    /// How far it is.
    pub standing: Standing,
    /// Bytes that are here, as far as that is known.
    pub bytes: u64,
    cancel: CancelToken,
    /// Which beginning was its last: one that is paused may end after it has begun once more.
    run: u64,
}

/// How far it is.
#[derive(Debug)]
pub enum Standing {
    /// It waits for its turn.
    Waiting,
    /// It goes on; how far, as soon as that is known.
    Running(Option<Box<DownloadProgress>>),
    /// The user holds it up.
    Paused,
    /// It can't go on, and why.
    Failed(Error),
    /// The model is here.
    Done,
}

impl DownloadList {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Download> {
        self.downloads.iter()
    }

    /// The one of a model, by the name that was asked for.
    pub fn get(&self, asked: &HubId) -> Option<&Download> {
        self.downloads.iter().find(|download| download.offer.asked == *asked)
    }

    fn get_mut(&mut self, asked: &HubId) -> Option<&mut Download> {
        self.downloads.iter_mut().find(|download| download.offer.asked == *asked)
    }

    /// Puts one at the end. One of the same model that goes on or waits stays as it is.
    pub(in crate::session) fn push(&mut self, offer: Offer) {
        let standing = self.get(&offer.asked).map(|download| &download.standing);
        if matches!(standing, Some(Standing::Waiting | Standing::Running(_))) {
            return;
        }
        self.remove(&offer.asked.clone());
        let (standing, bytes) = (Standing::Waiting, offer.bytes_here);
        self.downloads.push(Download { offer, standing, bytes, cancel: CancelToken::new(), run: 0 });
    }

    /// Takes one out, and stops it. What has come of it is kept.
    pub(in crate::session) fn remove(&mut self, asked: &HubId) {
        self.downloads.retain(|download| {
            let stays = download.offer.asked != *asked;
            if !stays {
                download.cancel.cancel();
            }
            stays
        });
    }

    /// Holds one up.
    pub(in crate::session) fn pause(&mut self, asked: &HubId) {
        if let Some(download) = self.get_mut(asked) {
            download.cancel.cancel();
            download.standing = Standing::Paused;
        }
    }

    /// Lets one go on that was paused, or failed.
    pub(in crate::session) fn resume(&mut self, asked: &HubId) {
        if let Some(download) = self.get_mut(asked)
            && matches!(download.standing, Standing::Paused | Standing::Failed(_))
        {
            (download.standing, download.cancel) = (Standing::Waiting, CancelToken::new());
        }
    }

    /// The one to begin, if none goes on.
    pub(in crate::session) fn next(&self) -> Option<(Offer, CancelToken)> {
        if self.downloads.iter().any(|download| matches!(download.standing, Standing::Running(_))) {
            return None;
        }
        let next = self.downloads.iter().find(|download| matches!(download.standing, Standing::Waiting))?;
        Some((next.offer.clone(), next.cancel.clone()))
    }

    /// Notes that one begins; hands out the number of this beginning.
    pub(in crate::session) fn begin(&mut self, asked: &HubId) -> u64 {
        self.runs += 1;
        let run = self.runs;
        if let Some(download) = self.get_mut(asked) {
            (download.standing, download.run) = (Standing::Running(None), run);
        }
        run
    }

    /// Notes that one couldn't begin after all.
    pub(in crate::session) fn put_off(&mut self, asked: &HubId) {
        if let Some(download) = self.get_mut(asked) {
            download.standing = Standing::Waiting;
        }
    }

    /// Takes in how far one is.
    pub(in crate::session) fn hear(&mut self, asked: &HubId, progress: DownloadProgress) {
        if let Some(download) = self.get_mut(asked) {
            download.bytes = progress.bytes;
            if let Standing::Running(shown) = &mut download.standing {
                *shown = Some(Box::new(progress));
            }
        }
    }

    /// Takes in how the beginning of this number ended; hands the download out if the model is here now, or can't come.
    pub(in crate::session) fn ended(
        &mut self,
        asked: &HubId,
        run: u64,
        ended: Result<Downloaded>,
    ) -> Option<&Download> {
        let download = self.get_mut(asked).filter(|download| download.run == run)?;
        let goes_on = matches!(download.standing, Standing::Running(_));
        match ended {
            Ok(Downloaded::Done(_)) => {
                (download.standing, download.bytes) = (Standing::Done, download.offer.bytes);
            }
            // It was paused, or asked for once more since.
            _ if !goes_on => return None,
            Ok(Downloaded::Stopped) => download.standing = Standing::Paused,
            Err(error) => download.standing = Standing::Failed(error),
        }
        Some(download)
    }

    /// How much is here of all that goes on or waits, 0 to 1; `None` if nothing does.
    pub fn fraction(&self) -> Option<f32> {
        let busy = |download: &&Download| matches!(download.standing, Standing::Waiting | Standing::Running(_));
        let (mut bytes, mut of) = (0, 0);
        for download in self.downloads.iter().filter(busy) {
            (bytes, of) = (bytes + download.bytes, of + download.offer.bytes);
        }
        (of > 0).then(|| bytes as f32 / of as f32)
    }
}
