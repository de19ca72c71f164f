//! The tab of the dialog about models that has those on this computer.

use crate::app::apply::Action;
use crate::app::command::UiCommand;

/// What the tab knows.
#[derive(Debug, Default)]
pub(super) struct Local;

impl Local {
    /// The tab.
    #[expect(clippy::unused_self, reason = "the list of what was found comes here")]
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        UiCommand::OpenModel.button(ui, actions);
    }
}
