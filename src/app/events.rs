//! What the worker and the other threads tell, put into the state.

use std::time::Instant;

use crate::app::App;
use crate::app::librarian::News;
use crate::app::stage::lab::Lab;
use crate::app::stage::look_back::Steps;
use crate::app::state::{Model, State};
use crate::app::words::model_name;
use crate::base::error::Error;
use crate::base::model_ref::ModelRef;
use crate::content::request::{Margins, TaskKind, size_for_picture};
use crate::storage::gallery::Entry;
use crate::worker::{Event, JobEnd, JobId, Left, ModelInfo, Phase};

/// Takes in what the worker tells.
pub(super) fn worker(state: &mut State, event: Event) {
    match event {
        Event::ModelLoading { component, number, of, fraction, .. } => {
            if let Model::Loading(loading) = &mut state.model {
                (loading.component, loading.number, loading.fraction) = (component, (number, of), fraction);
            }
        }
        Event::ModelLoaded { model, info } => loaded(state, model, info),
        Event::ModelLetGo { model } => {
            state.model.let_go();
            state.steps = None;
            let name = model_name(&model);
            state.notices.info(format!("{name} had to make room: both models don't fit into the memory"));
        }
        Event::ModelFailed { model, error, left } => failed(state, model, error, left),
        Event::ModelCancelled { model, left } => {
            state.model.back_to(left.as_ref());
            go_back(state, &model, left);
            // What was to be drawn with it waits until someone says so, unless another model was asked for instead.
            state.queue.paused |= state.queue.len() > 0 && !state.wants_model;
            state.notices.info(format!("Loading stopped: {model}"));
        }
        Event::ModelUnloaded => {
            state.model = Model::None;
            state.steps = None;
            state.notices.info("The model's memory is free");
        }
        Event::JobStarted { .. } => {}
        Event::JobPhase { id, picture, phase, tuning } => {
            if let Some(running) = state.queue.running_mut(id) {
                running.picture = picture;
                if phase == Phase::Encoding {
                    running.step = 0;
                }
                running.phase = Some((phase, tuning, Instant::now()));
            }
        }
        Event::JobStep { id, picture, step, steps, step_secs, preview_share } => {
            if let Some(running) = state.queue.running_mut(id) {
                (running.picture, running.step, running.steps) = (picture, step, steps);
                running.preview_share = preview_share;
                if let Some(variant) = running.variants.get_mut(picture) {
                    *variant = (step, steps);
                }
                running.took(step_secs);
            }
            if let Some(lab) = state.lab.as_mut().filter(|lab| lab.is_of(id)) {
                lab.step_done(picture, step, steps);
            }
        }
        Event::StepsKept { id, request, steps } => {
            let is_open = state.steps.as_ref().is_some_and(|steps| steps.is_open);
            state.steps = Some(Steps::new(id, request, steps, is_open));
        }
        Event::LookedBack { error, .. } => {
            if let Some(error) = error {
                state.steps = None;
                state.notices.error(error);
            }
        }
        Event::PictureSaved { id, picture, entry } => saved(state, id, picture, entry),
        Event::JobEnded { id, outcome } => {
            state.lab.iter_mut().filter(|lab| lab.is_of(id)).for_each(Lab::end);
            let ended = state.queue.ended(id);
            match outcome {
                JobEnd::Finished(_) => {}
                JobEnd::Cancelled => {
                    state.notices.info("Stopped");
                    if let Some(stopped) = ended {
                        state.queue.go_on_after(&stopped);
                    }
                }
                JobEnd::Failed(error) => {
                    state.notices.error(error);
                    if let Some(running) = ended {
                        state.queue.push_failed(running.rest());
                    }
                }
            }
        }
    }
}

fn loaded(state: &mut State, model: ModelRef, info: ModelInfo) {
    let draft = &mut state.settings.draft;
    if model == state.settings.model && draft.untouched {
        (draft.width, draft.height) = (info.width, info.height);
        (draft.steps, draft.guidance_scale) = (info.steps, info.guidance_scale);
        draft.make_valid();
    }
    if model == state.settings.model && !info.tasks.contains(&draft.task) {
        // Only where there is nothing to choose, or the words would be lost from sight: other tasks say what is wrong.
        let alone = info.tasks.len() == 1 || draft.task == TaskKind::Unconditional;
        draft.task = info.tasks.first().copied().filter(|_| alone).unwrap_or(draft.task);
    }
    state.settings.remember_model(&model);
    let name = model_name(&model);
    info.notes.iter().for_each(|note| state.notices.info(format!("{name}: {note}")));
    // Another model counts in other words.
    state.tokens = [None, None];
    state.model = Model::Ready { model, info: Box::new(info) };
}

fn failed(state: &mut State, model: ModelRef, error: Error, left: Option<Left>) {
    // The rest of the queue may need another model.
    state.queue.fail_all_of(&model);
    state.notices.error(error.clone());
    let is_back = state.model.back_to(left.as_ref());
    if !go_back(state, &model, left) && !is_back {
        state.model = Model::Failed { model, error };
    }
}

/// The form goes back from a model that came to nothing to the one in use; whether it does.
fn go_back(state: &mut State, came_to_nothing: &ModelRef, left: Option<Left>) -> bool {
    let Some(Left { model: left, .. }) = left.filter(|left| left.model != *came_to_nothing) else { return false };
    if state.settings.model == *came_to_nothing {
        state.settings.model = left;
    }
    true
}

/// A picture of a job is finished.
fn saved(state: &mut State, id: JobId, picture: usize, entry: Entry) {
    if let Some(lab) = state.lab.as_mut().filter(|lab| lab.is_of(id)) {
        lab.saved(picture, entry.path.clone());
        state.lab_wants.push(entry.path);
        return;
    }
    if let Some(running) = state.queue.running_mut(id) {
        running.finished = picture + 1;
    }
    if state.follows {
        state.show(entry.path, &entry.recipe.request.prompts.prompt);
    }
}

/// Gives the form the size that suits the picture that was just chosen, and its margins as they change.
pub(super) fn fit_size(state: &mut State) {
    let Some(Ok(shown)) = &state.source.read else { return };
    let draft = &mut state.settings.draft;
    let margins = if draft.task == TaskKind::Inpaint { draft.inpaint.margins } else { Margins::default() };
    let own = state.model.info().map_or((512, 512), |info| (info.width, info.height));
    let fitting = size_for_picture(margins.around(shown.width as usize, shown.height as usize), own);
    if state.source.fitted.is_none() && (draft.width, draft.height) == fitting {
        state.source.fitted = Some(fitting);
    }
    let follows = state.source.fitted == Some((draft.width, draft.height)) && draft.inpaint.only_masked.is_none();
    if state.source.fits || follows && draft.branch.is_none() && state.source.fitted != Some(fitting) {
        (draft.width, draft.height) = fitting;
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
            if app.state.settings.draft.image.as_ref() == Some(&path) {
                app.state.settings.painting.brush.suit(opened.size);
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
