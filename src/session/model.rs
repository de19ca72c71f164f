//! Which model the worker holds, or is about to.

use crate::base::cancel::CancelToken;
use crate::base::error::Error;
use crate::base::model_ref::ModelRef;
use crate::worker::{Left, ModelInfo};

/// What the worker holds.
#[derive(Debug)]
pub enum ModelState {
    /// Nothing.
    None,
    /// A model on its way.
    Loading(ModelLoading),
    /// A model that draws.
    Ready {
        /// The model.
        model: ModelRef,
        /// What there is to know of it.
        info: Box<ModelInfo>,
    },
    /// A model that couldn't be opened.
    Failed {
        /// The model.
        model: ModelRef,
        /// Why.
        error: Error,
    },
}

/// A model on its way.
#[derive(Debug)]
pub struct ModelLoading {
    /// The model.
    pub model: ModelRef,
    /// The component that is being read.
    pub component: Option<String>,
    /// Which of the components it is, counted from 1, and how many are read; 0 while nothing is.
    pub number: (usize, usize),
    /// How much is read, 0 to 1.
    pub fraction: f32,
    /// Stops it.
    pub cancel: CancelToken,
    /// The model that stays loaded until this one stands.
    before: Option<(ModelRef, Box<ModelInfo>)>,
}

impl ModelLoading {
    /// What is being read, in words.
    pub fn text(&self) -> String {
        match (&self.component, self.number) {
            (None, _) => "Opening the model".to_owned(),
            (Some(component), (0, _)) => format!("Checking {component}"),
            (Some(component), (number, of)) => format!("Loading {component} ({number}/{of})"),
        }
    }
}

impl ModelState {
    /// Begins to load a model in place of this one.
    pub(super) fn begin_loading(&mut self, model: ModelRef, cancel: CancelToken) {
        let before = match std::mem::replace(self, Self::None) {
            Self::Ready { model, info } => Some((model, info)),
            Self::Loading(loading) => loading.before,
            Self::None | Self::Failed { .. } => None,
        };
        *self = Self::Loading(ModelLoading { model, component: None, number: (0, 0), fraction: 0.0, cancel, before });
    }

    /// Stops the load that is going on, if one is.
    pub(super) fn stop_loading(&self) {
        if let Self::Loading(loading) = self {
            loading.cancel.cancel();
        }
    }

    /// Forgets the model before: it had to make room.
    pub(super) fn let_go(&mut self) {
        if let Self::Loading(loading) = self {
            loading.before = None;
        }
    }

    /// Goes back to the model before a load that came to nothing, if that is the one that stays loaded. Returns whether it is.
    pub(super) fn back_to(&mut self, left: Option<&Left>) -> bool {
        let before = if let Self::Loading(loading) = self { loading.before.take() } else { None };
        let before = before.filter(|(model, _)| left.is_some_and(|left| left.is_loaded && left.model == *model));
        let is_there = before.is_some();
        *self = before.map_or(Self::None, |(model, info)| Self::Ready { model, info });
        is_there
    }

    /// What is known of the model that is loaded.
    pub fn info(&self) -> Option<&ModelInfo> {
        if let Self::Ready { info, .. } = self { Some(info) } else { None }
    }

    /// Whether a model is being loaded.
    pub fn is_loading(&self) -> bool {
        matches!(self, Self::Loading(_))
    }

    /// Whether the worker holds this model.
    pub fn is_ready(&self, wanted: &ModelRef) -> bool {
        matches!(self, Self::Ready { model, .. } if model == wanted)
    }
}
