//! `--json`: one event a line, each an object with its name under `event`.

use serde_json::{Value, json};

use crate::base::path_text;
use crate::worker::{Event, JobEnd};

/// Returns the line for an event; `None` for events that aren't printed.
pub(super) fn of_event(event: &Event) -> Option<Value> {
    Some(match event {
        Event::ModelLoading { component: Some(_), .. }
        | Event::ModelUnloaded
        | Event::ModelLetGo { .. }
        | Event::StartedOver { .. }
        | Event::StepsKept { .. }
        | Event::PictureUnsaved { .. }
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
            json!({ "event": "job-started", "job": id.number(), "request": with_paths(json!(request)) })
        }
        Event::JobPhase { id, picture, phase, .. } => {
            json!({ "event": "job-phase", "job": id.number(), "picture": picture, "phase": phase.name() })
        }
        Event::JobStep { id, picture, step, steps, .. } => {
            json!({ "event": "job-step", "job": id.number(), "picture": picture, "step": step, "steps": steps })
        }
        Event::PictureSaved { id, entry, .. } => json!({
            "event": "picture-saved", "job": id.number(), "path": path_text::shown(&entry.path), "recipe": with_paths(json!(entry.recipe)),
        }),
        Event::JobNote { id, note } => json!({ "event": "job-note", "job": id.number(), "note": note.to_string() }),
        Event::JobEnded { id, outcome } => {
            let id = id.number();
            match outcome {
                JobEnd::Finished(entries) => json!({
                    "event": "job-ended", "job": id, "outcome": "finished",
                    "paths": entries.iter().map(|entry| path_text::shown(&entry.path)).collect::<Vec<_>>(),
                }),
                JobEnd::Cancelled => json!({ "event": "job-ended", "job": id, "outcome": "cancelled" }),
                JobEnd::Failed(error) => {
                    json!({ "event": "job-ended", "job": id, "outcome": "failed", "error": error.to_string() })
                }
            }
        }
    })
}

/// Brings a request or a recipe into the form that scripts rely on: pictures are paths, since events stay on this machine, and the
/// version of the form in files is left out.
fn with_paths(mut value: Value) -> Value {
    if let Some(parts) = value.as_object_mut().filter(|parts| parts.contains_key("task")) {
        parts.shift_remove("version");
    }
    if let Some(path) = path_text::shown_native(&value) {
        return path.into();
    }
    match &mut value {
        Value::Object(parts) if parts.contains_key("hash") && parts.contains_key("path") => {
            return with_paths(parts.shift_remove("path").unwrap_or_default());
        }
        Value::Object(parts) => parts.values_mut().for_each(|part| *part = with_paths(part.take())),
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_named_by_their_paths() {
        let task = json!({ "name": "image-to-image", "image": { "hash": "ab12", "path": "/a.png" }, "strength": 0.5 });
        let request = json!({ "task": task, "branch": { "from": { "task": task }, "step": 1 } });
        let plain = json!({ "name": "image-to-image", "image": "/a.png", "strength": 0.5 });
        let native = json!({ "hash": "ab12", "path": { "Unix": [47, 233] } });
        if cfg!(unix) {
            assert_eq!(with_paths(native), json!("/\u{fffd}"), "as well as it can be shown");
        }
        assert_eq!(with_paths(request), json!({ "task": plain, "branch": { "from": { "task": plain }, "step": 1 } }));
    }
}
