//! What is done in the dialog about models: with those on this computer, and with the Hub.

use std::path::PathBuf;

use crate::base::model_ref::HubId;
use crate::session::HubQuestion;
use crate::storage::hub::Offer;
use crate::storage::library::{LibraryItem, Repair};

/// See [`super::Action::Models`].
#[derive(Debug)]
pub(crate) enum ModelsAction {
    /// Opens the dialog.
    Open,
    /// Opens the dialog with the downloads.
    ShowDownloads,
    /// Looks for models again.
    Refresh,
    /// Stops looking, or comparing.
    Stop,
    /// Finds files with the same content.
    FindDuplicates,
    /// Compares a model with its checksums.
    Verify(Box<LibraryItem>),
    /// Downloads what is missing of a model, or damaged.
    Repair(Box<Repair>),
    /// Shows where a file or folder lies.
    ShowInFolder(PathBuf),
    /// Looks in this folder, too, from now on.
    AddFolder(PathBuf),
    /// Looks in this folder no more.
    ForgetFolder(PathBuf),
}

/// See [`super::Action::Hub`].
#[derive(Debug)]
pub(crate) enum HubAction {
    /// Asks the Hub.
    Ask(HubQuestion),
    /// Shows what a repository offers.
    Look(HubId),
    /// Fetches what was offered.
    Download(Box<Offer>),
    /// Holds a download up.
    Pause(HubId),
    /// Goes on with a download.
    Resume(HubId),
    /// Takes a download off the list; what has come of it is kept.
    Remove(HubId),
}
