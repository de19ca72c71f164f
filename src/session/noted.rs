//! What the log says of a session: what happened, and never what was asked for in words or where pictures lie.

use crate::session::event::SessionEvent;
use crate::worker::{Event, JobEnd};

/// Notes an event in the log. What failed is logged where it is shown.
pub(super) fn note(event: &SessionEvent) {
    match event {
        SessionEvent::Worker(event) => note_worker(event),
        SessionEvent::Downloaded(id) => log::info!("{id} is downloaded"),
        SessionEvent::Started { .. }
        | SessionEvent::Gallery(_)
        | SessionEvent::Hub(_)
        | SessionEvent::Library(_)
        | SessionEvent::Notice(_)
        | SessionEvent::Failed(_) => {}
    }
}

fn note_worker(event: &Event) {
    match event {
        Event::ModelLoading { model, component: None, .. } => log::info!("{model} is being loaded"),
        Event::ModelLoading { component: Some(component), fraction, .. } => {
            log::debug!("{component} is being read, {:.0} % of the model", 100.0 * fraction);
        }
        Event::ModelLoaded { info, .. } => {
            let megabytes = info.weight_bytes / 1_000_000;
            log::info!("{} is loaded: {megabytes} MB in {} on {}", info.class_name, info.dtype, info.device);
        }
        Event::ModelLetGo { model } => log::info!("{model} is let go to make room"),
        Event::ModelFailed { model, .. } => log::warn!("{model} can't be loaded"),
        Event::ModelCancelled { model, .. } => log::info!("the loading of {model} is stopped"),
        Event::ModelUnloaded => log::info!("the model is unloaded"),
        Event::JobStarted { id, request } => {
            let (size, sampling) = (request.size, &request.sampling);
            let sampler = sampling.scheduler.map_or("its own sampler", |kind| kind.name());
            log::info!(
                "job {} begins: {}, {} x {}, {} steps of {sampler}, {} pictures",
                id.number(),
                request.start.task.kind().name(),
                size.width,
                size.height,
                sampling.steps,
                request.seeds.count
            );
        }
        Event::JobPhase { id, picture, phase, tuning } => {
            let tuning = if *tuning { ", and the GPU is tuned" } else { "" };
            log::debug!("job {}, picture {}: {}{tuning}", id.number(), picture + 1, phase.name());
        }
        Event::JobStep { id, step, steps, step_secs, .. } => {
            log::trace!("job {}: step {step} of {steps} took {step_secs:.2} s", id.number());
        }
        Event::PictureSaved { id, picture, .. } => log::info!("job {}: picture {} is saved", id.number(), picture + 1),
        Event::JobNote { id, note } => log::warn!("job {}: {}", id.number(), note.headline()),
        Event::PictureUnsaved { id, picture, .. } => {
            log::error!("job {}: picture {} is in memory alone", id.number(), picture + 1);
        }
        Event::JobEnded { id, outcome } => match outcome {
            JobEnd::Finished(pictures) => log::info!("job {} is done: {} pictures", id.number(), pictures.len()),
            JobEnd::Cancelled => log::info!("job {} is stopped", id.number()),
            JobEnd::Failed(_) => log::warn!("job {} failed", id.number()),
        },
        Event::StartedOver { id, .. } => {
            log::warn!("job {} can't go on with its picture and starts it over", id.number());
        }
        Event::StepsKept { .. } | Event::LookedBack { .. } => {}
    }
}
