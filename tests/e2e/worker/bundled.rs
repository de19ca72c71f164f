//! The real engine on the bundled model and the CPU, driven as the window drives it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command as Process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use burnisher::base::cancel::CancelToken;
use burnisher::base::device::{self, DeviceChoice, DtypeChoice, KernelChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size};
use burnisher::storage::gallery::Destination;
use burnisher::worker::{
    self, Command, Event, Host, Job, JobEnd, ModelInfo, OnLoading, Phase, Preview, Previews, TokenCount, Variants,
    Work, WorkerHandle,
};

use super::puppet::{command, next, request_of};

/// The CPU, in f32.
pub(super) const CPU: Host = Host {
    device: DeviceChoice::Cpu,
    dtype: DtypeChoice::F32,
    kernels: KernelChoice::Auto,
    threads: None,
    memory_limit: None,
};

/// What a window asks for: sixty times a second.
const FRAME: Duration = Duration::from_millis(16);

/// One of these tests at a time: they measure times, and share the processor's threads.
pub(super) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A worker with the bundled model.
pub(super) fn bundled() -> (WorkerHandle, ModelInfo, MutexGuard<'static, ()>) {
    let turn = turn();
    let open = |model: &ModelRef, on_loading: &mut OnLoading<'_>| worker::open(model, CPU, on_loading);
    let mut worker = worker::spawn(open).expect("a thread");
    let info = load(&mut worker);
    (worker, info, turn)
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
        prompts: Prompts::new("a red heart in 3d style"),
        sampling: Sampling { steps: info.steps, ..Sampling::default() },
        guidance: Guidance { scale: info.guidance_scale, ..Guidance::default() },
        seeds: Seeds::one(1),
        size: Size::new(side, side),
        ..Request::default()
    };
    let mut job = Job::new(request, Destination::Folder(folder.to_owned()));
    job.output.previews = Previews::Newest { every: NonZeroUsize::new(every).expect("not 0") };
    Box::new(job)
}

/// How a job ends, and the previews that a window would show of it.
fn watch(worker: &mut WorkerHandle) -> (JobEnd, Vec<Preview>) {
    let mut seen = Vec::new();
    loop {
        while let Some(event) = worker.try_recv() {
            if let Event::JobEnded { outcome, .. } = event {
                return (outcome, seen);
            }
        }
        seen.extend(worker.previews()[0].take());
        thread::sleep(FRAME);
    }
}

#[test]
fn a_picture_shows_previews_whatever_the_steps_between_two() {
    let (mut worker, info, _turn) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    for every in [1, 2, 3, 4] {
        command(&mut worker, Command::Generate(job(&info, 64, every, folder.path())));
        let (outcome, mut seen) = watch(&mut worker);
        let JobEnd::Finished(entries) = outcome else { panic!("{outcome:?}") };
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
#[cfg(target_os = "linux")]
fn a_stopped_job_ends_within_a_step_however_fast_the_machine_is() {
    if !is_alone("a_stopped_job_ends_within_a_step_however_fast_the_machine_is") {
        return;
    }
    let (mut worker, info, _turn) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    // A job that is told to stop after its phase or its step has begun; how much processor time the stop took, and a step before it.
    let mut stop = |side: usize, steps: usize, after_a_step: bool| {
        let mut sent = job(&info, side, 1, folder.path());
        request_of(&mut sent).sampling.steps = steps;
        sent.output.previews = Previews::Off;
        let cancel = sent.cancel.clone();
        command(&mut worker, Command::Generate(sent));
        let (mut began, mut step) = (processor_secs(), 0.0);
        loop {
            match next(&mut worker) {
                Event::JobPhase { phase: Phase::Denoising, .. } if after_a_step => began = processor_secs(),
                Event::JobPhase { phase: Phase::Denoising, .. } => break,
                Event::JobStep { .. } => {
                    step = processor_secs() - began;
                    break;
                }
                _ => {}
            }
        }
        cancel.cancel();
        let stopped = processor_secs();
        let (outcome, _) = watch(&mut worker);
        (outcome, processor_secs() - stopped, step)
    };
    // Large enough for a step to be long compared to the hundredths of a second that the system counts in.
    let mut side = 256;
    let step = loop {
        let (_, _, step) = stop(side, 20, true);
        if step > 1.0 {
            break step;
        }
        side *= 2;
    };
    // In the second step; in the first; in the decode, where there is only one step.
    for (steps, after_a_step) in [(20, true), (20, false), (1, true)] {
        let (outcome, took, _) = stop(side, steps, after_a_step);
        assert!(matches!(outcome, JobEnd::Cancelled), "{outcome:?}");
        assert!(took < step / 2.0, "{took} s of the processor's time, where a step takes {step} s");
    }
}

/// How long processors have worked for this process, in seconds: no other process makes that longer.
#[cfg(target_os = "linux")]
fn processor_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the system tells");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    // User and system time, in hundredths of a second: fields 14 and 15 of proc(5), the first after `)` being 3.
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number") / 100.0).sum()
}

#[test]
fn a_model_tells_how_much_it_is_and_which_sizes_suit_it() {
    let (_worker, info, _turn) = bundled();
    assert_eq!((info.width, info.height), (64, 64));
    assert_eq!(info.sizes, [(64, 64), (64, 80), (80, 64), (64, 96), (96, 64)]);
    assert!(!info.on_gpu);
    assert!(info.parameters > 1_000_000, "{}", info.parameters);
    assert_eq!(info.weight_bytes, 4 * info.parameters as u64);
}

#[test]
fn a_prompt_is_counted_on_any_thread_and_without_the_worker() {
    let (worker, info, _turn) = bundled();
    drop(worker);
    let counter = info.token_counter.expect("the model reads prompts");
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

/// Whether the test `name` is in a process of its own; if not, runs it in one. For what belongs to the whole process.
fn is_alone(name: &str) -> bool {
    const ALONE: &str = "BURNISHER_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let _turn = turn();
    let this = std::env::current_exe().expect("this program");
    let name = format!("worker::bundled::{name}");
    let status = Process::new(this).args(["--exact", &name, "--nocapture"]).env(ALONE, "1").status();
    assert!(status.expect("it starts").success());
    false
}

#[test]
fn the_worker_takes_as_many_threads_as_it_is_given_whoever_used_others_before() {
    if !is_alone("the_worker_takes_as_many_threads_as_it_is_given_whoever_used_others_before") {
        return;
    }
    assert!(!device::list().is_empty());
    // The pool that the rest of the process shares.
    rayon::ThreadPoolBuilder::new().num_threads(4).build_global().expect("the first pool");
    assert_eq!(rayon::current_num_threads(), 4);
    let one = NonZeroUsize::MIN;
    let open = move |model: &ModelRef, on_loading: &mut OnLoading<'_>| {
        worker::open(model, Host { threads: Some(one), ..CPU }, on_loading)
    };
    let mut worker = worker::spawn(open).expect("a thread");
    let info = load(&mut worker);
    assert!(info.device.ends_with(", 1 thread"), "{}", info.device);
    #[cfg(target_os = "linux")]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let (began, before) = (Instant::now(), processor_secs());
        command(&mut worker, Command::Generate(job(&info, 160, 1, folder.path())));
        assert!(matches!(watch(&mut worker).0, JobEnd::Finished(_)));
        let threads = (processor_secs() - before) / began.elapsed().as_secs_f64();
        assert!(threads < 1.2, "{threads} threads were at work");
    }
}

#[test]
fn memory_returns_after_ten_models() {
    if !is_alone("memory_returns_after_ten_models") {
        return;
    }
    let (mut worker, info, _turn) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    let draw = |worker: &mut WorkerHandle| {
        let mut sent = job(&info, 64, 1, folder.path());
        request_of(&mut sent).sampling.steps = 2;
        command(worker, Command::Generate(sent));
        assert!(matches!(watch(worker).0, JobEnd::Finished(_)));
    };
    let resident = || worker::resident_bytes().expect("the system tells");
    let unload = |worker: &mut WorkerHandle| {
        command(worker, Command::Unload);
        while !matches!(next(worker), Event::ModelUnloaded) {}
        resident()
    };
    draw(&mut worker);
    let loaded = resident();
    let without = unload(&mut worker);
    // What the allocator keeps for the pool's threads goes up and down by some megabytes; a model is more.
    let tolerance = info.weight_bytes / 2;
    assert!(without + tolerance < loaded, "{loaded} bytes became {without}");
    for _ in 0..10 {
        load(&mut worker);
        draw(&mut worker);
    }
    assert!(resident() < loaded + tolerance, "{loaded} bytes became {}", resident());
    let last = unload(&mut worker);
    assert!(last < without + tolerance, "{without} bytes became {last}");
}

#[test]
fn pictures_drawn_side_by_side_are_those_that_are_drawn_alone_and_all_are_seen_coming() {
    let (mut worker, info, _turn) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    let variants: Vec<Request> =
        [("euler", 4.0, 12), ("euler-a", 1.0, 12), ("heun", 6.0, 5), ("dpm++2m-karras", 4.0, 20)]
            .map(|(sampler, guidance_scale, steps)| {
                request_of(&mut job(&info, 64, 1, folder.path())).clone().with(|request| {
                    request.sampling.scheduler = Some(sampler.parse().expect("a sampler"));
                    request.guidance.scale = guidance_scale;
                    request.sampling.steps = steps;
                })
            })
            .into();
    let together = tempfile::tempdir().expect("a folder");
    let mut sent = job(&info, 64, 1, together.path());
    sent.work = Work::Compare(Variants::new(variants.clone()).expect("four"));
    command(&mut worker, Command::Generate(sent));
    let (mut saved, mut previews) = (vec![None; variants.len()], vec![0; variants.len()]);
    let outcome = loop {
        match worker.try_recv() {
            Some(Event::PictureSaved { picture, entry, .. }) => saved[picture] = Some(entry),
            Some(Event::JobEnded { outcome, .. }) => break outcome,
            _ => thread::sleep(Duration::from_millis(1)),
        }
        for (variant, slot) in worker.previews().iter().enumerate() {
            previews[variant] += usize::from(slot.take().is_some_and(|preview| preview.picture == variant));
        }
    };
    assert!(matches!(outcome, JobEnd::Finished(ref entries) if entries.len() == 4), "{outcome:?}");
    assert!(previews.iter().all(|seen| *seen >= 2), "{previews:?}");
    for (request, entry) in variants.into_iter().zip(saved) {
        let entry = entry.expect("each is saved under its own number");
        assert_eq!(entry.recipe.request, request);
        let mut alone = job(&info, 64, 1, folder.path());
        alone.work = request.into();
        command(&mut worker, Command::Generate(alone));
        let (JobEnd::Finished(entries), _) = watch(&mut worker) else { panic!("not finished") };
        let pixels = |path: &Path| image::open(path).expect("a PNG").to_rgb8();
        assert_eq!(pixels(&entry.path), pixels(&entries[0].path), "{:?}", entry.recipe.request.sampling.scheduler);
    }
}
