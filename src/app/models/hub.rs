//! The tab of the dialog about models that has those of the Hub.

use crate::app::apply::Action;

/// What the tab knows.
#[derive(Debug, Default)]
pub(super) struct Hub;

impl Hub {
    /// The tab.
    #[expect(clippy::unused_self, reason = "what the Hub has comes here")]
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, _actions: &mut Vec<Action>) {
        ui.label("`burnisher download` fetches a model from the Hub");
    }
}
