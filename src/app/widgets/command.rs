//! A button that stands for a command.

use crate::app::action::Action;
use crate::app::command::UiCommand;

/// Shows the button, with the command's explanation and keys as its tooltip.
pub(crate) fn button(ui: &mut egui::Ui, command: UiCommand, actions: &mut Vec<Action>) -> egui::Response {
    let response = ui.button(command.text()).on_hover_text(command.explanation(ui.ctx()));
    if response.clicked() {
        actions.push(command.into());
    }
    response
}
