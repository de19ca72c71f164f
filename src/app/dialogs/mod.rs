//! The windows in front of the others, one at a time.

pub(super) mod about;
pub(super) mod close;
pub(super) mod crash;
mod dialog;
mod help_act;
pub(super) mod inspector;
pub(super) mod lab;
pub(super) mod models;
pub(super) mod patch;
pub(super) mod path;
mod path_act;
pub(super) mod settings;
mod settings_act;
pub(super) mod shortcuts;

pub(super) use dialog::Dialog;
