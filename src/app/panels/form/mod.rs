//! The form: what is drawn next, with what, and how often.

pub(in crate::app) mod controls;
pub(in crate::app) mod outlook;
pub(in crate::app) mod prompt;
pub(in crate::app) mod sampler;
pub(in crate::app) mod source;
pub(in crate::app) mod task;
