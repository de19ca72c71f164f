//! Looking back at the steps of the last picture, and going on from one of them.

use egui::{RichText, Slider};

use crate::app::action::{Action, FormAction, PictureAction};
use crate::app::command::UiCommand;
use crate::content::request::{Branch, Request};
use crate::schedulers::SchedulerKind;
use crate::worker::JobId;

/// The steps of the last picture, as the worker keeps them.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    pub id: JobId,
    /// What drew it.
    pub request: Request,
    /// Steps that were done.
    pub count: usize,
    /// The one that is looked at.
    pub at: usize,
}

impl Steps {
    /// The steps of a picture that has just been drawn; the last one is seen.
    pub(crate) fn new(id: JobId, request: Request, count: usize) -> Self {
        Self { id, request, count, at: count }
    }

    /// The bar below the canvas; `sampler` is the one that would go on.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, sampler: Option<SchedulerKind>, actions: &mut Vec<Action>) {
        ui.horizontal(|ui| {
            let label = ui.label("Step").id;
            let close = 24.0;
            let go_on = 110.0;
            ui.spacing_mut().slider_width = (ui.available_width() - close - go_on - 90.0).max(60.0);
            let slider = Slider::new(&mut self.at, 1..=self.count.max(1)).clamping(egui::SliderClamping::Always);
            let slider = ui.add(slider).labelled_by(label);
            if slider.on_hover_text("What the picture looked like after this step").changed() {
                actions.push(PictureAction::LookBackAt { id: self.id, step: self.at }.into());
            }
            let tip = match sampler {
                Some(kind) if kind.keeps_history() => format!(
                    "The next pictures go on from here with what the form says. {} remembers earlier steps, and begins \
                     its history anew",
                    kind.label()
                ),
                _ => "The next pictures go on from here with what the form says".to_owned(),
            };
            // After the last step nothing is left to be drawn.
            let button = ui.add_enabled(self.at < self.count, egui::Button::new("Go on from here"));
            if button.on_hover_text(tip).on_disabled_hover_text("Choose an earlier step").clicked() {
                let branch = Branch { from: self.request.clone(), step: self.at };
                actions.push(FormAction::GoOnFrom(Some(Box::new(branch))).into());
            }
            if ui.small_button("✖").on_hover_text("Close").accessible_name("Close the steps").clicked() {
                actions.push(UiCommand::LookBack.into());
            }
        });
    }
}

/// In the form: the run that the next pictures go on from.
pub(crate) fn branch_ui(ui: &mut egui::Ui, branch: Option<&Branch>, actions: &mut Vec<Action>) {
    let Some(branch) = branch else { return };
    ui.horizontal(|ui| {
        let tip = "Begin from the start again";
        if ui.small_button("✖").on_hover_text(tip).accessible_name("Don't go on from another run").clicked() {
            actions.push(FormAction::GoOnFrom(None).into());
        }
        let prompt = branch.from.prompts.prompt.trim();
        let of = if prompt.is_empty() { String::new() } else { format!(" of “{prompt}”") };
        let text = format!("Goes on from step {}{of}", branch.step);
        ui.add(egui::Label::new(RichText::new(&text).strong()).truncate()).on_hover_text(text);
    });
}
