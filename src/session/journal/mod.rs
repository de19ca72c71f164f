//! What is kept from one run of the program to the next, beside the preferences: form, prompts, queue and masks.
//!
//! It is a file of entries, one a line, which is only appended to: a crash in the middle of a write, or one damaged entry, costs one
//! entry at most. Now and then it is written anew, whole or not at all. Masks and other long texts lie in a folder beside it.

mod blobs;
mod entry;
mod file;
mod keeper;
mod kept;
mod line;
mod opening;

pub(super) use keeper::Journal;
pub use kept::Kept;
pub(super) use opening::open;
pub use opening::{path_beside, read, write};
