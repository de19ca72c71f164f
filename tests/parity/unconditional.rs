//! Whole pictures against `DDPMPipeline`'s and `DDIMPipeline`'s (`tests/golden/unconditional`).

use std::collections::BTreeMap;

use burnisher::base::cancel::CancelToken;
use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::stop::Stop;
use burnisher::content::request::{Request, Sampling, Seeds, Size, Task, TaskKind, Valid};
use burnisher::pipelines::{DiffusionPipeline, Hooks};
use burnisher::schedulers::SchedulerKind;
use serde::Deserialize;

use crate::runs::{draw, open, open_on_cpu, part, refusal, tiny};
use crate::support::checkpoints::Checkpoint;
use crate::support::golden::{Arrays, json};

/// In 0..1. The same sums in another order, for tens of network calls: two runs of the reference differ by up to 3e-5, and Euler,
/// whose samples grow to hundreds of times the noise here, loses more.
const TOLERANCE: f32 = 2e-4;
/// Graphics cards also have roots and exponentials of their own.
const GPU_TOLERANCE: f32 = 1e-3;

#[derive(Deserialize)]
struct Case {
    name: String,
    scheduler: Option<String>,
    steps: usize,
    eta: f64,
    width: usize,
    height: usize,
    seeds: Vec<u64>,
    timesteps: Vec<f64>,
}

impl Case {
    fn request(&self, seed: u64, count: usize) -> Request {
        Request {
            start: Task::Unconditional.into(),
            seeds: Seeds::new(seed, count),
            size: Size::new(self.width, self.height),
            ..Request::default()
        }
        .with(|request| {
            let scheduler = self.scheduler.as_ref().map(|name| name.parse().expect("a sampler that we have"));
            (request.sampling.scheduler, request.sampling.steps) = (scheduler, self.steps);
            request.sampling.options.eta = self.eta;
        })
    }
}

/// Draws the cases of `golden` that are wanted, seed by seed and all seeds of a case at once.
fn compare(pipeline: &DiffusionPipeline, golden: &str, tolerance: f32, wanted: impl Fn(&str) -> bool) {
    let cases = json::<BTreeMap<String, Vec<Case>>>("unconditional/cases.json").remove(golden).expect("its cases");
    let arrays = Arrays::open(&format!("unconditional/{golden}"));
    for case in cases.iter().filter(|case| wanted(&case.name)) {
        let first = case.seeds[0];
        for count in 1..=case.seeds.len() {
            let what = format!("{golden} {}, {count} at once", case.name);
            let trace = draw(pipeline, &case.request(first, count), &what);
            let timesteps: Vec<f32> = case.timesteps.iter().map(|timestep| *timestep as f32).collect();
            assert_eq!(trace.get("timesteps").values, timesteps, "{what}: timesteps");
            let (start, image) = (trace.get("initial_latents"), trace.get("image"));
            for k in 0..count {
                let seed = first + k as u64;
                let noise = arrays.get(&format!("noise/{}x{}/{seed}", case.height, case.width));
                assert_eq!(part(&start, k, count), noise.values, "{what}: noise of picture {k}");
                let picture = arrays.get(&format!("{}/{seed}", case.name));
                assert_eq!(image.shape[image.shape.len() - 3..], picture.shape, "{what}");
                let difference = picture.largest_difference(part(&image, k, count));
                println!("{what}: picture {k} differs by {difference:.1e}");
                assert!(difference <= tolerance, "{what}: picture {k} differs by {difference:e}");
            }
        }
    }
}

#[test]
fn an_unconditional_model_draws_what_ddpm_pipeline_draws() {
    compare(&open_on_cpu(Checkpoint::TinyDdpm), "tiny-ddpm", TOLERANCE, |_| true);
}

#[test]
fn files_of_2022_beside_their_index_draw_the_same_pictures() {
    compare(&open_on_cpu(Checkpoint::TinyDdpmLegacy), "tiny-ddpm", TOLERANCE, |name| name == "ddpm");
}

#[test]
fn a_ddim_pipeline_samples_with_ddim_whatever_its_scheduler_config_says() {
    let pipeline = open_on_cpu(Checkpoint::TinyDdim);
    assert_eq!(pipeline.scheduler().expect("a sampler").name(), "ddim");
    compare(&pipeline, "tiny-ddim", TOLERANCE, |_| true);
}

#[test]
fn a_gpu_draws_what_ddim_pipeline_draws() {
    let compute = device::open(DeviceChoice::Gpu(None), DtypeChoice::F32).expect("the device opens");
    // Of the two it has fewer levels: a GPU is tuned for the shapes of each.
    let pipeline = open(&tiny(Checkpoint::TinyDdim), compute);
    compare(&pipeline, "tiny-ddim", GPU_TOLERANCE, |name| name == "short");
}

#[test]
fn what_a_model_can_do_is_known_and_the_rest_is_refused_with_the_models_that_can() {
    let unconditional = open_on_cpu(Checkpoint::TinyDdpm);
    assert_eq!(unconditional.tasks(), [TaskKind::Unconditional]);
    assert!(unconditional.tokenizer().is_none());
    let request = Request {
        sampling: Sampling { steps: 2, ..Sampling::default() },
        size: Size::new(64, 64),
        ..Request::default()
    };
    let line = refusal(&unconditional, &request.clone().with(|request| request.prompts.prompt = "a fox".into()));
    assert!(
        line.starts_with("This model can't do text-to-image: it is made for unconditional. Choose a text"),
        "{line}"
    );

    let guided = open_on_cpu(Checkpoint::TinySd15);
    assert_eq!(guided.tasks(), [TaskKind::TextToImage, TaskKind::ImageToImage, TaskKind::Inpaint]);
    let line = refusal(&guided, &request.clone().with(|request| request.start.task = Task::Unconditional));
    assert!(
        line.starts_with("This model can't do unconditional: it is made for text-to-image, image-to-image"),
        "{line}"
    );
    assert!(line.ends_with("Choose an unconditional model, such as google/ddpm-cat-256"), "{line}");

    let inpainting = open_on_cpu(Checkpoint::TinySd15Inpaint);
    assert_eq!(inpainting.tasks(), [TaskKind::Inpaint]);
    let line = refusal(&inpainting, &request);
    assert!(line.starts_with("This model can't do text-to-image: it is made for inpaint. Choose"), "{line}");
}

#[test]
fn a_size_that_the_network_cannot_halve_is_refused_with_one_that_it_can() {
    let request = Request { start: Task::Unconditional.into(), size: Size::new(64, 72), ..Request::default() };
    let line = refusal(&open_on_cpu(Checkpoint::TinyDdpm), &request);
    assert_eq!(line, "the height must be a multiple of 32 above 0, not 72. The nearest is 64 or 96");
}

#[test]
fn the_defaults_are_those_of_the_pipelines() {
    let (ddpm, ddim) = (open_on_cpu(Checkpoint::TinyDdpm), open_on_cpu(Checkpoint::TinyDdim));
    assert_eq!((ddpm.default_steps(), ddim.default_steps(), ddpm.default_size()), (1000, 50, (64, 64)));
    let refused = |name: &str| {
        let kind = SchedulerKind::from_name(name).expect("a sampler");
        ddpm.refused_schedulers().into_iter().find(|(refused, _)| *refused == kind).map(|(_, error)| error.to_string())
    };
    assert_eq!([refused("ddpm"), refused("ddim"), refused("lcm")], [None, None, None]);
    assert!(refused("euler").expect("it can't").contains("noise that it expects scaled"));
}

#[test]
fn a_preview_is_the_picture_that_the_model_expects_and_a_cancel_ends_the_run() {
    let pipeline = open_on_cpu(Checkpoint::TinyDdpm);
    let request = Request {
        start: Task::Unconditional.into(),
        sampling: Sampling { steps: 5, ..Sampling::default() },
        size: Size::new(64, 64),
        ..Request::default()
    };
    let (cancel, mut seen) = (CancelToken::new(), 0);
    let hooks = Hooks {
        on_phase: &mut |_| {},
        on_step: &mut |step| {
            let sketch = step.sketch.expect("it costs nothing")().expect("a picture");
            let decoded = (step.decode)().expect("a picture");
            assert_eq!(sketch.dimensions(), (64, 64));
            assert_eq!(sketch, decoded);
            seen += 1;
            if step.index == 2 {
                cancel.cancel();
            }
            Ok(())
        },
        cancel: &cancel,
        trace: None,
    };
    assert!(matches!(pipeline.run(&Valid::new(request).expect("a good request"), hooks), Err(Stop::Cancelled)));
    assert_eq!(seen, 3);
}
