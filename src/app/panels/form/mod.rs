//! The form: what is drawn next, with what, and how often.

mod act;
mod clusters;
pub(crate) mod controls;
pub(crate) mod outlook;
pub(crate) mod prompt;
pub(crate) mod sampler;
pub(crate) mod source;
mod state;
pub(crate) mod task;

pub(crate) use state::FormPanel;
