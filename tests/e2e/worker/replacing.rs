//! One model in place of another: the one in use stays until the new one stands, or comes back if it had to make room.

use std::fs;
use std::path::Path;

use burnisher::base::cancel::CancelToken;
use burnisher::base::device::Memory;
use burnisher::base::error::Error;
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Prompts, Request, Sampling, Seeds, Size};
use burnisher::storage::gallery::Destination;
use burnisher::worker::{self, Command, Event, Job, JobEnd, Left, Loading, OnLoading, Room, WorkerHandle, spawn};
use image::RgbImage;

use super::bundled::CPU;
use super::puppet::{DRAW, Puppet, command, job, next, outcome, send, until_ended};
use crate::checkpoints::{self, Checkpoint, Storage};

/// A model that no puppet can be opened as.
const BROKEN: &str = "/models/broken";
/// One whose opening goes on until it is stopped.
const ENDLESS: &str = "/models/endless";
/// One whose opening panics.
const PANICS: &str = "/models/panics";

/// A worker whose models are puppets that hold four bytes each. Every model asks for `needed` bytes of twelve.
fn puppets(needed: u64) -> WorkerHandle {
    let open = move |model: &ModelRef, on_loading: &mut OnLoading<'_>| {
        let room = Room { needed, memory: Memory::Limited(12) };
        on_loading(Loading { room: Some(room), ..Loading::default() })?;
        match model.to_string().as_str() {
            BROKEN => Err(Error::new("the weights are damaged").into()),
            PANICS => panic!("out of memory"),
            ENDLESS => loop {
                on_loading(Loading { component: "unet", fraction: 0.5, ..Loading::default() })?;
                std::thread::yield_now();
            },
            _ => Ok(Puppet::default()),
        }
    };
    spawn(open).expect("a thread")
}

fn ask(worker: &mut WorkerHandle, model: &str) -> CancelToken {
    let cancel = CancelToken::new();
    let Ok(model) = model.parse();
    command(worker, Command::Load { model, cancel: cancel.clone() });
    cancel
}

/// What is told up to and with the end of a load.
fn until_settled(worker: &mut WorkerHandle) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        events.push(next(worker));
        if let Some(Event::ModelLoaded { .. } | Event::ModelFailed { .. } | Event::ModelCancelled { .. }) =
            events.last()
        {
            return events;
        }
    }
}

fn load(worker: &mut WorkerHandle, model: &str) -> Vec<Event> {
    ask(worker, model);
    until_settled(worker)
}

fn bundled(is_loaded: bool) -> Left {
    Left { model: ModelRef::Bundled, is_loaded }
}

/// Whether a job is drawn without a model being opened for it.
fn draws_at_once(worker: &mut WorkerHandle) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    send(worker, job(DRAW, folder.path()));
    let events = until_ended(worker);
    let outcome = events.last().expect("an end");
    assert!(matches!(outcome, Event::JobEnded { outcome: JobEnd::Finished(_), .. }), "{outcome:?}");
    !events.iter().any(|event| matches!(event, Event::ModelLoading { .. } | Event::ModelLoaded { .. }))
}

#[test]
fn the_model_in_use_outlives_loads_that_come_to_nothing() {
    let mut worker = puppets(8);
    load(&mut worker, "bundled");
    let events = load(&mut worker, BROKEN);
    assert!(
        matches!(events.last(), Some(Event::ModelFailed { model, left, .. }) if model.to_string() == BROKEN && left.as_ref() == Some(&bundled(true)))
    );
    assert!(draws_at_once(&mut worker));
    let events = load(&mut worker, PANICS);
    assert!(
        matches!(events.last(), Some(Event::ModelFailed { left, .. }) if left.as_ref() == Some(&bundled(true))),
        "{events:?}"
    );
    assert!(draws_at_once(&mut worker));
    let cancel = ask(&mut worker, ENDLESS);
    while !matches!(next(&mut worker), Event::ModelLoading { component: Some(_), .. }) {}
    cancel.cancel();
    let events = until_settled(&mut worker);
    assert!(
        matches!(events.last(), Some(Event::ModelCancelled { left, .. }) if left.as_ref() == Some(&bundled(true))),
        "{events:?}"
    );
    assert!(draws_at_once(&mut worker));
}

#[test]
fn where_both_do_not_fit_the_one_in_use_makes_room_and_comes_back_for_the_next_job() {
    let mut worker = puppets(9);
    load(&mut worker, "bundled");
    let events = load(&mut worker, BROKEN);
    let let_go =
        events.iter().filter(|event| matches!(event, Event::ModelLetGo { model } if *model == ModelRef::Bundled));
    assert_eq!(let_go.count(), 1, "{events:?}");
    assert!(
        matches!(events.last(), Some(Event::ModelFailed { left, .. }) if left.as_ref() == Some(&bundled(false))),
        "{events:?}"
    );
    assert!(!draws_at_once(&mut worker), "it is opened again");
    assert!(draws_at_once(&mut worker), "and stays");
    let events = load(&mut worker, "/models/other");
    assert!(
        matches!(events.last(), Some(Event::ModelLoaded { model, .. }) if model.to_string() == "/models/other"),
        "{events:?}"
    );
}

#[test]
fn a_first_load_that_fails_leaves_nothing() {
    let mut worker = puppets(8);
    let events = load(&mut worker, BROKEN);
    assert!(matches!(events.last(), Some(Event::ModelFailed { left: None, .. })), "{events:?}");
    let folder = tempfile::tempdir().expect("a folder");
    send(&mut worker, job(DRAW, folder.path()));
    assert!(matches!(outcome(&mut worker), JobEnd::Failed(error) if error.to_string() == "no model is loaded"));
}

/// A picture of the model that is loaded.
fn draw(worker: &mut WorkerHandle, folder: &Path) -> RgbImage {
    let (width, height) = (64, 64);
    let request = Request {
        prompts: Prompts::new("a fox"),
        sampling: Sampling { steps: 2, ..Sampling::default() },
        seeds: Seeds::one(3),
        size: Size::new(width, height),
        ..Request::default()
    };
    send(worker, Box::new(Job::new(request, Destination::Folder(folder.to_owned()))));
    let JobEnd::Finished(entries) = outcome(worker) else { panic!("it is drawn") };
    image::open(&entries[0].path).expect("a PNG").into_rgb8()
}

#[test]
fn a_real_model_draws_on_after_others_could_not_be_opened() {
    let sound = checkpoints::folder(Checkpoint::TinySd15, Storage::Whole);
    let damaged = tempfile::tempdir().expect("a folder");
    for part in ["", "unet", "vae", "text_encoder", "tokenizer", "scheduler"] {
        fs::create_dir_all(damaged.path().join(part)).expect("a folder");
        for entry in fs::read_dir(sound.join(part)).expect("a folder").flatten().filter(|entry| entry.path().is_file())
        {
            fs::copy(entry.path(), damaged.path().join(part).join(entry.file_name())).expect("a copy");
        }
    }
    // The last number of the last component to be read is none: everything else is loaded by then.
    let weights = damaged.path().join("vae/diffusion_pytorch_model.safetensors");
    let mut bytes = fs::read(&weights).expect("a file");
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&weights, bytes).expect("a file");

    let folder = tempfile::tempdir().expect("a folder");
    let open = |model: &ModelRef, on_loading: &mut OnLoading<'_>| worker::open(model, CPU, on_loading);
    let mut worker = spawn(open).expect("a thread");
    load(&mut worker, &sound.to_string_lossy());
    let before = draw(&mut worker, folder.path());
    for broken in [damaged.path(), Path::new("/no/such/model")] {
        let events = load(&mut worker, &broken.to_string_lossy());
        let left = Some(Left { model: ModelRef::Folder(sound.clone()), is_loaded: true });
        assert!(matches!(events.last(), Some(Event::ModelFailed { left: told, .. }) if *told == left), "{events:?}");
        assert_eq!(draw(&mut worker, folder.path()), before);
    }
    // Stopped while it is read.
    let cancel = ask(&mut worker, &checkpoints::folder(Checkpoint::TinySd21V, Storage::Whole).to_string_lossy());
    while !matches!(next(&mut worker), Event::ModelLoading { component: Some(_), .. }) {}
    cancel.cancel();
    let events = until_settled(&mut worker);
    assert!(matches!(events.last(), Some(Event::ModelCancelled { .. })), "{events:?}");
    assert_eq!(draw(&mut worker, folder.path()), before);
}
