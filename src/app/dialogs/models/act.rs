//! What the user asks of the models on this computer, done.

use std::path::PathBuf;

use crate::app::action::ModelsAction;
use crate::app::dialogs::Dialog;
use crate::app::dialogs::models::Tab;
use crate::app::dialogs::models::finder::Order;
use crate::app::downloads::Question;
use crate::app::window::App;

impl App {
    /// Does what the user asks of the models on this computer.
    pub(crate) fn act_on_models(&mut self, action: ModelsAction) {
        match action {
            ModelsAction::Open => self.dialog = Some(Dialog::Models),
            ModelsAction::ShowDownloads => {
                self.models.show_hub();
                self.dialog = Some(Dialog::Models);
            }
            ModelsAction::Refresh => self.models.look(&self.state.session.settings.model_folders),
            ModelsAction::Stop => self.models.finder.stop(),
            ModelsAction::FindDuplicates => {
                let items = self.models.local.items().to_vec();
                self.models.order(Order::FindDuplicates(items));
            }
            ModelsAction::Verify(item) => self.models.order(Order::Verify(item)),
            ModelsAction::Repair(repair) => {
                self.models.tab = Tab::Hub;
                let hub = &mut self.models.hub;
                hub.half = repair.half;
                // That it was downloaded once says nothing of how it is now.
                hub.list.remove(&repair.id);
                hub.look(repair.id.clone());
                let variant = hub.variant();
                self.ask_hub(Question::Repair(repair, variant));
            }
            ModelsAction::ShowInFolder(path) => {
                let folder = path.parent().map_or_else(|| path.clone(), PathBuf::from);
                self.open_folder(folder);
            }
            ModelsAction::AddFolder(folder) => self.add_model_folder(folder),
            ModelsAction::ForgetFolder(folder) => {
                self.state.session.settings.model_folders.retain(|known| *known != folder);
                self.models.look(&self.state.session.settings.model_folders);
            }
        }
    }

    /// Looks for models in this folder, too, from now on.
    fn add_model_folder(&mut self, folder: PathBuf) {
        let folders = &mut self.state.session.settings.model_folders;
        if !folders.contains(&folder) {
            folders.push(folder);
        }
        self.models.look(&self.state.session.settings.model_folders);
    }
}
