//! What the worker promises, held against an engine that misbehaves on command.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use burnisher::checkpoint::ModelRef;
use burnisher::error::{Error, Result};
use burnisher::gallery::{self, Destination};
use burnisher::pipelines::Run;
use burnisher::request::{Request, Task};
use burnisher::schedulers::SchedulerKind;
use burnisher::worker::{
    Busy, Command, Engine, Event, Hooks, Job, ModelInfo, Outcome, Phase, Previews, StepDone, WorkerHandle, spawn,
};
use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// Does what the prompt of a request says, and counts the steps that it made.
#[derive(Default)]
struct Puppet(Arc<AtomicUsize>);

/// Prompts, and what the puppet does on them.
const DRAW: &str = "draw";
const PANIC: &str = "panic";
const FAIL: &str = "fail";
/// Makes steps until it is cancelled.
const WAIT: &str = "wait";

impl Engine for Puppet {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            class_name: "Puppet".into(),
            scheduler: Some(SchedulerKind::from_name("ddim").expect("a sampler")),
            width: 8,
            height: 8,
            steps: 3,
            guidance_scale: 1.0,
            device: "nowhere".into(),
            dtype: "f32".into(),
        }
    }

    fn run(&mut self, request: &Request, hooks: Hooks<'_>) -> Result<Run> {
        (hooks.on_phase)(Phase::Denoising);
        let steps = match &*request.prompt {
            PANIC => panic!("the device was lost"),
            FAIL => return Err(Error::new("the request doesn't fit")),
            WAIT => usize::MAX,
            _ => request.steps,
        };
        for index in 0..steps {
            if hooks.cancel.is_cancelled() {
                return Ok(Run::Cancelled);
            }
            let mut preview = || Ok(picture(index as u64));
            if let ControlFlow::Break(()) = (hooks.on_step)(StepDone { index, of: steps, preview: &mut preview }) {
                return Ok(Run::Cancelled);
            }
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Run::Done((0..request.count).map(|k| picture(request.seed_of(k))).collect()))
    }
}

fn picture(seed: u64) -> RgbImage {
    RgbImage::from_pixel(8, 8, Rgb([seed as u8, 0, 0]))
}

/// A worker with the puppet loaded, and the folder for its pictures.
fn puppet() -> (WorkerHandle, TempDir) {
    let mut worker = spawn(|_| Ok(Puppet::default())).expect("a thread");
    worker.try_send(Command::Load(ModelRef::Bundled)).expect("room for a command");
    assert!(matches!(next(&mut worker), Event::ModelLoading { .. }));
    assert!(matches!(next(&mut worker), Event::ModelLoaded { .. }));
    (worker, tempfile::tempdir().expect("a folder"))
}

fn job(prompt: &str, folder: &Path) -> Box<Job> {
    let request = Request {
        task: Task::TextToImage,
        prompt: prompt.into(),
        negative_prompt: String::new(),
        scheduler: None,
        steps: 3,
        guidance_scale: 1.0,
        guidance_rescale: 0.0,
        seed: 7,
        width: 8,
        height: 8,
        count: 1,
    };
    Box::new(Job::new(request, Destination::Folder(folder.to_owned())))
}

fn next(worker: &mut WorkerHandle) -> Event {
    worker.recv().expect("the worker lives")
}

/// Sends a job once the worker has taken up the command before it.
fn send(worker: &mut WorkerHandle, job: Box<Job>) {
    let mut command = Command::Generate(job);
    while let Err(Busy(back)) = worker.try_send(command) {
        command = back;
        thread::yield_now();
    }
}

/// What is told up to and with the end of a job.
fn until_ended(worker: &mut WorkerHandle) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        events.push(next(worker));
        if let Some(Event::JobEnded { .. }) = events.last() {
            return events;
        }
    }
}

/// How the next job ends.
fn outcome(worker: &mut WorkerHandle) -> Outcome {
    match until_ended(worker).pop() {
        Some(Event::JobEnded { outcome, .. }) => outcome,
        other => panic!("no end: {other:?}"),
    }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_job_tells_its_phases_and_steps_in_order_and_ends_once() {
    let (mut worker, folder) = puppet();
    let sent = job(DRAW, folder.path());
    let id = sent.id;
    send(&mut worker, sent);
    let events = until_ended(&mut worker);
    let told: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::JobStarted { id: of, request } if *of == id => {
                format!("started {:?}", request.scheduler.map(SchedulerKind::name))
            }
            Event::JobPhase { id: of, picture: 0, phase } if *of == id => phase.name().to_owned(),
            Event::JobStep { id: of, picture: 0, step, steps } if *of == id => format!("{step}/{steps}"),
            Event::PictureSaved { id: of, .. } if *of == id => "saved".to_owned(),
            Event::JobEnded { id: of, outcome: Outcome::Finished(_) } if *of == id => "finished".to_owned(),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    let expected = ["started Some(\"ddim\")", "denoising", "1/3", "2/3", "3/3", "saving", "saved", "finished"];
    assert_eq!(told, expected);
    assert!(worker.try_recv().is_none(), "nothing follows the end");
}

#[test]
fn a_panic_ends_its_job_once_and_the_next_job_opens_the_model_again() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    let mut worker = spawn(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(Puppet::default())
    })
    .expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    worker.try_send(Command::Load(ModelRef::Bundled)).expect("room for a command");
    send(&mut worker, job(PANIC, folder.path()));
    match outcome(&mut worker) {
        Outcome::Failed(error) => assert!(error.to_string().contains("the device was lost"), "{error}"),
        other => panic!("a panic is no {other:?}"),
    }
    assert_eq!(files(folder.path()), [""; 0]);

    send(&mut worker, job(DRAW, folder.path()));
    let events = until_ended(&mut worker);
    assert!(
        matches!(events[0], Event::ModelLoading { .. }) && matches!(events[1], Event::ModelLoaded { .. }),
        "{events:?}"
    );
    let ends = events.iter().filter(|event| matches!(event, Event::JobEnded { .. })).count();
    assert_eq!(ends, 1);
    assert!(matches!(events.last(), Some(Event::JobEnded { outcome: Outcome::Finished(_), .. })));
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[test]
fn a_failed_job_leaves_the_model_loaded() {
    let (mut worker, folder) = puppet();
    send(&mut worker, job(FAIL, folder.path()));
    assert!(matches!(outcome(&mut worker), Outcome::Failed(error) if error.to_string() == "the request doesn't fit"));
    send(&mut worker, job(DRAW, folder.path()));
    let events = until_ended(&mut worker);
    assert!(matches!(events[0], Event::JobStarted { .. }), "{events:?}");
}

#[test]
fn a_panic_while_loading_is_a_failed_model_and_jobs_fail_until_one_loads() {
    let mut tries = 0;
    let mut worker = spawn(move |_| {
        tries += 1;
        if tries == 1 { panic!("out of memory") } else { Ok(Puppet::default()) }
    })
    .expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    worker.try_send(Command::Load(ModelRef::Bundled)).expect("room for a command");
    assert!(matches!(next(&mut worker), Event::ModelLoading { .. }));
    assert!(
        matches!(next(&mut worker), Event::ModelFailed { error, .. } if error.to_string().contains("out of memory"))
    );
    send(&mut worker, job(DRAW, folder.path()));
    assert!(matches!(outcome(&mut worker), Outcome::Failed(error) if error.to_string() == "no model is loaded"));
    worker.try_send(Command::Load(ModelRef::Bundled)).expect("room for a command");
    send(&mut worker, job(DRAW, folder.path()));
    assert!(matches!(outcome(&mut worker), Outcome::Finished(_)));
}

#[test]
fn a_job_runs_on_and_can_be_cancelled_while_nobody_drains_the_events() {
    let steps = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&steps);
    let mut worker = spawn(move |_| Ok(Puppet(Arc::clone(&counter)))).expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    worker.try_send(Command::Load(ModelRef::Bundled)).expect("room for a command");
    let sent = job(WAIT, folder.path());
    let cancel = sent.cancel.clone();
    send(&mut worker, sent);
    // More steps than any channel holds.
    while steps.load(Ordering::Relaxed) < 100_000 {
        thread::yield_now();
    }
    cancel.cancel();
    let events = until_ended(&mut worker);
    assert!(matches!(events.last(), Some(Event::JobEnded { outcome: Outcome::Cancelled, .. })));
    assert!(events.len() < 1000, "steps were left out");
    assert_eq!(files(folder.path()), [""; 0]);
}

#[test]
fn a_job_cancelled_before_it_begins_draws_nothing() {
    let (mut worker, folder) = puppet();
    let sent = job(DRAW, folder.path());
    sent.cancel.cancel();
    send(&mut worker, sent);
    assert!(matches!(&until_ended(&mut worker)[..], [Event::JobEnded { outcome: Outcome::Cancelled, .. }]));
}

#[test]
fn the_worker_holds_one_command_and_gives_the_next_one_back() {
    let (mut worker, folder) = puppet();
    let first = job(WAIT, folder.path());
    let cancel = first.cancel.clone();
    send(&mut worker, first);
    while !matches!(next(&mut worker), Event::JobStarted { .. }) {}
    send(&mut worker, job(DRAW, folder.path()));
    let third = job(DRAW, folder.path());
    let id = third.id;
    match worker.try_send(Command::Generate(third)) {
        Err(Busy(Command::Generate(job))) => assert_eq!(job.id, id),
        other => panic!("there is no room for a third: {other:?}"),
    }
    cancel.cancel();
    assert!(matches!(outcome(&mut worker), Outcome::Cancelled));
    assert!(matches!(outcome(&mut worker), Outcome::Finished(_)));
}

#[test]
fn a_picture_is_in_its_folder_before_anyone_is_told() {
    let (mut worker, folder) = puppet();
    let mut sent = job(DRAW, folder.path());
    sent.request.count = 3;
    sent.request.seed = u64::MAX;
    send(&mut worker, sent.clone());
    let mut saved = Vec::new();
    let finished = loop {
        match next(&mut worker) {
            Event::PictureSaved { entry, .. } => {
                assert_eq!(gallery::read_recipe(&entry.path).expect("a whole PNG"), Some(entry.recipe.clone()));
                saved.push(entry);
            }
            Event::JobEnded { outcome: Outcome::Finished(entries), .. } => break entries,
            Event::JobEnded { outcome, .. } => panic!("{outcome:?}"),
            _ => {}
        }
    };
    assert_eq!(finished, saved);
    assert_eq!(saved.iter().map(|entry| entry.recipe.request.seed).collect::<Vec<_>>(), [u64::MAX, 0, 1]);
    assert!(saved.iter().all(|entry| entry.recipe.request.count == 1 && entry.recipe.model == "bundled"));
    assert_eq!(files(folder.path()).len(), 3);
}

#[test]
fn dropping_the_handle_cancels_the_running_and_the_waiting_job_and_ends_the_thread() {
    /// Tells when the engine, and so the thread's state, is gone.
    struct Tracked(Puppet, Arc<AtomicUsize>);
    impl Engine for Tracked {
        fn info(&self) -> ModelInfo {
            self.0.info()
        }
        fn run(&mut self, request: &Request, hooks: Hooks<'_>) -> Result<Run> {
            self.0.run(request, hooks)
        }
    }
    impl Drop for Tracked {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    let gone = Arc::new(AtomicUsize::new(0));
    let tracker = Arc::clone(&gone);
    let mut worker = spawn(move |_| Ok(Tracked(Puppet::default(), Arc::clone(&tracker)))).expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    worker.try_send(Command::Load(ModelRef::Bundled)).expect("room for a command");
    send(&mut worker, job(WAIT, folder.path()));
    while !matches!(next(&mut worker), Event::JobStarted { .. }) {}
    send(&mut worker, job(WAIT, folder.path()));
    drop(worker);
    assert_eq!(gone.load(Ordering::Relaxed), 1);
    assert_eq!(files(folder.path()), [""; 0]);
}

#[test]
fn an_engine_that_panics_even_when_it_is_freed_takes_nothing_with_it() {
    struct Broken;
    impl Engine for Broken {
        fn info(&self) -> ModelInfo {
            Puppet::default().info()
        }
        fn run(&mut self, _: &Request, _: Hooks<'_>) -> Result<Run> {
            panic!("the device was lost")
        }
    }
    impl Drop for Broken {
        fn drop(&mut self) {
            panic!("and can't be freed")
        }
    }
    let mut worker = spawn(|_| Ok(Broken)).expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    worker.try_send(Command::Load(ModelRef::Bundled)).expect("room for a command");
    for _ in 0..2 {
        send(&mut worker, job(DRAW, folder.path()));
        assert!(matches!(outcome(&mut worker), Outcome::Failed(_)));
    }
}

#[test]
fn a_preview_is_made_only_when_the_last_one_was_taken_and_the_interval_has_passed() {
    let (mut worker, folder) = puppet();
    let mut sent = job(WAIT, folder.path());
    sent.previews = Previews::Newest { interval: Duration::ZERO };
    let (id, cancel) = (sent.id, sent.cancel.clone());
    send(&mut worker, sent);
    let slot = worker.previews().clone();
    let take = || {
        loop {
            if let Some(preview) = slot.take() {
                return preview;
            }
            thread::yield_now();
        }
    };
    let first = take();
    assert_eq!((first.id, first.image), (id, picture(first.step as u64 - 1)));
    assert!(take().step > first.step);
    cancel.cancel();
    assert!(matches!(outcome(&mut worker), Outcome::Cancelled));
    slot.take();

    let mut sent = job(DRAW, folder.path());
    sent.previews = Previews::Newest { interval: Duration::from_hours(1) };
    send(&mut worker, sent);
    assert!(matches!(outcome(&mut worker), Outcome::Finished(_)));
    assert!(slot.is_empty(), "the hour hasn't passed");

    let mut sent = job(DRAW, folder.path());
    sent.previews = Previews::Newest { interval: Duration::ZERO };
    send(&mut worker, sent);
    assert!(matches!(outcome(&mut worker), Outcome::Finished(_)));
    assert_eq!(slot.take().map(|preview| preview.step), Some(1), "nobody took the first, so no other was made");
}

#[test]
fn preview_files_come_every_so_many_steps_and_a_preview_that_cannot_be_written_fails_the_job() {
    let (mut worker, folder) = puppet();
    let previews = folder.path().join("previews");
    let mut sent = job(DRAW, folder.path());
    sent.request.steps = 5;
    sent.previews = Previews::Files { every: 2.try_into().expect("not 0"), folder: previews.clone() };
    send(&mut worker, sent.clone());
    assert!(matches!(outcome(&mut worker), Outcome::Finished(_)));
    assert_eq!(files(&previews), ["7-0002.png", "7-0004.png"]);
    assert_eq!(image::open(previews.join("7-0004.png")).expect("a PNG").to_rgb8(), picture(3));

    std::fs::remove_dir_all(&previews).expect("gone");
    std::fs::create_dir_all(previews.join("7-0002.png")).expect("a folder in the preview's place");
    send(&mut worker, sent);
    assert!(matches!(outcome(&mut worker), Outcome::Failed(error) if error.to_string().contains("this is a folder")));
}

#[test]
fn a_bad_request_or_destination_fails_before_the_engine_is_asked() {
    let (mut worker, folder) = puppet();
    let mut bad = job(PANIC, folder.path());
    bad.request.steps = 0;
    send(&mut worker, bad);
    assert!(matches!(outcome(&mut worker), Outcome::Failed(error) if error.to_string().contains("steps")));
    send(&mut worker, job(PANIC, &folder.path().join("missing/folder")));
    assert!(matches!(outcome(&mut worker), Outcome::Failed(error) if error.to_string().contains("no such folder")));
}
