//! Opening a checkpoint and drawing with it, as the comparisons of whole pictures do.

use burnisher::base::cancel::CancelToken;
use burnisher::base::device::{self, ComputeDevice, DeviceChoice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Request, Valid};
use burnisher::pipelines::{DiffusionPipeline, Drawn, Hooks, Trace};

use crate::support::checkpoints::{Checkpoint, Storage, folder};
use crate::support::golden::{Array, Arrays};

pub(crate) fn tiny(checkpoint: Checkpoint) -> ModelRef {
    ModelRef::Folder(folder(checkpoint, Storage::Whole))
}

pub(crate) fn open(model: &ModelRef, compute: ComputeDevice) -> DiffusionPipeline {
    let opened = DiffusionPipeline::open(model, compute, &mut |_| Ok(()));
    opened.expect("the checkpoint opens")
}

pub(crate) fn open_on_cpu(checkpoint: Checkpoint) -> DiffusionPipeline {
    open(&tiny(checkpoint), device::open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU is there"))
}

/// The numbers inside a run.
pub(crate) fn draw(pipeline: &DiffusionPipeline, request: &Request, what: &str) -> Arrays {
    draw_all(pipeline, request, what).0
}

/// The numbers inside a run, and its pictures.
pub(crate) fn draw_all(pipeline: &DiffusionPipeline, request: &Request, what: &str) -> (Arrays, Vec<Drawn>) {
    let mut trace = Trace::default();
    let hooks =
        Hooks { on_phase: &mut |_| {}, on_step: &mut |_| Ok(()), cancel: &CancelToken::new(), trace: Some(&mut trace) };
    let request = Valid::new(request.clone()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let pictures = pipeline.run(&request, hooks).unwrap_or_else(|stop| panic!("{what}: {stop}"));
    assert_eq!(pictures.len(), request.seeds.count, "{what}");
    (Arrays::from_bytes(trace.to_safetensors().expect("the trace is well-formed")), pictures)
}

/// Why a request can't be drawn.
pub(crate) fn refusal(pipeline: &DiffusionPipeline, request: &Request) -> String {
    let hooks = Hooks {
        on_phase: &mut |phase| panic!("{phase:?} was begun"),
        on_step: &mut |_| Ok(()),
        cancel: &CancelToken::new(),
        trace: None,
    };
    match Valid::new(request.clone()) {
        Err(error) => error.to_string(),
        Ok(request) => pipeline.run(&request, hooks).expect_err("it can't be drawn").to_string(),
    }
}

/// Picture `k`'s part of an array that holds `count` of them.
pub(crate) fn part(array: &Array, k: usize, count: usize) -> &[f32] {
    let length = array.values.len() / count;
    &array.values[k * length..(k + 1) * length]
}
