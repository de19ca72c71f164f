//! What is asked of the Hub in the dialog about models, carried out.

use crate::app::action::HubAction;
use crate::app::window::App;
use crate::session::{HubQuestion, SessionCommand};

impl App {
    /// Asks the Hub for something, or changes a download.
    pub(crate) fn act_on_hub(&mut self, action: HubAction) {
        let command = match action {
            HubAction::Ask(question) => SessionCommand::AskHub(question),
            HubAction::Look(id) => {
                let hub = &mut self.models.hub;
                hub.look(id.clone());
                SessionCommand::AskHub(HubQuestion::Look(id, hub.variant()))
            }
            HubAction::Download(offer) => SessionCommand::Download(offer),
            HubAction::Pause(id) => SessionCommand::PauseDownload(id),
            HubAction::Resume(id) => SessionCommand::ResumeDownload(id),
            HubAction::Remove(id) => SessionCommand::RemoveDownload(id),
        };
        self.ask_session(command);
    }
}
