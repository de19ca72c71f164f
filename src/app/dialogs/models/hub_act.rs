//! What is asked of the Hub in the dialog about models, carried out.

use crate::app::action::HubAction;
use crate::app::window::App;
use crate::session::{Command, HubQuestion};

impl App {
    /// Asks the Hub for something, or changes a download.
    pub(crate) fn act_on_hub(&mut self, action: HubAction) {
        let command = match action {
            HubAction::Ask(question) => Command::AskHub(question),
            HubAction::Look(id) => {
                let hub = &mut self.models.hub;
                hub.look(id.clone());
                Command::AskHub(HubQuestion::Look(id, hub.variant()))
            }
            HubAction::Download(offer) => Command::Download(offer),
            HubAction::Pause(id) => Command::PauseDownload(id),
            HubAction::Resume(id) => Command::ResumeDownload(id),
            HubAction::Remove(id) => Command::RemoveDownload(id),
        };
        self.ask_session(command);
    }
}
