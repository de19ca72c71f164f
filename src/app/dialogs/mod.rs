//! The windows in front of the others, one at a time.

pub(super) mod close;
mod dialog;
pub(super) mod inspector;
pub(super) mod lab;
pub(super) mod models;
pub(super) mod patch;
pub(super) mod settings;
mod settings_act;
pub(super) mod shortcuts;

pub(super) use dialog::Dialog;
