//! What the storage rooms have to know of a family of models: the type of its row, and recognising files by such rows.
//!
//! No family is named here. Whoever opens checkpoints, looks through folders or asks the Hub is handed the rows as
//! [`Families`].

mod architecture;
mod identified;
mod identify;
mod key_map;
mod registry;
mod row;
mod tensors;

pub use architecture::Architecture;
pub use identified::{FileKind, Identified, KeyLayout};
pub use registry::Families;
pub use row::{ComponentSpec, FamilyRow, PipelineClass};

pub(crate) use architecture::Configs;
pub(crate) use key_map::{KeyMap, KeyTarget, Slice};
pub(crate) use row::{FoundNetwork, Recognition, SingleFileRules, WordTable};
pub(crate) use tensors::Tensors;
