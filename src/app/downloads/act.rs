//! What the user asks of the Hub, done, and what the Hub's threads tell, taken in.

use crate::app::action::HubAction;
use crate::app::downloads::{Question, Standing, Told};
use crate::app::window::App;
use crate::base::error::Result;
use crate::base::model_ref::{HubId, ModelRef};
use crate::session::Command;
use crate::storage::hub::Downloaded;

impl App {
    /// Does what the user asks of the Hub.
    pub(crate) fn act_on_hub(&mut self, action: HubAction) {
        let hub = &mut self.models.hub;
        match action {
            HubAction::Ask(question) => self.ask_hub(question),
            HubAction::Look(id) => {
                hub.look(id.clone());
                let variant = hub.variant();
                self.ask_hub(Question::Look(id, variant));
            }
            HubAction::Download(offer) => hub.list.push(*offer),
            HubAction::Pause(id) => hub.list.pause(&id),
            HubAction::Resume(id) => hub.list.resume(&id),
            HubAction::Remove(id) => hub.list.remove(&id),
        }
    }

    /// Asks the Hub something.
    pub(crate) fn ask_hub(&mut self, question: Question) {
        if let Err(error) = self.downloads.ask(question) {
            self.notices.error(error);
        }
    }

    /// Takes in what the Hub's threads tell, and begins the next download.
    pub(crate) fn hear_downloads(&mut self) {
        let hub = &mut self.models.hub;
        if let Some((asked, progress)) = self.downloads.progress() {
            hub.list.hear(&asked, progress);
        }
        while let Some(told) = self.downloads.told() {
            match told {
                Told::Found { text, found } => self.models.hub.hear_found(text, found),
                Told::Looked { asked, offer } => self.models.hub.hear_offer(&asked, offer),
                Told::TokenKept(kept) => match kept {
                    Ok(true) => self.notices.info("The access token is saved"),
                    Ok(false) => self.notices.info("The access token is removed"),
                    Err(error) => self.notices.error(error),
                },
                Told::Ended { asked, run, ended } => self.download_ended(&asked, run, ended),
            }
        }
        let list = &mut self.models.hub.list;
        self.downloads.dispatch(list);
    }

    fn download_ended(&mut self, asked: &HubId, run: u64, ended: Result<Downloaded>) {
        let Some(download) = self.models.hub.list.ended(asked, run, ended) else { return };
        match &download.standing {
            Standing::Done => {
                let model = ModelRef::Hub(asked.clone());
                self.notices.info(format!("{asked} is here: choose it as the model"));
                if self.state.session.settings.model == model {
                    // It was chosen before it was here.
                    let used = self.state.session.send(Command::UseModel(model));
                    self.tell_failure(used);
                } else {
                    self.state.session.settings.remember_model(&model);
                }
                self.models.hub.download_done(asked);
                self.models.look_again(&self.state.session.settings.model_folders);
            }
            Standing::Failed(error) => self.notices.error(error.clone()),
            _ => {}
        }
    }
}
