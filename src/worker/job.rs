//! One job, from request to files.
//!
//! Pictures are drawn one after the other, so that each is saved as soon as it can be and memory doesn't grow with
//! their number; only a traced job draws them as one batch.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::error::Result;
use crate::gallery::{self, Destination, Entry};
use crate::imaging::png_text;
use crate::pipelines::{Run, Trace};
use crate::request::{Recipe, Request};
use crate::worker::engine::{Engine, Hooks, StepDone};
use crate::worker::latest::Latest;
use crate::worker::outbox::Outbox;
use crate::worker::protocol::{Event, Job, Outcome, Phase, Preview, Previews};

/// A job on its way.
pub(super) struct Working<'a> {
    pub(super) job: &'a Job,
    /// The model, as the user named it: recipes keep it.
    pub(super) model: &'a str,
    pub(super) outbox: &'a Outbox,
    pub(super) slot: &'a Latest<Preview>,
}

impl Working<'_> {
    /// Draws and saves every picture of the job.
    pub(super) fn run(&self, engine: &mut impl Engine) -> Result<Outcome> {
        // The recipe names the sampler that drew the picture, also where the checkpoint chose it.
        let scheduler = self.job.request.scheduler.or(engine.info().scheduler);
        let request = Request { scheduler, ..self.job.request.clone() };
        self.outbox.tell(Event::JobStarted { id: self.job.id, request: request.clone() });
        let entries = if let Some(path) = &self.job.trace {
            let mut trace = Trace::default();
            let Some(entries) = self.draw(engine, &request, 0, Some(&mut trace))? else {
                return Ok(Outcome::Cancelled);
            };
            gallery::write_whole(path, &trace.to_safetensors()?)?;
            entries
        } else {
            let mut entries = Vec::new();
            for picture in 0..request.count {
                let Some(drawn) = self.draw(engine, &request.picture(picture), picture, None)? else {
                    return Ok(Outcome::Cancelled);
                };
                entries.extend(drawn);
            }
            entries
        };
        Ok(Outcome::Finished(entries))
    }

    /// Draws one batch and saves its pictures, the first of which is picture `first` of the job. `None`: cancelled.
    fn draw(
        &self,
        engine: &mut impl Engine,
        request: &Request,
        first: usize,
        trace: Option<&mut Trace>,
    ) -> Result<Option<Vec<Entry>>> {
        let mut last_preview = Instant::now();
        let mut failure = None;
        let run = engine.run(
            request,
            Hooks {
                on_phase: &mut |phase| self.tell_phase(first, phase),
                on_step: &mut |mut step| {
                    self.tell_step(first, &step);
                    failure = self.show(request.seed, &mut step, &mut last_preview).err();
                    if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
                cancel: &self.job.cancel,
                trace,
            },
        )?;
        if let Some(error) = failure {
            return Err(error);
        }
        let Run::Done(pictures) = run else {
            return Ok(None);
        };
        self.tell_phase(first, Phase::Saving);
        let mut entries = Vec::new();
        for (k, picture) in pictures.iter().enumerate() {
            let recipe = Recipe::of_picture(request, k, self.model);
            let entry = gallery::save(picture, first + k, recipe, &self.job.destination)?;
            self.outbox.tell(Event::PictureSaved { id: self.job.id, entry: entry.clone() });
            entries.push(entry);
        }
        Ok(Some(entries))
    }

    /// Shows what the picture looks like after a step, if the job asks for it and it is time.
    fn show(&self, seed: u64, step: &mut StepDone<'_>, last_preview: &mut Instant) -> Result<()> {
        let done = step.index + 1;
        match &self.job.previews {
            Previews::Newest { interval } if self.slot.is_empty() && last_preview.elapsed() >= *interval => {
                self.slot.put(Preview { id: self.job.id, step: done, image: (step.preview)()? });
                *last_preview = Instant::now();
            }
            Previews::Files { every, folder } if done.is_multiple_of(every.get()) => {
                let file = png_text::encode(&(step.preview)()?, &[])?;
                gallery::make_folder(folder)?;
                gallery::write_whole(&folder.join(format!("{seed}-{done:04}.png")), &file)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn tell_phase(&self, picture: usize, phase: Phase) {
        self.outbox.tell(Event::JobPhase { id: self.job.id, picture, phase });
    }

    fn tell_step(&self, picture: usize, step: &StepDone<'_>) {
        let event = Event::JobStep { id: self.job.id, picture, step: step.index + 1, steps: step.of };
        self.outbox.tell_if_room(event);
    }
}

impl Job {
    /// Finds out what can be found out before any work is spent: whether the request makes sense, and whether its
    /// results could be written.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<()> {
        self.request.validate()?;
        self.destination.check()?;
        if let Previews::Files { folder, .. } = &self.previews {
            Destination::Folder(folder.clone()).check()?;
        }
        self.trace.as_ref().map_or(Ok(()), |path| Destination::File(path.clone()).check())
    }
}
