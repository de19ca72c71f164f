//! The panels around the centre: the form, the gallery, the toolbar, the status line and the notices.

pub(super) mod form;
pub(super) mod gallery;
pub(super) mod notices;
pub(super) mod queue;
mod queue_act;
pub(super) mod status;
pub(super) mod toolbar;
