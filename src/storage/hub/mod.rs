//! The Hugging Face Hub: what it offers, fetching a model into the cache, and the models that lie there.
//!
//! Everything here blocks and is called from a thread of the caller's; whatever waits looks at the [`CancelToken`]
//! several times a second. The cache's layout is that of the Python library and shared with it (`huggingface_hub`,
//! "Understand caching"), so nothing is downloaded twice. Nothing asks the network but [`Hub::look`], [`Hub::search`]
//! and [`Hub::download`].
//! Limits: models in diffusers format with safetensors; one connection a file, also for files that the Hub stores with
//! Xet (it serves those over plain HTTP too).

mod address;
mod cache;
mod client;
mod download;
mod environment;
mod failure;
mod good_models;
mod info;
mod listing;
mod local;
mod offer;
mod part;
mod plan;
mod progress;
mod proxy;
mod range;
mod search;
mod transfer;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

pub use crate::storage::checkpoint::Variant;
pub use download::Downloaded;
pub use environment::{Options, Patience, Token};
pub use good_models::{GoodModel, good_models, present_name};
pub use listing::{Gate, Licence, Wanted};
pub use local::Shelf;
pub use offer::Offer;
pub use progress::{DownloadProgress, FileProgress, TransferState};
pub use search::FoundModel;

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::base::stop::Outcome;
use crate::storage::checkpoint::family::Families;
use client::Client;

/// The Hub, or a mirror of it, and the cache on this machine.
#[derive(Clone, Debug)]
pub struct Hub {
    options: Options,
    families: Families,
}

impl Hub {
    /// A Hub to ask for models of these families. Nothing is asked yet.
    ///
    /// # Errors
    /// The endpoint is no address of a web server, or the token has characters that no token has.
    pub fn new(options: Options, families: Families) -> Result<Self> {
        Client::new(&options)?;
        Ok(Self { options, families })
    }

    /// What it works with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What a repository offers: its licence, and which files a download would fetch. `variant` is the precision to take
    /// where the repository has several.
    ///
    /// # Errors
    /// It was cancelled; there is no such repository, or it isn't open to us; it isn't a model that can be opened here; the Hub can't be
    /// reached, or isn't to be asked (offline mode).
    pub fn look(&self, id: &HubId, variant: Variant, cancel: &CancelToken) -> Outcome<Offer> {
        self.online()?;
        let client = Arc::new(Client::new(&self.options)?);
        let (asking, families, id) = (Arc::clone(&client), self.families, id.clone());
        work::drive_one(&client, cancel, move || offer::look(&asking, families, &id, variant))
    }

    /// Models in diffusers format that can be opened here, most downloaded first.
    ///
    /// # Errors
    /// It was cancelled; the Hub can't be reached, or isn't to be asked (offline mode).
    pub fn search(&self, text: &str, limit: usize, cancel: &CancelToken) -> Outcome<Vec<FoundModel>> {
        self.online()?;
        let client = Arc::new(Client::new(&self.options)?);
        let (asking, families, text) = (Arc::clone(&client), self.families, text.to_owned());
        work::drive_one(&client, cancel, move || search::search(&asking, families, &text, limit))
    }

    /// Fetches what of an offer isn't here yet, and hands out the model's folder. Cancelling it keeps what has come:
    /// the next download goes on from the same byte.
    ///
    /// # Errors
    /// The disk hasn't the space; the Hub can't be reached for long, or isn't to be asked (offline mode); what comes
    /// isn't what the Hub listed.
    pub fn download(
        &self,
        offer: &Offer,
        on_progress: &mut dyn FnMut(&DownloadProgress),
        cancel: &CancelToken,
    ) -> Result<Downloaded> {
        self.online()?;
        download::download(&self.options, offer, on_progress, cancel)
    }

    /// The folder of a model that lies in this Hub's cache, whole; see [`Shelf`].
    ///
    /// # Errors
    /// It isn't there, or not all of it.
    pub fn local(&self, id: &HubId) -> Result<PathBuf> {
        Shelf::in_cache(self.options.cache.clone(), self.families).folder(id)
    }

    fn online(&self) -> Result<()> {
        if self.options.offline {
            return Err(Error::new("The Hub isn't asked in offline mode")
                .advise("Offline mode is on because the environment says so: HF_HUB_OFFLINE"));
        }
        Ok(())
    }
}
