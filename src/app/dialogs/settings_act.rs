//! What the settings dialog changes beyond the settings themselves, carried out.

use crate::app::action::SettingsAction;
use crate::app::dialogs::Dialog;
use crate::app::files::make_picture_folder;
use crate::app::window::App;
use crate::base::device;
use crate::session::SessionCommand;

impl App {
    /// Changes what the settings are about.
    pub(crate) fn act_on_settings(&mut self, action: SettingsAction) {
        let state = &mut self.state;
        match action {
            SettingsAction::Open => {
                self.dialog = Some(Dialog::Settings);
                if self.settings_dialog.devices.is_none() {
                    self.run(|| Ok(Some(SettingsAction::Devices(device::list()).into())));
                }
            }
            SettingsAction::Devices(devices) => self.settings_dialog.devices = Some(devices),
            SettingsAction::UseFolder(folder) => {
                state.session.settings.output_folder = folder;
                self.watch();
            }
            SettingsAction::WatchFolder => self.watch(),
            SettingsAction::StripMetadata(strip) => state.session.settings.strip_metadata = strip,
            SettingsAction::RestartWorker | SettingsAction::LimitMemory => self.ask_session(SessionCommand::UseDevice),
        }
    }

    /// Makes the folder for pictures if it isn't there, and shows it.
    pub(crate) fn make_folder(&mut self) {
        let folder = self.state.session.settings.output_folder.clone();
        self.run(move || {
            make_picture_folder(&folder)?;
            Ok(Some(SettingsAction::WatchFolder.into()))
        });
    }
}
