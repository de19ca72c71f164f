//! What changes the queue, carried out.

use crate::app::App;
use crate::app::action::QueueAction;
use crate::app::apply::{generate, stop};
use crate::app::state::Dialog;

impl App {
    /// Changes what waits or is being drawn.
    pub(crate) fn act_on_queue(&mut self, action: QueueAction) {
        let state = &mut self.state;
        match action {
            QueueAction::Generate { first } => generate(state, first),
            QueueAction::Stop { others_too } => stop(state, others_too),
            QueueAction::StopAll => {
                stop(state, true);
                if state.queue.len() > 0 {
                    state.dialog = Some(Dialog::ClearQueue);
                }
            }
            QueueAction::Resume => state.queue.paused = false,
            QueueAction::Remove(key) => drop(state.queue.remove(key)),
            QueueAction::Move(key, to) => state.queue.reorder(key, to),
            QueueAction::TryAgain(key) => {
                state.queue.try_again(key);
                state.wants_model = true;
            }
            QueueAction::Clear => {
                state.queue.clear();
                state.queue.paused = false;
                state.dialog = None;
            }
        }
    }
}
