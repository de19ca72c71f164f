//! How the worker is kept busy, and what its events mean for queue and model.

use std::num::NonZeroUsize;
use std::time::Instant;

use crate::base::cancel::CancelToken;
use crate::base::error::Error;
use crate::base::model_ref::ModelRef;
use crate::pipelines::Overflow;
use crate::session::event::SessionEvent;
use crate::session::model::ModelState;
use crate::session::program::Session;
use crate::session::running::Running;
use crate::storage::gallery::Destination;
use crate::worker::{self, Command, Job, JobEnd, JobId, Keeping, Left, ModelInfo, Output, Phase, Previews};

impl Session {
    /// Gives the worker what it should do next, if it is free.
    pub(super) fn dispatch(&mut self) {
        if self.queue.running().is_some() || self.model.is_loading() {
            return;
        }
        let next = self.queue.next_with_key().map(|(key, next)| (key, next.clone()));
        let Some((key, next)) = next else {
            self.look_back();
            let model = self.settings.model.clone();
            if self.wants_model && (self.model.is_ready(&model) || self.load(model)) {
                self.wants_model = false;
            }
            return;
        };
        if !self.model.is_ready(&next.model) {
            self.load(next.model);
            return;
        }
        let output = next.output.unwrap_or_else(|| self.preferred_output());
        let keeping =
            self.desks.as_ref().map(|desks| Keeping { key, keeper: desks.runs.clone(), least: desks.keep_every });
        let begun = keeping.as_ref().and_then(|keeping| keeping.keeper.of(key));
        let local_files = self.local_files.clone();
        let job = Job { local_files, keeping, begun, ..Job::new(next.work.clone(), output) };
        let (id, cancel) = (job.id, job.cancel.clone());
        if self.worker.send(Command::Generate(Box::new(job))) {
            self.queue.started(id, cancel);
            self.tell(SessionEvent::Started { id, work: next.work });
        }
    }

    /// What the preferences have work give.
    fn preferred_output(&self) -> Output {
        let settings = &self.settings;
        let destination = Destination::Named(settings.output_folder.clone(), settings.name_pattern.clone());
        let every = NonZeroUsize::new(settings.preview_every);
        let previews = every.map_or(Previews::Off, |every| Previews::Newest { every });
        Output { previews, ..destination.into() }
    }

    fn look_back(&mut self) {
        if let Some((id, step)) = self.wants_step
            && self.worker.send(Command::LookBack { id, step })
        {
            self.wants_step = None;
        }
    }

    /// Has the worker load a model. Returns false if it has no time.
    fn load(&mut self, model: ModelRef) -> bool {
        let cancel = CancelToken::new();
        let is_sent = self.worker.send(Command::Load { model: model.clone(), cancel: cancel.clone() });
        if is_sent {
            self.model.begin_loading(model, cancel);
        }
        is_sent
    }

    /// Takes in what the worker tells, and passes it on.
    pub(super) fn hear_worker(&mut self, event: worker::Event) {
        match &event {
            worker::Event::ModelLoading { component, number, of, fraction, .. } => {
                if let ModelState::Loading(loading) = &mut self.model {
                    (loading.component, loading.number, loading.fraction) =
                        (component.clone(), (*number, *of), *fraction);
                }
            }
            worker::Event::ModelLoaded { model, info } => self.loaded(model, info),
            worker::Event::ModelLetGo { model } => {
                self.model.let_go();
                self.wants_step = None;
                let name = model.label();
                self.notice(format!("{name} was unloaded: the memory doesn't hold both models"));
            }
            worker::Event::ModelFailed { model, error, left } => self.failed(model, error, left.as_ref()),
            worker::Event::ModelCancelled { model, left } => {
                self.model.back_to(left.as_ref());
                self.go_back(model, left.as_ref());
                // What was to be drawn with it waits until someone says so, unless another model was asked for instead.
                self.queue.paused |= !self.queue.is_empty() && !self.wants_model;
                self.notice(format!("Loading stopped: {model}"));
            }
            worker::Event::ModelUnloaded => {
                self.model = ModelState::None;
                self.wants_step = None;
                self.notice("The model's memory is free".to_owned());
            }
            worker::Event::JobPhase { id, picture, phase, tuning } => {
                self.queue.reached(*id, *picture);
                if let Some(running) = self.queue.running_mut(*id) {
                    if *phase == Phase::Encoding {
                        running.step = 0;
                    }
                    running.phase = Some((*phase, *tuning, Instant::now()));
                }
            }
            worker::Event::JobStep { id, picture, step, steps, step_secs, preview_share } => {
                self.queue.reached(*id, *picture);
                if let Some(running) = self.queue.running_mut(*id) {
                    (running.step, running.steps, running.preview_share) = (*step, *steps, *preview_share);
                    if let Some(variant) = running.variants.get_mut(*picture) {
                        *variant = (*step, *steps);
                    }
                    running.took(*step_secs);
                }
            }
            worker::Event::LookedBack { error: Some(error), .. } => self.tell(SessionEvent::Failed(error.clone())),
            worker::Event::PictureSaved { id, picture, .. } => self.queue.finished(*id, *picture),
            worker::Event::JobNote { note, .. } => self.tell(SessionEvent::Failed(note.clone())),
            // What comes after it could be written nowhere either.
            worker::Event::PictureUnsaved { .. } => self.queue.paused = true,
            worker::Event::JobEnded { id, outcome } => self.ended(*id, outcome),
            worker::Event::StartedOver { why, .. } => {
                self.notice(format!("The picture is drawn from the start. {why}"));
            }
            worker::Event::JobStarted { .. }
            | worker::Event::StepsKept { .. }
            | worker::Event::LookedBack { error: None, .. } => {}
        }
        self.tell(SessionEvent::Worker(event));
    }

    fn loaded(&mut self, model: &ModelRef, info: &ModelInfo) {
        self.settings.remember_model(model);
        for note in &info.notes {
            self.notice(format!("{}: {note}", model.label()));
        }
        self.model = ModelState::Ready { model: model.clone(), info: Box::new(info.clone()) };
    }

    fn failed(&mut self, model: &ModelRef, error: &Error, left: Option<&Left>) {
        // The rest of the queue may need another model.
        self.queue.fail_all_of(model);
        self.tell(SessionEvent::Failed(error.clone()));
        let is_back = self.model.back_to(left);
        if !self.go_back(model, left) && !is_back {
            self.model = ModelState::Failed { model: model.clone(), error: error.clone() };
        }
    }

    /// Goes back, from a model that came to nothing, to the one in use. Returns whether there is one.
    fn go_back(&mut self, came_to_nothing: &ModelRef, left: Option<&Left>) -> bool {
        let Some(left) = left.filter(|left| left.model != *came_to_nothing) else { return false };
        if self.settings.model == *came_to_nothing {
            self.settings.model = left.model.clone();
        }
        true
    }

    fn ended(&mut self, id: JobId, outcome: &JobEnd) {
        let ended = self.queue.ended(id);
        match outcome {
            JobEnd::Finished(_) => {}
            JobEnd::Cancelled => {
                self.notice("Stopped".to_owned());
                if let Some(stopped) = ended {
                    self.queue.go_on_after(&stopped);
                }
            }
            JobEnd::Failed(error) => {
                self.tell(SessionEvent::Failed(error.clone()));
                if let Some(running) = ended {
                    self.keep_what_is_done(&running, error);
                    self.queue.push_failed(&running);
                }
            }
        }
    }

    /// After a failure: sees to how its picture is gone on with, if it is tried again.
    fn keep_what_is_done(&self, running: &Running, error: &Error) {
        let Some(keeper) = self.desks.as_ref().map(|desks| &desks.runs) else { return };
        let Some(run) = keeper.of(running.key) else { return };
        if Overflow::of(error).is_some() {
            // From the same numbers it would overflow again.
            keeper.forget(running.key);
        } else if run.resumption.state.is_denoised() && matches!(running.phase, Some((Phase::Decoding, ..))) {
            keeper.keep(run.after_failed_decode());
        }
    }

    pub(super) fn notice(&mut self, text: String) {
        self.tell(SessionEvent::Notice(text));
    }
}
