//! What is done about the model in use.

use crate::app::dialogs::inspector::Found;
use crate::base::error::Result;
use crate::base::model_ref::ModelRef;

/// See [`super::Action::Model`].
#[derive(Debug)]
pub(crate) enum ModelAction {
    /// Draws with this model from now on.
    Use(ModelRef),
    /// Looks into a model.
    Inspect(ModelRef),
    /// A model was looked into.
    Inspected {
        /// Which one.
        model: ModelRef,
        /// What it is made of.
        found: Result<Box<Found>>,
    },
    /// Stops loading.
    StopLoading,
    /// Gives the model's memory back.
    Free,
}
