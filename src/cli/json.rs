//! `--json`: one event a line, each an object with its name under `event`.

use serde_json::{Value, json};

use crate::storage::gallery::Entry;
use crate::worker::{Event, JobEnd};

/// The line for an event; `None` for those that have none.
pub(super) fn of_event(event: &Event) -> Option<Value> {
    Some(match event {
        Event::ModelLoading { component: Some(_), .. }
        | Event::ModelUnloaded
        | Event::ModelLetGo { .. }
        | Event::StepsKept { .. }
        | Event::LookedBack { .. } => return None,
        Event::ModelLoading { model, .. } => json!({ "event": "model-loading", "model": model.to_string() }),
        Event::ModelLoaded { model, info } => json!({
            "event": "model-loaded", "model": model.to_string(), "class": info.class_name, "tasks": info.tasks, "scheduler": info.scheduler,
            "device": info.device, "dtype": info.dtype,
        }),
        Event::ModelFailed { model, error, .. } => {
            json!({ "event": "model-failed", "model": model.to_string(), "error": error.to_string() })
        }
        Event::ModelCancelled { model, .. } => json!({ "event": "model-cancelled", "model": model.to_string() }),
        Event::JobStarted { id, request } => {
            json!({ "event": "job-started", "job": id.number(), "request": request })
        }
        Event::JobPhase { id, picture, phase, .. } => {
            json!({ "event": "job-phase", "job": id.number(), "picture": picture, "phase": phase.name() })
        }
        Event::JobStep { id, picture, step, steps, .. } => {
            json!({ "event": "job-step", "job": id.number(), "picture": picture, "step": step, "steps": steps })
        }
        Event::PictureSaved { id, entry, .. } => json!({
            "event": "picture-saved", "job": id.number(), "path": path(entry), "recipe": entry.recipe,
        }),
        Event::JobEnded { id, outcome } => {
            let id = id.number();
            match outcome {
                JobEnd::Finished(entries) => json!({
                    "event": "job-ended", "job": id, "outcome": "finished",
                    "paths": entries.iter().map(path).collect::<Vec<_>>(),
                }),
                JobEnd::Cancelled => json!({ "event": "job-ended", "job": id, "outcome": "cancelled" }),
                JobEnd::Failed(error) => {
                    json!({ "event": "job-ended", "job": id, "outcome": "failed", "error": error.to_string() })
                }
            }
        }
    })
}

/// A path that isn't Unicode is shown as well as it can be.
fn path(entry: &Entry) -> String {
    entry.path.display().to_string()
}
