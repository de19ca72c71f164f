//! An engine that misbehaves on command, and what drives a worker that has it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use burnisher::base::cancel::CancelToken;
use burnisher::base::error::Error;
use burnisher::base::model_ref::ModelRef;
use burnisher::base::stop::{Outcome, Stop};
use burnisher::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size, TaskKind, Valid};
use burnisher::pipelines::Drawn;
use burnisher::schedulers::{SchedulerConfig, SchedulerKind};
use burnisher::storage::gallery::Destination;
use burnisher::worker::{
    Busy, Command, Engine, Event, Hooks, Job, JobEnd, ModelInfo, Phase, Step, TokenCount, TokenCounter, Work,
    WorkerHandle, spawn,
};
use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// Does what the prompt of a request says.
#[derive(Clone, Default)]
pub(super) struct Puppet {
    /// Steps that it made.
    pub(super) steps: Arc<AtomicUsize>,
    /// Previews that it made.
    pub(super) previews: Arc<AtomicUsize>,
    pub(super) on_gpu: bool,
    /// Whether its runs are cancelled while a preview is made.
    pub(super) cancels_previews: bool,
    pub(super) is_lost: bool,
}

/// Prompts, and what the puppet does on them.
pub(super) const DRAW: &str = "draw";
pub(super) const PANIC: &str = "panic";
pub(super) const FAIL: &str = "fail";
/// Fails, and for good.
pub(super) const LOSE: &str = "lose";
/// Makes steps until it is cancelled.
pub(super) const WAIT: &str = "wait";

impl Engine for Puppet {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            class_name: "Puppet".into(),
            tasks: vec![TaskKind::TextToImage],
            scheduler: Some(SchedulerKind::from_name("ddim").expect("a sampler")),
            scheduler_config: SchedulerConfig::new(),
            width: 8,
            height: 8,
            steps: 3,
            guidance_scale: 1.0,
            device: "nowhere".into(),
            dtype: "f32".into(),
            kernels: String::new(),
            on_gpu: self.on_gpu,
            parameters: 1,
            weight_bytes: 4,
            size_multiple: 8,
            sizes: vec![(8, 8)],
            refused: Vec::new(),
            token_counter: Some(TokenCounter::new(|prompt| TokenCount {
                tokens: prompt.len(),
                limit: 75,
                cut_at: None,
            })),
            footprint: None,
            notes: Vec::new(),
        }
    }

    fn run(&mut self, request: &Valid<Request>, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        assert!(!self.is_lost, "a lost device was used again");
        (hooks.on_phase)(Phase::Denoising);
        let steps = match &*request.prompts.prompt {
            PANIC => panic!("the device was lost"),
            LOSE => {
                self.is_lost = true;
                return Err(Error::new("the device failed during a step").into());
            }
            FAIL => return Err(Error::new("the request doesn't fit").into()),
            WAIT => usize::MAX,
            _ => request.sampling.steps,
        };
        for index in 0..steps {
            hooks.cancel.check()?;
            let mut decode = || {
                self.previews.fetch_add(1, Ordering::Relaxed);
                if self.cancels_previews {
                    hooks.cancel.cancel();
                    return Err(Stop::Cancelled);
                }
                Ok(picture(index as u64))
            };
            let done = Step { variant: 0, index, of: steps, decode: &mut decode, sketch: None, state: None };
            (hooks.on_step)(done)?;
            self.steps.fetch_add(1, Ordering::Relaxed);
        }
        Ok((0..request.seeds.count).map(|k| picture(request.seed_of(k)).into()).collect())
    }

    fn held_bytes(&self) -> u64 {
        4
    }

    fn is_sound(&self) -> bool {
        !self.is_lost
    }
}

pub(super) fn picture(seed: u64) -> RgbImage {
    RgbImage::from_pixel(8, 8, Rgb([seed as u8, 0, 0]))
}

/// A worker with the puppet loaded, and the folder for its pictures.
pub(super) fn puppet() -> (WorkerHandle, TempDir) {
    with(&Puppet::default())
}

/// A worker with this puppet loaded, and the folder for its pictures.
pub(super) fn with(puppet: &Puppet) -> (WorkerHandle, TempDir) {
    let puppet = puppet.clone();
    let mut worker = spawn(move |_, _| Ok(puppet.clone())).expect("a thread");
    load(&mut worker);
    assert!(matches!(next(&mut worker), Event::ModelLoading { .. }));
    assert!(matches!(next(&mut worker), Event::ModelLoaded { .. }));
    (worker, tempfile::tempdir().expect("a folder"))
}

/// The request of a job for pictures.
pub(super) fn request_of(job: &mut Job) -> &mut Request {
    match &mut job.work {
        Work::Pictures(request) => request,
        Work::Compare(_) => panic!("a job for pictures"),
    }
}

pub(super) fn job(prompt: &str, folder: &Path) -> Box<Job> {
    let request = Request {
        prompts: Prompts::new(prompt),
        sampling: Sampling { steps: 3, ..Sampling::default() },
        guidance: Guidance { scale: 1.0, ..Guidance::default() },
        seeds: Seeds::one(7),
        size: Size::new(8, 8),
        ..Request::default()
    };
    Box::new(Job::new(request, Destination::Folder(folder.to_owned())))
}

pub(super) fn next(worker: &mut WorkerHandle) -> Event {
    worker.recv().expect("the worker lives")
}

/// Sends a job once the worker has taken up the command before it.
pub(super) fn send(worker: &mut WorkerHandle, job: Box<Job>) {
    command(worker, Command::Generate(job));
}

/// Asks for the bundled model.
pub(super) fn load(worker: &mut WorkerHandle) {
    command(worker, Command::Load { model: ModelRef::Bundled, cancel: CancelToken::new() });
}

/// Sends a command once the worker has taken up the one before it.
pub(super) fn command(worker: &mut WorkerHandle, mut command: Command) {
    while let Err(Busy(back)) = worker.try_send(command) {
        command = back;
        thread::yield_now();
    }
}

/// What is told up to and with the end of a job.
pub(super) fn until_ended(worker: &mut WorkerHandle) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        events.push(next(worker));
        if let Some(Event::JobEnded { .. }) = events.last() {
            return events;
        }
    }
}

/// How the next job ends.
pub(super) fn outcome(worker: &mut WorkerHandle) -> JobEnd {
    match until_ended(worker).pop() {
        Some(Event::JobEnded { outcome, .. }) => outcome,
        other => panic!("no end: {other:?}"),
    }
}

pub(super) fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
