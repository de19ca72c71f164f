//! What the user asks of the models on this computer, done.

use std::path::PathBuf;

use crate::app::action::ModelsAction;
use crate::app::dialogs::Dialog;
use crate::app::dialogs::models::Tab;
use crate::app::dialogs::models::local::Activity;
use crate::app::window::App;
use crate::session::{HubQuestion, SessionCommand};

impl App {
    /// Does what the user asks of the models on this computer.
    pub(crate) fn act_on_models(&mut self, action: ModelsAction) {
        match action {
            ModelsAction::Open => self.dialog = Some(Dialog::Models),
            ModelsAction::ShowDownloads => {
                self.models.show_hub();
                self.dialog = Some(Dialog::Models);
            }
            ModelsAction::Refresh => self.look_for_models(),
            ModelsAction::Stop => self.ask_session(SessionCommand::StopLibrary),
            ModelsAction::FindDuplicates => {
                self.models.local.work = Activity::Reading("Comparing files", 0, 0);
                let items = self.models.local.items().to_vec();
                self.ask_session(SessionCommand::FindDuplicates(items));
            }
            ModelsAction::Verify(item) => {
                self.models.local.work = Activity::Reading("Checking", 0, 0);
                self.ask_session(SessionCommand::Verify(item));
            }
            ModelsAction::Repair(repair) => {
                self.models.tab = Tab::Hub;
                let hub = &mut self.models.hub;
                hub.half = repair.half;
                hub.look(repair.id.clone());
                let variant = hub.variant();
                // That it was downloaded once says nothing of how it is now.
                self.ask_session(SessionCommand::RemoveDownload(repair.id.clone()));
                self.ask_session(SessionCommand::AskHub(HubQuestion::Repair(repair, variant)));
            }
            ModelsAction::ShowInFolder(path) => {
                let folder = path.parent().map_or_else(|| path.clone(), PathBuf::from);
                self.open_folder(folder);
            }
            ModelsAction::AddFolder(folder) => self.add_model_folder(folder),
            ModelsAction::ForgetFolder(folder) => {
                self.state.session.settings.model_folders.retain(|known| *known != folder);
                self.look_for_models();
            }
        }
    }

    fn look_for_models(&mut self) {
        self.models.local.was_asked = true;
        self.models.local.work = Activity::Scanning(None);
        self.ask_session(SessionCommand::Scan);
    }

    /// Looks for models in this folder, too, from now on.
    fn add_model_folder(&mut self, folder: PathBuf) {
        let folders = &mut self.state.session.settings.model_folders;
        if !folders.contains(&folder) {
            folders.push(folder);
        }
        self.look_for_models();
    }
}
