//! Memory plans on the tiny checkpoints: whatever of a model stays loaded, its pictures are the same to the bit.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use burnisher::base::device::{self, ComputeDevice, DeviceChoice, DtypeChoice, Memory};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{
    Guidance, Inpaint, Mask, Prompts, Request, SafetyMode, Sampling, Seeds, Size, Task, Valid,
};
use burnisher::pipelines::{self, ComponentId, DiffusionPipeline, Footprint, Plan, Wish};

use crate::imaging::{mask, picture};
use crate::runs::{draw_all, open, refusal, tiny};
use crate::support::checkpoints::Checkpoint;

/// What every run loads, where there is room.
const USUAL: [ComponentId; 3] = [ComponentId::UNET, ComponentId::VAE, ComponentId::TEXT_ENCODER];

fn cpu() -> ComputeDevice {
    device::open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU is there")
}

/// The CPU with no more memory than this.
fn limited(bytes: u64) -> ComputeDevice {
    ComputeDevice { memory: Memory::Limited(bytes), ..cpu() }
}

fn footprint(model: &ModelRef) -> Footprint {
    pipelines::inspect(model, cpu().capacity()).expect("a model").footprint.expect("that can be used")
}

fn request() -> Request {
    let (width, height) = (64, 64);
    Request {
        prompts: Prompts::new("a fox"),
        sampling: Sampling { steps: 2, ..Sampling::default() },
        guidance: Guidance { scale: 4.0, ..Guidance::default() },
        seeds: Seeds::one(3),
        size: Size::new(width, height),
        ..Request::default()
    }
}

/// One request a task that a tiny checkpoint is made for.
fn requests(folder: &Path) -> Vec<(Checkpoint, Request)> {
    let image = folder.join("picture.png");
    picture(80, 72).save(&image).expect("a PNG");
    let inpaint = Inpaint { image: image.clone().into(), mask: Mask::new(mask(80, 72)), ..Inpaint::default() };
    let from = |task| request().with(|request| request.start.task = task);
    vec![
        (Checkpoint::TinySd15SafetyFlag, request()),
        (Checkpoint::TinySd15, from(Task::ImageToImage { image: image.clone().into(), strength: 0.5 })),
        (Checkpoint::TinySd15Inpaint, from(Task::Inpaint(Box::new(inpaint)))),
        (Checkpoint::TinySd2Depth, from(Task::DepthToImage { image: image.into(), depth: None, strength: 1.0 })),
    ]
}

/// A memory limit for each plan that there is between all of the model and the least of it, tiles left out.
fn plans(footprint: &Footprint, wish: &Wish) -> Vec<(u64, Plan)> {
    let most = footprint.plan(wish, None).peak_bytes;
    let mut seen = BTreeSet::new();
    let limits = (0..256).map(|part| most - most / 256 * part);
    let plans = limits.map(|limit| (limit, footprint.plan(wish, Some(limit))));
    let plans = plans.filter(|(_, plan)| plan.fits && plan.tile.is_none());
    plans.filter(|(_, plan)| seen.insert(format!("{:?}", plan.kept))).collect()
}

#[test]
fn a_picture_is_the_same_whatever_of_the_model_stays_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    for (checkpoint, request) in requests(folder.path()) {
        let model = tiny(checkpoint);
        let plans = plans(&footprint(&model), &Wish::of(&request));
        assert!(plans.len() >= 3, "{checkpoint:?}: {plans:?}");
        assert!(plans[0].1.is_plain() && plans.iter().any(|(_, plan)| plan.lent.len() >= 2), "{plans:?}");
        let mut first = None;
        for (limit, plan) in plans {
            let pipeline = open(&model, limited(limit));
            // The second time with what the first one left.
            for _ in 0..2 {
                let (_, drawn) = draw_all(&pipeline, &request, &plan.to_string());
                let drawn = (drawn[0].image.clone(), drawn[0].verdict.clone(), drawn[0].depth.clone());
                assert_eq!(*first.get_or_insert_with(|| drawn.clone()), drawn, "{checkpoint:?}: {plan}");
                assert_eq!(pipeline.loaded(), plan.kept, "{checkpoint:?}: {plan}");
            }
        }
    }
}

#[test]
fn a_run_that_will_not_fit_is_refused_with_what_would() {
    let model = tiny(Checkpoint::TinySd15);
    let footprint = footprint(&model);
    let large = Request { size: Size::new(1024, 1024), ..request() };
    // The unet alone needs more than that.
    let limit = footprint.plan(&Wish::of(&request()), None).peak_bytes;
    let plan = footprint.plan(&Wish::of(&large), Some(limit));
    let line = refusal(&open(&model, limited(limit)), &large);
    assert!(line.starts_with("A picture of 1024 x 1024 is too large: it takes about "), "{line}");
    let instead = plan.instead.first().expect("something smaller");
    assert!(line.contains(&format!("Choose {instead}")) && plan.to_string().contains(instead), "{line} but {plan}");
    let (width, height) = instead.split_once(" x ").expect("a size");
    let side = |text: &str| text.parse().expect("a number");
    draw_all(&open(&model, limited(limit)), &Request { size: Size::new(side(width), side(height)), ..large }, instead);
}

#[test]
fn the_safety_checker_is_loaded_for_the_first_picture_that_it_is_to_look_at() {
    let pipeline = open(&tiny(Checkpoint::TinySd15SafetyFlag), cpu());
    assert_eq!(pipeline.loaded(), USUAL);
    let (_, drawn) = draw_all(&pipeline, &request().with(|request| request.finish.safety = SafetyMode::Off), "off");
    assert_eq!((pipeline.loaded(), &drawn[0].verdict), (USUAL.to_vec(), &None));
    let (_, drawn) = draw_all(&pipeline, &request().with(|request| request.finish.safety = SafetyMode::Blur), "blur");
    assert!(drawn[0].verdict.as_ref().is_some_and(|verdict| verdict.flagged));
    assert_eq!(pipeline.loaded(), [&USUAL[..], &[ComponentId::SAFETY_CHECKER]].concat());
}

#[test]
fn the_depth_estimator_is_loaded_when_a_depth_is_to_be_estimated() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = open(&tiny(Checkpoint::TinySd2Depth), cpu());
    let (_, estimated) = requests(folder.path()).pop().expect("the depth's");
    let image = folder.path().join("picture.png");
    let own = Task::DepthToImage { image: image.clone().into(), depth: Some(image.into()), strength: 1.0 };
    draw_all(&pipeline, &request().with(|request| request.start.task = own), "a depth map of one's own");
    assert_eq!(pipeline.loaded(), USUAL);
    draw_all(&pipeline, &estimated, "an estimate");
    assert!(pipeline.loaded().contains(&ComponentId::DEPTH_ESTIMATOR));
}

/// A copy of a model, whose files can be taken away.
fn copy(model: &ModelRef) -> tempfile::TempDir {
    fn walk(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            let to = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                walk(&path, &to);
            } else {
                fs::copy(&path, &to).expect("a copy");
            }
        }
    }
    let ModelRef::Folder(from) = model else { panic!("tiny checkpoints are folders") };
    let copy = tempfile::tempdir().expect("a folder");
    walk(from, copy.path());
    copy
}

#[test]
fn a_prompt_that_was_read_before_is_not_read_again() {
    let folder = copy(&tiny(Checkpoint::TinySd15));
    let model = ModelRef::Folder(folder.path().into());
    let limit = plans(&footprint(&model), &Wish::of(&request()))
        .into_iter()
        .find_map(|(limit, plan)| plan.lent.contains(&ComponentId::TEXT_ENCODER).then_some(limit))
        .expect("a plan that lets the text encoder go");
    let pipeline: DiffusionPipeline = open(&model, limited(limit));
    let other = request().with(|request| request.prompts.prompt = "a hen".into());
    let before = draw_all(&pipeline, &request(), "the first time").1;
    draw_all(&pipeline, &other, "another prompt");
    assert!(!pipeline.loaded().contains(&ComponentId::TEXT_ENCODER));
    fs::remove_dir_all(folder.path().join("text_encoder")).expect("it was there");
    let again = draw_all(&pipeline, &request(), "without an encoder").1;
    assert_eq!(before[0].image, again[0].image);
    let unread = request().with(|request| request.prompts.prompt = "something else".into());
    let hooks = pipelines::Hooks {
        on_phase: &mut |_| {},
        on_step: &mut |_| Ok(()),
        cancel: &burnisher::base::cancel::CancelToken::new(),
        trace: None,
    };
    let error = pipeline
        .run(&Valid::new(unread).expect("a good request"), hooks)
        .expect_err("there is nothing to read it with")
        .to_string();
    assert!(error.starts_with("the text_encoder can't be loaded"), "{error}");
}

#[test]
fn the_steps_of_the_last_picture_are_freed_before_the_next_one_takes_memory() {
    let pipeline = open(&tiny(Checkpoint::TinySd15), cpu());
    draw_all(&pipeline, &request(), "the first picture");
    assert!(pipeline.kept_steps().is_some());
    let mut kept = Vec::new();
    let hooks = pipelines::Hooks {
        on_phase: &mut |_| kept.push(pipeline.kept_steps().is_some()),
        on_step: &mut |_| Ok(()),
        cancel: &burnisher::base::cancel::CancelToken::new(),
        trace: None,
    };
    pipeline.run(&Valid::new(request()).expect("a good request"), hooks).expect("the second picture");
    assert_eq!(kept, [false; 3]);
    assert!(pipeline.kept_steps().is_some());
}
