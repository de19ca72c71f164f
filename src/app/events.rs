//! What the worker and the other threads tell, put into the state.

use crate::app::App;
use crate::app::librarian::News;
use crate::app::stage::lab::Lab;
use crate::app::stage::look_back::Steps;
use crate::app::state::State;
use crate::base::model_ref::ModelRef;
use crate::content::request::{Margins, SIDE_MULTIPLE, TaskKind, size_for_picture};
use crate::session::Event;
use crate::storage::gallery::Entry;
use crate::worker::{self, JobId, ModelInfo, Work};

/// Takes in what the session tells.
pub(super) fn session(app: &mut App, event: Event) {
    let state = &mut app.state;
    match event {
        Event::Worker(event) => {
            if matches!(event, worker::Event::PictureSaved { .. }) {
                app.librarian.look();
            }
            self::worker(state, event);
        }
        Event::Started { id, work: Work::Compare(variants) } => {
            let own = state.session.model().info().and_then(|info| info.scheduler);
            state.lab = Some(Lab::new(id, &variants, own));
        }
        Event::Started { .. } => {}
        Event::Notice(text) => state.notices.info(text),
        Event::Failed(error) => state.notices.error(error),
    }
}

/// Shows what the worker did. What it means for queue and model, the session knows.
fn worker(state: &mut State, event: worker::Event) {
    match event {
        worker::Event::ModelLoaded { model, info } => loaded(state, &model, &info),
        worker::Event::ModelLetGo { .. }
        | worker::Event::ModelUnloaded
        | worker::Event::LookedBack { error: Some(_), .. } => state.steps = None,
        worker::Event::JobStep { id, picture, step, steps, .. } => {
            if let Some(lab) = state.lab.as_mut().filter(|lab| lab.is_of(id)) {
                lab.step_done(picture, step, steps);
            }
        }
        worker::Event::StepsKept { id, request, steps } => {
            let is_open = state.steps.as_ref().is_some_and(|steps| steps.is_open);
            state.steps = Some(Steps::new(id, request, steps, is_open));
        }
        worker::Event::PictureSaved { id, picture, entry } => saved(state, id, picture, entry),
        worker::Event::JobEnded { id, .. } => {
            state.lab.iter_mut().filter(|lab| lab.is_of(id)).for_each(Lab::end);
        }
        worker::Event::ModelLoading { .. }
        | worker::Event::ModelFailed { .. }
        | worker::Event::ModelCancelled { .. }
        | worker::Event::JobStarted { .. }
        | worker::Event::JobPhase { .. }
        | worker::Event::LookedBack { error: None, .. } => {}
    }
}

/// A model is loaded: the form takes over what suits it.
fn loaded(state: &mut State, model: &ModelRef, info: &ModelInfo) {
    let draft = &mut state.draft;
    let is_forms = *model == state.session.settings.model;
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
    // Another model counts in other words.
    state.tokens = [None, None];
}

/// A picture of a job is finished.
fn saved(state: &mut State, id: JobId, picture: usize, entry: Entry) {
    if let Some(lab) = state.lab.as_mut().filter(|lab| lab.is_of(id)) {
        lab.saved(picture, entry.path.clone());
        state.lab_wants.push(entry.path);
    } else if state.follows {
        state.show(entry.path, &entry.recipe.request.prompts.prompt);
    }
}

/// Gives the form the size that suits the picture that was just chosen, and its margins as they change.
pub(super) fn fit_size(state: &mut State) {
    let Some(Ok(shown)) = &state.source.read else { return };
    let draft = &mut state.draft;
    let margins = if draft.start.task == TaskKind::Inpaint { draft.start.inpaint.margins } else { Margins::default() };
    let own = state.session.model().info().map_or((512, 512), |info| (info.width, info.height));
    let multiple = state.session.model().info().map_or(SIDE_MULTIPLE, |info| info.size_multiple);
    let fitting = size_for_picture(margins.around(shown.width as usize, shown.height as usize), own, multiple);
    if state.source.fitted.is_none() && (draft.values.size.width, draft.values.size.height) == fitting {
        state.source.fitted = Some(fitting);
    }
    let follows = state.source.fitted == Some((draft.values.size.width, draft.values.size.height))
        && draft.start.inpaint.only_masked.is_none();
    if state.source.fits || follows && draft.values.start.branch.is_none() && state.source.fitted != Some(fitting) {
        (draft.values.size.width, draft.values.size.height) = fitting;
        draft.untouched = false;
        (state.source.fits, state.source.fitted) = (false, Some(fitting));
    }
}

/// Takes in what the librarian tells.
pub(super) fn librarian(app: &mut App, ctx: &egui::Context, news: News) {
    app.gallery.hear(ctx, &news);
    match news {
        News::Picture { path, image: Ok(opened) } => {
            app.state.painter.hear_picture(&path, Some(&opened));
            if app.state.draft.start.image.as_ref() == Some(&path) {
                app.state.session.settings.painting.brush.suit(opened.size);
            }
            app.state.canvas.show_picture(&path, &opened);
            if app.state.picture().as_ref() == Some(&path) {
                app.state.flagged = opened.flagged.map(|score| (path, score));
            }
        }
        News::Picture { path, image: Err(error) } => {
            app.state.painter.hear_picture(&path, None);
            app.state.notices.error(error);
        }
        News::Failed(error) | News::FolderGone(error) => {
            app.state.notices.error(error);
        }
        News::Deleted { paths } if app.state.picture().is_some_and(|shown| paths.contains(&shown)) => {
            app.state.canvas.clear();
        }
        News::FolderBack => app.state.notices.info("The folder for pictures is back"),
        _ => {}
    }
}
