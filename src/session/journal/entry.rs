//! What an entry of the journal says.

use serde::{Deserialize, Serialize};

use crate::session::queue::Key;
use crate::session::settings::Draft;
use crate::session::waiting::Waiting;

/// One change of what is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "one is in memory at a time")]
pub(super) enum JournalEntry {
    /// The form as it stands from now on.
    Form(Box<Draft>),
    /// A prompt that was drawn.
    Prompt(String),
    /// Work that waits, or what is left of the work that is being done. It takes the place of an earlier one of its key.
    Work { key: Key, waiting: Waiting },
    /// The work of this key is done, or nobody wants it any more.
    Done(Key),
    /// The order of what waits.
    Order(Vec<Key>),
}
