//! What the table of families lists: a row for the storage rooms, and how the models are run.

use std::sync::Arc;

use super::component::ComponentKind;
use super::model::Model;
use super::slot::{ModelFiles, OnHeaders};
use crate::base::stop::Outcome;
use crate::storage::checkpoint::family::FamilyRow;

/// A family of models.
pub struct Family {
    /// What the storage rooms know of its files.
    pub row: &'static FamilyRow,
    /// How its models are run; `None` for a family that is only recognised.
    pub runtime: Option<&'static FamilyRuntime>,
}

impl Family {
    /// A family whose files are recognised, and whose models can't be opened.
    pub(super) const fn recognised(row: &'static FamilyRow) -> Self {
        Self { row, runtime: None }
    }

    /// A family whose models can be opened.
    pub(super) const fn runnable(row: &'static FamilyRow, runtime: &'static FamilyRuntime) -> Self {
        Self { row, runtime: Some(runtime) }
    }
}

/// The run-time half of a family.
pub struct FamilyRuntime {
    /// The components with weights that a model of it may have, the most expensive to load again first.
    pub components: &'static [ComponentKind],
    /// Opens a model: configs and headers are read and checked, weights aren't.
    pub open: OpenModel,
}

/// Opens a model of a family.
pub type OpenModel = fn(Arc<ModelFiles>, &mut OnHeaders<'_>) -> Outcome<Box<dyn Model>>;
