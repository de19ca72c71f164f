//! Going on with a picture that was interrupted: the real engine on the CPU, on all samplers and tasks.

use std::path::Path;
use std::sync::Arc;

use burnisher::base::cancel::CancelToken;
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{
    Branch, Fill, Guidance, Inpaint, Mask, Prompts, Request, Sampling, Seeds, Size, Task, TaskKind, Valid,
};
use burnisher::pipelines::{DiffusionPipeline, Drawn, Resumption, RunState};
use burnisher::schedulers::SchedulerKind;
use burnisher::worker::{self, Engine, Hooks, Phase};
use image::{GrayImage, Luma, Rgb, RgbImage};

use super::bundled::{CPU, turn};
use crate::checkpoints::{self, Checkpoint, Storage};

fn open(model: &ModelRef) -> DiffusionPipeline {
    worker::open(model, CPU, &mut |_| Ok(())).expect("a model")
}

fn tiny(checkpoint: Checkpoint) -> DiffusionPipeline {
    open(&ModelRef::Folder(checkpoints::folder(checkpoint, Storage::Whole)))
}

fn request(task: Task, side: usize) -> Request {
    let prompt = if task.kind() == TaskKind::Unconditional { "" } else { "a red heart in 3d style" };
    Request {
        start: task.into(),
        prompts: Prompts::new(prompt),
        sampling: Sampling { steps: 6, ..Sampling::default() },
        guidance: Guidance { scale: 3.0, ..Guidance::default() },
        seeds: Seeds::one(3),
        size: Size::new(side, side),
        ..Request::default()
    }
}

/// The pictures of a run, its phases, and its state after each of its steps.
type Watched = (Vec<Drawn>, Vec<Phase>, Vec<RunState>);

/// Draws a request, or goes on with it.
fn drawn(pipeline: &mut DiffusionPipeline, request: &Request, from: Option<&Resumption>) -> Watched {
    let request = Valid::new(request.clone()).expect("it makes sense");
    let (mut phases, mut states) = (Vec::new(), Vec::new());
    let hooks = Hooks {
        on_phase: &mut |phase| phases.push(phase),
        on_step: &mut |step| {
            states.extend(step.state.map(|state| state().expect("the CPU doesn't fail")));
            Ok(())
        },
        cancel: &CancelToken::new(),
        trace: None,
    };
    let drawn = match from {
        None => Engine::run(pipeline, &request, hooks),
        Some(from) => Engine::resume(pipeline, &request, from, hooks),
    };
    (drawn.expect("pictures"), phases, states)
}

fn kind(name: &str) -> SchedulerKind {
    SchedulerKind::from_name(name).expect("a sampler")
}

fn resumption(state: &RunState) -> Resumption {
    Resumption { state: Arc::new(state.clone()), failed_decodes: 0 }
}

/// Goes on after the first step, in the middle and after the last one, and compares with the undisturbed run.
fn assert_same(pipeline: &mut DiffusionPipeline, request: &Request, what: &str) {
    let (whole, _, states) = drawn(pipeline, request, None);
    for at in [0, states.len() / 2, states.len() - 1] {
        let from = resumption(&states[at]);
        Engine::check_resumption(pipeline, request, &from).unwrap_or_else(|error| panic!("{what}: {error}"));
        let (again, phases, later) = drawn(pipeline, request, Some(&from));
        let after = format!("{what} after step {} of {}", at + 1, states.len());
        assert_eq!(later, states[at + 1..], "{after}");
        for (again, whole) in again.iter().zip(&whole) {
            assert!(again.image == whole.image, "{after} gives another picture");
            assert!(again.depth == whole.depth, "{after} gives another depth map");
        }
        assert_eq!(again.len(), whole.len());
        assert_eq!(phases.contains(&Phase::Denoising), at + 1 < states.len(), "{after}");
    }
}

fn picture(folder: &Path) -> String {
    let picture = RgbImage::from_fn(64, 64, |x, y| Rgb([x * 3, y * 3, x * y].map(|c| c as u8)));
    let path = folder.join("picture.png");
    picture.save(&path).expect("a PNG");
    path.to_str().expect("Unicode").to_owned()
}

#[test]
fn every_sampler_goes_on_as_if_it_had_not_been_interrupted() {
    let _turn = turn();
    let mut pipeline = open(&ModelRef::Bundled);
    let refused: Vec<_> = pipeline.refused_schedulers().into_iter().map(|(kind, _)| kind).collect();
    for kind in SchedulerKind::ALL.iter().filter(|kind| !refused.contains(kind)) {
        let request = request(Task::TextToImage, 32)
            .with(|request| (request.sampling.scheduler, request.sampling.steps) = (Some(*kind), 8));
        assert_same(&mut pipeline, &request, kind.name());
    }
}

#[test]
fn every_task_goes_on_as_if_it_had_not_been_interrupted() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let image = picture(folder.path());
    let mask =
        Mask::new(GrayImage::from_fn(64, 64, |x, y| Luma([if x > 20 && y > 20 { (2 * x + y) as u8 } else { 0 }])));
    let inpaint = |soft| {
        let fill = if soft { Fill::Original } else { Fill::Noise };
        let (image, mask) = (image.as_str().into(), mask.clone());
        Task::Inpaint(Box::new(Inpaint { image, mask, strength: 0.8, soft, fill, ..Inpaint::default() }))
    };
    let from_picture = Task::ImageToImage { image: image.as_str().into(), strength: 0.7 };
    let by_depth = Task::DepthToImage { image: image.as_str().into(), strength: 0.9, depth: None };
    let ancestral = |request: &mut Request| request.sampling.scheduler = Some(kind("euler-a"));
    let mut words = tiny(Checkpoint::TinySd15);
    for task in [Task::TextToImage, from_picture, inpaint(false), inpaint(true)] {
        let request = request(task, 64).with(ancestral);
        assert_same(&mut words, &request, request.start.task.kind().name());
    }
    let branch = Branch { from: request(Task::TextToImage, 64), step: 2 };
    let branched = request(Task::TextToImage, 64).with(ancestral);
    let branched = branched.with(|request| request.start.branch = Some(Box::new(branch)));
    let (whole, _, states) = drawn(&mut words, &branched, None);
    let (again, ..) = drawn(&mut words, &branched, Some(&resumption(&states[1])));
    assert!(again[0].image == whole[0].image, "a picture that goes on from another one");
    let several = request(Task::TextToImage, 64).with(ancestral).with(|request| request.seeds.count = 2);
    assert_same(&mut words, &several, "a batch");
    for task in [inpaint(false), inpaint(true)] {
        assert_same(&mut tiny(Checkpoint::TinySd15Inpaint), &request(task, 64), "a model for inpainting");
    }
    assert_same(&mut tiny(Checkpoint::TinySd2Depth), &request(by_depth, 64), "depth-to-image");
    let no_words = request(Task::Unconditional, 64);
    assert_same(&mut tiny(Checkpoint::TinyDdpm), &no_words, "unconditional");
}

/// Makes another request of one.
type Change = fn(&mut Request);

#[test]
fn a_state_of_another_run_is_refused_and_says_why() {
    let _turn = turn();
    let mut pipeline = open(&ModelRef::Bundled);
    let own = request(Task::TextToImage, 32).with(|request| request.sampling.scheduler = Some(kind("ddim")));
    let (_, _, states) = drawn(&mut pipeline, &own, None);
    let from = resumption(&states[1]);
    let others: [(&str, Change); 4] = [
        ("size", |request| request.size = Size::new(64, 32)),
        ("steps", |request| request.sampling.steps = 7),
        ("sampler", |request| request.sampling.scheduler = Some(kind("euler"))),
        ("pictures", |request| request.seeds.count = 2),
    ];
    for (what, change) in others {
        let refused = Engine::check_resumption(&pipeline, &own.clone().with(change), &from);
        assert!(refused.is_err(), "another number of {what}");
    }
    assert!(Engine::check_resumption(&pipeline, &own, &from).is_ok());
}

#[test]
fn a_decoding_that_failed_is_done_again_in_smaller_and_smaller_tiles() {
    let _turn = turn();
    let mut pipeline = open(&ModelRef::Bundled);
    let request = request(Task::TextToImage, 256).with(|request| request.sampling.steps = 1);
    let (whole, _, states) = drawn(&mut pipeline, &request, None);
    let decoded = |pipeline: &mut _, failed_decodes| {
        let from = Resumption { failed_decodes, ..resumption(&states[0]) };
        drawn(pipeline, &request, Some(&from)).0.remove(0).image
    };
    let (same, halves, quarters) = (decoded(&mut pipeline, 0), decoded(&mut pipeline, 1), decoded(&mut pipeline, 2));
    assert!(same == whole[0].image);
    let apart = |a: &RgbImage, b: &RgbImage| a.iter().zip(b.iter()).filter(|(a, b)| a != b).count();
    assert!(apart(&halves, &same) > 0 && apart(&quarters, &halves) > 0, "seams are blended");
    assert!(decoded(&mut pipeline, 0) == whole[0].image, "the next picture is decoded whole again");
}
