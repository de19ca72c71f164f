//! What the session does about models that aren't in use: downloads, and those on this computer.

use crate::base::error::Result;
use crate::base::model_ref::{HubId, ModelRef};
use crate::session::event::SessionEvent;
use crate::session::hub::{HubNews, Standing};
use crate::session::library::LibraryOrder;
use crate::session::program::Session;
use crate::storage::hub::Downloaded;
use crate::storage::library::Places;

impl Session {
    /// Looks for models on this computer.
    ///
    /// # Errors
    /// The session only draws.
    pub(super) fn scan(&mut self) -> Result<()> {
        let places = Places { added: self.settings.model_folders.clone(), ..self.places.clone() };
        self.desks()?.library.order(LibraryOrder::Scan(places));
        self.has_scanned = true;
        Ok(())
    }

    /// Takes in what the services about models tell, and begins the next download.
    pub(super) fn hear_models(&mut self) {
        while let Some(news) = self.desks.as_ref().and_then(|desks| desks.library.news()) {
            self.tell(SessionEvent::Library(news));
        }
        if let Some((asked, progress)) = self.desks.as_ref().and_then(|desks| desks.hub.progress()) {
            self.downloads.hear(&asked, progress);
        }
        while let Some(news) = self.desks.as_ref().and_then(|desks| desks.hub.news()) {
            match news {
                HubNews::Answer(answer) => self.tell(SessionEvent::Hub(answer)),
                HubNews::TokenKept(Ok(true)) => {
                    self.notice("The access token is saved".to_owned());
                }
                HubNews::TokenKept(Ok(false)) => self.notice("The access token is removed".to_owned()),
                HubNews::TokenKept(Err(error)) => self.tell(SessionEvent::Failed(error)),
                HubNews::Ended { asked, run, ended } => self.download_ended(asked, run, ended),
            }
        }
        if let Some(desks) = &mut self.desks {
            desks.hub.dispatch(&mut self.downloads);
        }
    }

    fn download_ended(&mut self, asked: HubId, run: u64, ended: Result<Downloaded>) {
        let Some(download) = self.downloads.ended(&asked, run, ended) else { return };
        match &download.standing {
            Standing::Done => {
                let model = ModelRef::Hub(asked.clone());
                self.notice(format!("{asked} is downloaded: choose it as the model"));
                if self.settings.model == model {
                    // It was chosen before it was downloaded.
                    self.use_model(model);
                } else {
                    self.settings.remember_model(&model);
                }
                self.tell(SessionEvent::Downloaded(asked));
                if self.has_scanned
                    && let Err(error) = self.scan()
                {
                    self.tell(SessionEvent::Failed(error));
                }
            }
            Standing::Failed(error) => {
                let error = error.clone();
                self.tell(SessionEvent::Failed(error));
            }
            Standing::Waiting | Standing::Running(_) | Standing::Paused => {}
        }
    }
}
