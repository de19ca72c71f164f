//! What it costs to keep the picture in the making, on the bundled model: the cheapest step there is in practice.
//!
//! Runs that keep their state after every step alternate with runs that keep nothing. What a state costs more is set against the
//! time from one to the next ([`KEEP_EVERY`]), and against a picture of the usual 20 steps, of which the last is always kept.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burnisher::base::cancel::CancelToken;
use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size, Valid};
use burnisher::pipelines::{DiffusionPipeline, Hooks};
use burnisher::schedulers::SchedulerKind;
use burnisher::session::KEEP_EVERY;
use burnisher::worker::{KeptRun, PictureTicket, RunKeeper};

/// Runs of each kind.
const PAIRS: usize = 9;
const STEPS: usize = 60;
/// Steps of a usual picture.
const USUAL_STEPS: f64 = 20.0;

/// What a run takes, in milliseconds.
struct Took {
    /// A step, on the wall.
    step: f64,
    /// All threads, on the processor.
    cpu: f64,
    /// Taking a state, on the wall: so long the steps wait.
    taking: f64,
    /// The longest of these.
    longest: f64,
}

/// Measures samplers that remember nothing and much, in sizes small and large.
pub(crate) fn run() {
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global().expect("the first pool");
    let compute = device::open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU");
    let pipeline = DiffusionPipeline::open(&ModelRef::Bundled, compute, &mut |_| Ok(())).expect("the model");
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!(
        "{:<26} {:>9} {:>11} {:>11} {:>11} {:>11} {:>11} {:>12}",
        "", "step ms", "taking ms", "longest ms", "cpu ms", "every 2 s", "cpu share", "last step"
    );
    for (sampler, side) in [("ddim", 64), ("euler-a", 64), ("dpm++3m", 64), ("ddim", 256)] {
        let kind: SchedulerKind = sampler.parse().expect("a sampler");
        let request = Request {
            prompts: Prompts::new("a red heart in 3d style"),
            sampling: Sampling { steps: STEPS, scheduler: Some(kind), ..Sampling::default() },
            guidance: Guidance { scale: 4.0, ..Guidance::default() },
            seeds: Seeds::one(1),
            size: Size::new(side, side),
            ..Request::default()
        };
        let request = Valid::new(request).expect("a good request");
        let keeper = RunKeeper::spawn(&folder.path().join("journal"), Vec::new(), Arc::new(|| {})).expect("a thread");
        draw(&pipeline, &request, None);
        let pairs = (0..PAIRS).map(|pair| {
            // Neither kind is always the first.
            if pair % 2 == 0 {
                let plain = draw(&pipeline, &request, None);
                (plain, draw(&pipeline, &request, Some(&keeper)))
            } else {
                let kept = draw(&pipeline, &request, Some(&keeper));
                (draw(&pipeline, &request, None), kept)
            }
        });
        let pairs: Vec<(Took, Took)> = pairs.collect();
        let step = median(pairs.iter().map(|(plain, _)| plain.step));
        let taking = median(pairs.iter().map(|(_, kept)| kept.taking));
        let longest = pairs.iter().map(|(_, kept)| kept.longest).fold(0.0, f64::max);
        let cpu = median(pairs.iter().map(|(plain, kept)| (kept.cpu - plain.cpu) / STEPS as f64));
        let step_cpu = median(pairs.iter().map(|(plain, _)| plain.cpu / STEPS as f64));
        let (between, picture) = (KEEP_EVERY.as_secs_f64() * 1000.0, step * USUAL_STEPS);
        println!(
            "{:<26} {step:>9.2} {taking:>11.3} {longest:>11.3} {cpu:>11.3} {:>10.3}% {:>10.3}% {:>11.3}%",
            format!("{sampler} @{side}"),
            100.0 * taking / between,
            100.0 * cpu / (between * step_cpu / step),
            100.0 * taking / picture,
        );
    }
}

/// Draws a picture, and gives its state to a keeper after every step.
fn draw(pipeline: &DiffusionPipeline, request: &Valid<Request>, keeper: Option<&RunKeeper>) -> Took {
    let ticket = PictureTicket::of(1, "bundled", request).expect("a ticket");
    let (mut taking, mut longest, mut steps) = (Duration::ZERO, Duration::ZERO, Vec::new());
    let cpu = cpu_ms();
    let hooks = Hooks {
        on_phase: &mut |_| {},
        on_step: &mut |step| {
            if let (Some(keeper), Some(state)) = (keeper, step.state) {
                let began = Instant::now();
                keeper.keep(KeptRun::new(ticket.clone(), None, Arc::new(state()?)));
                (taking, longest) = (taking + began.elapsed(), longest.max(began.elapsed()));
            }
            steps.push(Instant::now());
            Ok(())
        },
        cancel: &CancelToken::new(),
        trace: None,
    };
    pipeline.run(request, hooks).expect("a picture");
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Took {
        step: median(steps.windows(2).map(|two| ms(two[1] - two[0]))),
        cpu: cpu_ms() - cpu,
        taking: ms(taking) / STEPS as f64,
        longest: ms(longest),
    }
}

/// What the threads of this process have had of the processor, from proc(5), which counts them in nanoseconds.
fn cpu_ms() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let times = tasks.filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    times.filter_map(|text| text.split_whitespace().next()?.parse::<f64>().ok()).sum::<f64>() / 1e6
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
