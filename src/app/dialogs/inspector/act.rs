//! What is done about the model in use, carried out.

use crate::app::action::ModelAction;
use crate::app::dialogs::Dialog;
use crate::app::dialogs::inspector::{Inspector, InspectorLook};
use crate::app::window::App;
use crate::base::model_ref::ModelRef;
use crate::session::{SessionCommand, host_of};
use crate::worker::Footprint;

impl App {
    /// Does something about the model in use.
    pub(crate) fn act_on_model(&mut self, action: ModelAction) {
        let state = &mut self.state;
        match action {
            ModelAction::Use(model) => {
                self.dialog = self.dialog.take().filter(|dialog| !matches!(dialog, Dialog::Models));
                self.ask_session(SessionCommand::UseModel(model));
            }
            ModelAction::Inspect(model) => self.inspect(model),
            ModelAction::Inspected { model, found } => {
                if let Some(Dialog::Inspector(inspector)) = &mut self.dialog {
                    inspector.hear(&model, found);
                }
            }
            ModelAction::StopLoading => self.ask_session(SessionCommand::StopLoading),
            ModelAction::Free => {
                if let Err(error) = state.session.send(SessionCommand::Unload) {
                    self.notices.info(error.to_string());
                }
            }
        }
    }

    /// Opens the inspector on a model: planned for the form's picture if that is the form's model, else for one of its own size.
    fn inspect(&mut self, model: ModelRef) {
        let state = &mut self.state;
        self.dialog = Some(Dialog::Inspector(Box::new(Inspector::new(model.clone()))));
        let loaded = state.session.model().info().and_then(|info| info.footprint.as_ref());
        let held = loaded.map_or(0, Footprint::usual_bytes);
        let is_forms = state.session.model().is_ready(&model) && state.session.settings.model == model;
        let request = is_forms.then(|| state.draft.request().with(|request| request.seeds.count = 1));
        let host = host_of(&state.session.settings);
        let shelf = state.session.shelf().clone();
        let look = InspectorLook { model, shelf, host, request, held };
        let asked = self.background.run_aside("burnisher-inspector", move || {
            let found = look.take();
            Ok(Some(ModelAction::Inspected { model: look.model, found }.into()))
        });
        self.tell_failure(asked);
    }
}
