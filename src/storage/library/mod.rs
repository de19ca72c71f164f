//! The models that lie on this computer, found where they are. Nothing is copied, moved or written.
//!
//! [`Places`] says where to look: our own folder, the Hub's cache, the folders of other apps, those that the user added.
//! [`scan`] walks through them and tells of every [`LibraryItem`] as soon as it is known, of which only headers and configs are
//! read. What takes longer is done when it is asked for: [`find_duplicates`] and [`verify`] read whole files.
//! Limits: a folder that doesn't answer is waited for, so this belongs on a thread of its own.

mod apps;
mod area;
mod cached;
mod candidate;
mod comfyui;
mod duplicates;
mod file;
mod file_name;
mod folder;
mod found;
mod header;
mod invokeai;
mod item;
mod places;
mod scan;
mod verify;
mod walk;
mod webui;

pub use crate::base::units::size_text;
pub use area::LibraryApp;
pub use duplicates::{Duplicates, find_duplicates};
pub use found::ScanNews;
pub use item::{ItemState, LibraryItem, Repair, WeightFile};
pub use places::Places;
pub use scan::{list, scan};
pub use verify::{Soundness, verify};
