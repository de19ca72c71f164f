//! The real engine on the bundled model and the CPU, driven as the window drives it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command as Process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use burnisher::cancel::CancelToken;
use burnisher::checkpoint::ModelRef;
use burnisher::device::{DeviceChoice, DtypeChoice};
use burnisher::gallery::Destination;
use burnisher::request::{Request, Task};
use burnisher::worker::{
    self, Command, Event, Job, ModelInfo, Outcome, Phase, Preview, Previews, TokenCount, WorkerHandle,
};

use super::puppet::{command, next};

/// What a window asks for: sixty times a second.
const FRAME: Duration = Duration::from_millis(16);

/// A worker with the bundled model, for one test at a time: they measure times, and share the processor's threads.
fn bundled() -> (WorkerHandle, ModelInfo, MutexGuard<'static, ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let open = |model: &ModelRef, on_loading: &mut worker::OnLoading<'_>| {
        worker::open(model, DeviceChoice::Cpu, DtypeChoice::F32, None, on_loading)
    };
    let mut worker = worker::spawn(open).expect("a thread");
    let info = load(&mut worker);
    (worker, info, alone)
}

fn load(worker: &mut WorkerHandle) -> ModelInfo {
    command(worker, Command::Load { model: ModelRef::Bundled, cancel: CancelToken::new() });
    loop {
        match next(worker) {
            Event::ModelLoaded { info, .. } => return info,
            Event::ModelFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

fn job(info: &ModelInfo, side: usize, every: usize, folder: &Path) -> Box<Job> {
    let request = Request {
        task: Task::TextToImage,
        prompt: "a red heart in 3d style".into(),
        negative_prompt: String::new(),
        scheduler: None,
        steps: info.steps,
        guidance_scale: info.guidance_scale,
        guidance_rescale: 0.0,
        seed: 1,
        width: side,
        height: side,
        count: 1,
    };
    let mut job = Job::new(request, Destination::Folder(folder.to_owned()));
    job.previews = Previews::Newest { every: NonZeroUsize::new(every).expect("not 0") };
    Box::new(job)
}

/// How a job ends, and the previews that a window would show of it.
fn watch(worker: &mut WorkerHandle) -> (Outcome, Vec<Preview>) {
    let mut seen = Vec::new();
    loop {
        while let Some(event) = worker.try_recv() {
            if let Event::JobEnded { outcome, .. } = event {
                return (outcome, seen);
            }
        }
        seen.extend(worker.previews().take());
        thread::sleep(FRAME);
    }
}

#[test]
fn a_picture_is_seen_coming_whatever_the_steps_between_two_previews() {
    let (mut worker, info, _alone) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    for every in [1, 2, 3, 4] {
        command(&mut worker, Command::Generate(job(&info, 64, every, folder.path())));
        let (outcome, mut seen) = watch(&mut worker);
        let Outcome::Finished(entries) = outcome else { panic!("{outcome:?}") };
        assert!(seen.iter().all(|preview| preview.step.is_multiple_of(every) && preview.steps == 20));
        seen.dedup_by(|a, b| a.image == b.image);
        assert!(seen.len() >= 5, "every {every} steps: {} different previews", seen.len());
        // The last one is close to the finished picture, the first is not.
        let finished = image::open(&entries[0].path).expect("a PNG").to_rgb8();
        let distance = |preview: &Preview| {
            assert_eq!((preview.width, preview.height, preview.image.dimensions()), (64, 64, (64, 64)));
            let apart: u64 = preview.image.iter().zip(finished.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            apart as f64 / finished.len() as f64
        };
        let (first, last) = (distance(&seen[0]), distance(seen.last().expect("five")));
        assert!(last < 10.0 && first > 2.0 * last, "{first} and {last} of 255 away");
    }
}

#[test]
fn a_stopped_job_ends_at_once_also_where_a_step_takes_long() {
    let (mut worker, info, _alone) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    // Large enough for a step to take a second or more.
    let side = 384;
    // In the first step; after it, in the second step or, where there is only one, in the decode.
    for (steps, after_a_step) in [(20, false), (20, true), (1, true)] {
        let mut sent = job(&info, side, 1, folder.path());
        sent.request.steps = steps;
        sent.previews = Previews::Off;
        let cancel = sent.cancel.clone();
        command(&mut worker, Command::Generate(sent));
        loop {
            match next(&mut worker) {
                Event::JobPhase { phase: Phase::Denoising, .. } if !after_a_step => break,
                Event::JobStep { step_secs, .. } => {
                    assert!(step_secs > 0.5, "stopping before a step that takes {step_secs} s is over proves nothing");
                    break;
                }
                _ => {}
            }
        }
        thread::sleep(Duration::from_millis(200));
        cancel.cancel();
        let stopped = Instant::now();
        let (outcome, _) = watch(&mut worker);
        assert!(matches!(outcome, Outcome::Cancelled), "{outcome:?}");
        assert!(stopped.elapsed() < Duration::from_millis(300), "{:?}", stopped.elapsed());
    }
}

#[test]
fn a_model_tells_how_much_it_is_and_which_sizes_suit_it() {
    let (_worker, info, _alone) = bundled();
    assert_eq!((info.width, info.height), (64, 64));
    assert_eq!(info.sizes, [(64, 64), (64, 80), (80, 64), (64, 96), (96, 64)]);
    assert!(!info.on_gpu);
    assert!(info.parameters > 1_000_000, "{}", info.parameters);
    assert_eq!(info.weight_bytes, 4 * info.parameters as u64);
}

#[test]
fn a_prompt_is_counted_on_any_thread_and_without_the_worker() {
    let (worker, info, _alone) = bundled();
    drop(worker);
    let counter = info.token_counter;
    let count = thread::Builder::new().spawn(move || {
        let fits = counter.count("A fox, flat style");
        let cut = counter.count(&"fox ".repeat(40));
        (fits, cut)
    });
    let (fits, cut) = count.expect("a thread").join().expect("counts");
    // The bundled model reads 32 tokens, of which two begin and end the prompt.
    assert_eq!(fits, TokenCount { tokens: 5, limit: 30, cut_at: None });
    assert_eq!(cut, TokenCount { tokens: 40, limit: 30, cut_at: Some(4 * 30) });
}

/// The test runs itself again in a process of its own: others in this one would count.
#[test]
fn memory_returns_after_ten_models() {
    const ALONE: &str = "BURNISHER_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let this = std::env::current_exe().expect("this program");
        let name = "worker::bundled::memory_returns_after_ten_models";
        let status = Process::new(this).args(["--exact", name, "--nocapture"]).env(ALONE, "1").status();
        assert!(status.expect("it starts").success());
        return;
    }
    let (mut worker, info, _alone) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    let draw = |worker: &mut WorkerHandle| {
        let mut sent = job(&info, 64, 1, folder.path());
        sent.request.steps = 2;
        command(worker, Command::Generate(sent));
        assert!(matches!(watch(worker).0, Outcome::Finished(_)));
    };
    draw(&mut worker);
    let first = worker::resident_bytes().expect("the system tells");
    for _ in 0..10 {
        load(&mut worker);
        draw(&mut worker);
    }
    let last = worker::resident_bytes().expect("the system tells");
    // One model that stayed would be a whole `weight_bytes`; the allocator's own reserves go up and down a little.
    assert!(last < first + info.weight_bytes / 4, "{first} bytes became {last}");
    command(&mut worker, Command::Unload);
    while !matches!(next(&mut worker), Event::ModelUnloaded) {}
    let unloaded = worker::resident_bytes().expect("the system tells");
    assert!(unloaded < last - info.weight_bytes / 4, "{last} bytes became {unloaded}");
}
