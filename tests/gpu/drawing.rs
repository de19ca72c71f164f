//! What drawing with a loaded model does: waits for the device, weights that are laid out again, memory beside the plan.

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;
use burnisher::base::cancel::CancelToken;
use burnisher::base::device::{ComputeDevice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Prompts, Request, Sampling, Seeds, Size, Valid};
use burnisher::pipelines::{self, DiffusionPipeline, Hooks, Wish};
use log::{LevelFilter, Log, Metadata, Record};

use crate::gpu;
use crate::launches::{self, Launch};
use crate::support::checkpoints::{Checkpoint, Storage, folder};

/// A step after a slow one waits for each block, too, to be cancelled sooner: four down, one in the middle, four up.
const BLOCKS: usize = 9;
const STEPS: usize = 4;

/// Counts the lines of `ops::readback`: it is where all waits are.
struct Waits(AtomicUsize);

static WAITS: Waits = Waits(AtomicUsize::new(0));

impl Log for Waits {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "burnisher::ops::readback"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

fn model() -> ModelRef {
    ModelRef::Folder(folder(Checkpoint::TinySd15, Storage::Whole))
}

fn request() -> Request {
    Request {
        prompts: Prompts::new("a fox"),
        sampling: Sampling { steps: STEPS, ..Sampling::default() },
        seeds: Seeds::one(3),
        size: Size::new(64, 64),
        ..Request::default()
    }
}

/// A model that has drawn before.
struct Drawing {
    pipeline: DiffusionPipeline,
    device: Device,
}

impl Drawing {
    fn new(compute: ComputeDevice) -> Self {
        let device = compute.device.clone();
        let pipeline = DiffusionPipeline::open(&model(), compute, &mut |_| Ok(())).expect("the checkpoint opens");
        let drawing = Self { pipeline, device };
        drawing.draw(&mut || {});
        drawing
    }

    fn draw(&self, on_step: &mut dyn FnMut()) {
        let hooks = Hooks {
            on_phase: &mut |_| {},
            on_step: &mut |_| {
                on_step();
                Ok(())
            },
            cancel: &CancelToken::new(),
            trace: None,
        };
        self.pipeline.run(&Valid::new(request()).expect("a good request"), hooks).expect("a picture");
    }

    fn launches(&self) -> Vec<Launch> {
        launches::count(&self.device, || self.draw(&mut || {}))
    }
}

#[test]
fn a_step_waits_for_the_device_once() {
    let (compute, _turn) = gpu(DtypeChoice::F32);
    let drawing = Drawing::new(compute);
    log::set_logger(&WAITS).expect("the only logger");
    log::set_max_level(LevelFilter::Trace);
    let mut after_steps = Vec::new();
    drawing.draw(&mut || after_steps.push(WAITS.0.load(Ordering::Relaxed)));
    log::set_max_level(LevelFilter::Off);
    let waits: Vec<usize> = after_steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The model's own sampler asks the network once more than it has steps.
    assert!(waits.len() == STEPS && waits.iter().all(|waits| [1, 1 + BLOCKS].contains(waits)), "{waits:?}");
}

#[test]
fn no_weight_is_laid_out_again_after_loading() {
    let (compute, _turn) = gpu(DtypeChoice::F32);
    let launches = Drawing::new(compute).launches();
    let again: Vec<_> = launches
        .iter()
        .filter(|launch| launch.copies_weight)
        .map(|launch| (&launch.operation, launch.written))
        .collect();
    assert!(again.is_empty(), "{}: {again:?}", again.len());
}

#[test]
fn a_picture_takes_as_much_memory_as_was_planned() {
    let (compute, _turn) = gpu(DtypeChoice::F32);
    let capacity = compute.capacity();
    let alive = Drawing::new(compute).launches().iter().map(|launch| launch.alive).max().expect("launches");
    let footprint = pipelines::inspect(&model(), capacity).expect("a model").footprint.expect("that can be used");
    let plan = footprint.plan(&Wish::of(&request()), None);
    let weights: u64 = plan.kept.iter().map(|id| footprint.weights(*id)).sum();
    let planned = plan.peak_bytes - weights;
    assert!(alive <= planned && planned <= 3 * alive, "{alive} bytes were alive beside the weights, {planned} planned");
}
