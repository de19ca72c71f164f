//! What is done about the model in use, carried out.

use crate::app::App;
use crate::app::action::ModelAction;
use crate::app::apply::use_model;
use crate::app::dialogs::inspector::{Inspector, InspectorLook};
use crate::app::settings_host;
use crate::app::state::{Dialog, Model};
use crate::base::model_ref::ModelRef;
use crate::worker::{Command, Footprint};

impl App {
    /// Does something about the model in use.
    pub(crate) fn act_on_model(&mut self, action: ModelAction) {
        let state = &mut self.state;
        match action {
            ModelAction::Use(model) => {
                state.dialog = state.dialog.take().filter(|dialog| !matches!(dialog, Dialog::Models));
                use_model(state, model);
            }
            ModelAction::Inspect(model) => self.inspect(model),
            ModelAction::Inspected { model, found } => {
                if let Some(Dialog::Inspector(inspector)) = &mut state.dialog {
                    inspector.hear(&model, found);
                }
            }
            ModelAction::StopLoading => {
                if let Model::Loading(loading) = &state.model {
                    loading.cancel.cancel();
                }
            }
            ModelAction::Free => {
                if !self.send(Command::Unload) {
                    self.state.notices.info("The model is in use");
                }
            }
        }
    }

    /// Opens the inspector on a model: planned for the form's picture if that is the form's model, else for one of its own size.
    fn inspect(&mut self, model: ModelRef) {
        let state = &mut self.state;
        state.dialog = Some(Dialog::Inspector(Box::new(Inspector::new(model.clone()))));
        let loaded = state.model.info().and_then(|info| info.footprint.as_ref());
        let held = loaded.map_or(0, Footprint::usual_bytes);
        let is_forms = state.model.is_ready(&model) && state.settings.model == model;
        let request = is_forms.then(|| state.settings.draft.request().with(|request| request.seeds.count = 1));
        let host = settings_host(&state.settings);
        let look = InspectorLook { model, host, request, held };
        let asked = self.background.run_aside("burnisher-inspector", move || {
            let found = look.take();
            Ok(Some(ModelAction::Inspected { model: look.model, found }.into()))
        });
        self.tell_failure(asked);
    }
}
