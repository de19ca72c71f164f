//! What the form's panel knows beside the form itself.

use std::path::PathBuf;

use crate::app::action::{Action, FormAction};
use crate::app::panels::form::outlook::Outlook;
use crate::app::panels::form::prompt::PromptBox;
use crate::app::panels::form::sampler::Levels;
use crate::app::panels::form::source::FormPicture;
use crate::app::state::WindowState;
use crate::base::model_ref::ModelRef;
use crate::content::request::{Margins, SIDE_MULTIPLE, TaskKind, size_for_picture};
use crate::worker::ModelInfo;

/// The form's panel.
#[derive(Default)]
pub(crate) struct FormPanel {
    pub(crate) prompt: PromptBox,
    /// The picture that the form begins with.
    pub(super) picture: FormPicture,
    /// The depth map that it names.
    pub(super) depth: FormPicture,
    /// The noise levels that it gives.
    pub(super) levels: Levels,
    /// The memory plan of its next picture.
    pub(super) outlook: Outlook,
}

impl FormPanel {
    /// Asks for what has to be known of the form, if it has changed.
    pub(crate) fn follow(&mut self, state: &mut WindowState) -> Vec<Action> {
        let draft = &state.draft;
        let files = [self.picture.follow(draft.start.image.as_ref()), self.depth.follow(draft.start.depth.as_ref())];
        let mut actions: Vec<Action> = files.into_iter().flatten().map(|path| FormAction::Look(path).into()).collect();
        self.fit_size(state);
        let asked = self.outlook.follow(state.session.model().info(), &state.draft);
        actions.extend(asked.map(|asked| FormAction::Plan(asked).into()));
        actions
    }

    /// Has the form begin with this picture; a task that begins with none becomes one that does.
    pub(crate) fn begin_with(&mut self, state: &mut WindowState, path: PathBuf) {
        let WindowState { session, draft, .. } = state;
        draft.start.image = Some(path);
        self.picture.fits = true;
        if !draft.start.task.needs_image() {
            let can = |task: TaskKind| session.model().info().is_none_or(|info| info.tasks.contains(&task));
            let tasks = [TaskKind::ImageToImage, TaskKind::Inpaint, TaskKind::DepthToImage];
            draft.start.task = tasks.into_iter().find(|task| can(*task)).unwrap_or(TaskKind::ImageToImage);
        }
    }

    /// Takes over what suits a model that is loaded now.
    pub(crate) fn hear_model(&mut self, state: &mut WindowState, model: &ModelRef, info: &ModelInfo) {
        let WindowState { session, draft, .. } = state;
        let is_forms = *model == session.settings.model;
        if is_forms && draft.untouched {
            (draft.values.size.width, draft.values.size.height) = (info.width, info.height);
            (draft.values.sampling.steps, draft.values.guidance.scale) = (info.steps, info.guidance_scale);
            draft.make_valid();
        }
        if is_forms {
            draft.round_sides(Some(info.size_multiple));
        }
        if is_forms && !info.tasks.contains(&draft.start.task) {
            // Only where there is nothing to choose, or the words would be lost from sight: other tasks say what is wrong.
            let alone = info.tasks.len() == 1 || draft.start.task == TaskKind::Unconditional;
            draft.start.task = info.tasks.first().copied().filter(|_| alone).unwrap_or(draft.start.task);
        }
        self.prompt.forget_counts();
    }

    /// Gives the form the size that suits the picture that was just chosen, and its margins as they change.
    fn fit_size(&mut self, state: &mut WindowState) {
        let Some(Ok(opened)) = &self.picture.read else { return };
        let WindowState { session, draft, .. } = state;
        let margins =
            if draft.start.task == TaskKind::Inpaint { draft.start.inpaint.margins } else { Margins::default() };
        let own = session.model().info().map_or((512, 512), |info| (info.width, info.height));
        let multiple = session.model().info().map_or(SIDE_MULTIPLE, |info| info.size_multiple);
        let fitting = size_for_picture(margins.around(opened.width as usize, opened.height as usize), own, multiple);
        let size = (draft.values.size.width, draft.values.size.height);
        if self.picture.fitted.is_none() && size == fitting {
            self.picture.fitted = Some(fitting);
        }
        let follows = self.picture.fitted == Some(size) && draft.start.inpaint.only_masked.is_none();
        if self.picture.fits || follows && draft.values.start.branch.is_none() && self.picture.fitted != Some(fitting) {
            (draft.values.size.width, draft.values.size.height) = fitting;
            draft.untouched = false;
            (self.picture.fits, self.picture.fitted) = (false, Some(fitting));
        }
    }
}
