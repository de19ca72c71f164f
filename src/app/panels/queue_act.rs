//! What changes the queue, carried out.

use crate::app::action::QueueAction;
use crate::app::dialogs::Dialog;
use crate::app::window::App;
use crate::session::SessionCommand;

impl App {
    /// Changes what waits or is being drawn.
    pub(crate) fn act_on_queue(&mut self, action: QueueAction) {
        let command = match action {
            QueueAction::Generate { first } => return self.generate(first),
            QueueAction::Stop { others_too: false } => SessionCommand::StopPicture,
            QueueAction::Stop { others_too: true } => SessionCommand::StopGeneration,
            QueueAction::StopAll => {
                if !self.state.session.queue().is_empty() {
                    self.dialog = Some(Dialog::ClearQueue);
                }
                SessionCommand::StopGeneration
            }
            QueueAction::Resume => SessionCommand::Resume,
            QueueAction::Remove(key) => SessionCommand::Remove(key),
            QueueAction::Move(key, to) => SessionCommand::Move(key, to),
            QueueAction::TryAgain(key) => SessionCommand::TryAgain(key),
            QueueAction::StartOver(key) => SessionCommand::StartOver(key),
            QueueAction::Clear => {
                self.dialog = None;
                SessionCommand::Clear
            }
        };
        self.ask_session(command);
    }

    /// Adds what the form says.
    fn generate(&mut self, is_first: bool) {
        let state = &mut self.state;
        let work = state.draft.next_request().into();
        let model = state.session.settings.model.clone();
        match state.session.send(SessionCommand::Draw { model, work, output: None, is_first }) {
            Ok(()) => {
                self.form.prompt.leave_history();
                self.centre.follow();
            }
            Err(error) => self.notices.error(error),
        }
    }
}
