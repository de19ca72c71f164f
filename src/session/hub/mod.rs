//! What the session does with the Hub: questions, downloads, and the access token.

mod desk;
mod list;
mod token;

pub use desk::{HubAnswer, HubQuestion, Reach};
pub(super) use desk::{HubDesk, HubNews};
pub use list::{Download, DownloadList, Standing};
