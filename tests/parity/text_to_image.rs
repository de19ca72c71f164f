//! Whole pictures against `StableDiffusionPipeline`'s (`tests/golden/text_to_image`): every sampler, with and without
//! guidance, one picture a run and two, and what else a request can ask for.

use std::collections::BTreeMap;

use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size};
use burnisher::pipelines::DiffusionPipeline;
use burnisher::schedulers::{SamplingOptions, SchedulerKind};
use serde::Deserialize;

use crate::runs::{draw, open, part, tiny};
use crate::support::checkpoints::Checkpoint;
use crate::support::golden::{Arrays, json};

/// In 0..1. Storing goldens in 16 bits makes up to 8e-6 of it; the rest is sums in another order, for tens of network calls.
const CPU_TOLERANCE: f32 = 5e-5;
/// Graphics cards also have roots and exponentials of their own.
const GPU_TOLERANCE: f32 = 5e-4;

#[derive(Deserialize)]
struct Case {
    name: String,
    scheduler: Option<String>,
    prompt: String,
    negative_prompt: String,
    steps: usize,
    guidance_scale: f64,
    guidance_rescale: f64,
    width: usize,
    height: usize,
    seeds: Vec<u64>,
    #[serde(default)]
    sampling: SamplingOptions,
    timesteps: Vec<f64>,
}

impl Case {
    fn request(&self, seed: u64, count: usize) -> Request {
        Request {
            prompts: Prompts::both(&self.prompt, &self.negative_prompt),
            guidance: Guidance::new(self.guidance_scale, self.guidance_rescale),
            seeds: Seeds::new(seed, count),
            size: Size::new(self.width, self.height),
            ..Request::default()
        }
        .with(|request| {
            let scheduler = self.scheduler.as_ref().map(|name| name.parse().expect("a sampler that we have"));
            (request.sampling.scheduler, request.sampling.steps) = (scheduler, self.steps);
            request.sampling.options = self.sampling.clone();
        })
    }

    /// First seed and number of pictures of the runs that reach every golden: each alone, and with its successor.
    fn runs(&self) -> Vec<(u64, usize)> {
        let has = |seed: Option<u64>| seed.is_some_and(|seed| self.seeds.contains(&seed));
        let runs_of = |seed: u64| match (has(seed.checked_add(1)), has(seed.checked_sub(1))) {
            (true, _) => vec![(seed, 1), (seed, 2)],
            (false, true) => vec![],
            (false, false) => vec![(seed, 1)],
        };
        self.seeds.iter().flat_map(|seed| runs_of(*seed)).collect()
    }
}

/// A pipeline beside what Diffusers drew with the same weights.
struct Comparison {
    golden: &'static str,
    pipeline: DiffusionPipeline,
    cases: Vec<Case>,
    arrays: Arrays,
    tolerance: f32,
}

impl Comparison {
    fn on_cpu(model: &ModelRef, golden: &'static str) -> Self {
        Self::new(model, golden, DeviceChoice::Cpu, CPU_TOLERANCE)
    }

    fn new(model: &ModelRef, golden: &'static str, device: DeviceChoice, tolerance: f32) -> Self {
        let compute = device::open(device, DtypeChoice::F32).expect("the device opens");
        let cases = json::<BTreeMap<String, Vec<Case>>>("text_to_image/cases.json").remove(golden);
        Self {
            golden,
            pipeline: open(model, compute),
            cases: cases.expect("cases of this checkpoint"),
            arrays: Arrays::open(&format!("text_to_image/{golden}")),
            tolerance,
        }
    }

    /// Draws the cases that `wanted` names and compares each number that Diffusers gave for them.
    fn compare(&self, wanted: impl Fn(&str) -> bool) {
        let mut compared = 0;
        for case in self.cases.iter().filter(|case| wanted(&case.name)) {
            for (seed, count) in case.runs() {
                self.compare_run(case, seed, count);
                compared += 1;
            }
        }
        assert!(compared > 0, "no case is wanted");
    }

    fn compare_run(&self, case: &Case, seed: u64, count: usize) {
        let what = format!("{} {} seed {seed}, {count} at once", self.golden, case.name);
        let trace = draw(&self.pipeline, &case.request(seed, count), &what);
        let timesteps = trace.get("timesteps").values;
        assert_eq!(timesteps.len(), case.timesteps.len(), "{what}: timesteps");
        for (ours, theirs) in timesteps.iter().zip(&case.timesteps) {
            // Those that are found by their sigma come of f32 logarithms: `schedulers.rs` compares them.
            let most = if theirs.fract() == 0.0 { 0.0 } else { 1e-3 };
            let same = (f64::from(*ours) - theirs).abs() <= most;
            assert!(same, "{what}: timestep {ours} for {theirs}");
        }

        let sampler = case.scheduler.as_deref().unwrap_or("own");
        let start = trace.get("initial_latents");
        let image = trace.get("image");
        for k in 0..count {
            let seed = seed + k as u64;
            let golden =
                self.arrays.get(&format!("latents/{sampler}/{}x{}/{}/{seed}", case.height, case.width, case.steps));
            assert_eq!(part(&start, k, count), golden.values, "{what}: latents of picture {k}");
            let golden = self.arrays.get(&format!("{}/{seed}", case.name));
            assert_eq!(image.shape[image.shape.len() - 3..], golden.shape, "{what}");
            let difference = golden.largest_difference(part(&image, k, count));
            println!("{what}: picture {k} differs by {difference:.1e}");
            assert!(difference <= self.tolerance, "{what}: picture {k} differs by {difference:e}");
        }
    }

    fn compare_prompt_embeds(&self) {
        let case = &self.cases[0];
        let request = case.request(0, 1).with(|request| {
            request.guidance.scale = 2.0;
            request.sampling.steps = 1;
        });
        let trace = draw(&self.pipeline, &request, self.golden);
        let golden = self.arrays.get("prompt_embeds");
        assert_eq!(trace.get("prompt_embeds").shape, golden.shape);
        let difference = golden.largest_difference(&trace.get("prompt_embeds").values);
        assert!(difference <= 2e-5, "{}: the prompt's embedding differs by {difference:e}", self.golden);
    }
}

#[test]
fn stable_diffusion_1_draws_what_diffusers_draws() {
    let comparison = Comparison::on_cpu(&tiny(Checkpoint::TinySd15), "tiny-sd15");
    comparison.compare(|_| true);
    comparison.compare_prompt_embeds();
}

#[test]
fn stable_diffusion_2_with_v_prediction_draws_what_diffusers_draws() {
    let comparison = Comparison::on_cpu(&tiny(Checkpoint::TinySd21V), "tiny-sd21-v");
    comparison.compare(|_| true);
    comparison.compare_prompt_embeds();
}

#[test]
fn stable_diffusion_1_draws_what_diffusers_draws_with_every_other_sampler() {
    Comparison::on_cpu(&tiny(Checkpoint::TinySd15), "tiny-sd15-samplers").compare(|_| true);
}

#[test]
fn stable_diffusion_2_with_v_prediction_draws_what_diffusers_draws_with_every_other_sampler() {
    Comparison::on_cpu(&tiny(Checkpoint::TinySd21V), "tiny-sd21-v-samplers").compare(|_| true);
}

/// Samplers without a picture of Diffusers' to compare with, and why.
const WITHOUT_PICTURES: [(&str, &str); 6] = [
    ("dpm++sde", "its noise is of a seed of its own in Diffusers, by torchsde's tree"),
    ("dpm++sde-karras", "its noise is of a seed of its own in Diffusers, by torchsde's tree"),
    ("ipndm", "for models with a continuous time"),
    ("edm-euler", "for EDM's own models"),
    ("edm-dpm++2m", "for EDM's own models"),
    ("flow-euler", "for models of flow matching"),
];

#[test]
fn every_sampler_is_compared_in_pictures_of_both_families_with_three_seeds_or_said_why_not() {
    let cases = json::<BTreeMap<String, Vec<Case>>>("text_to_image/cases.json");
    for checkpoint in ["tiny-sd15", "tiny-sd21-v"] {
        let cases: Vec<_> =
            [checkpoint, &format!("{checkpoint}-samplers")].iter().flat_map(|name| &cases[*name]).collect();
        for kind in SchedulerKind::ALL {
            let seeds =
                cases.iter().filter(|case| case.scheduler.as_deref() == Some(kind.name())).map(|case| case.seeds.len());
            let is_compared = seeds.max() >= Some(3);
            let is_left_out = WITHOUT_PICTURES.iter().any(|(name, _)| *name == kind.name());
            assert_ne!(is_compared, is_left_out, "{kind} on {checkpoint}");
        }
    }
}

#[test]
fn the_names_of_transformers_5_draw_the_same_pictures() {
    Comparison::on_cpu(&tiny(Checkpoint::TinySd15Tf5), "tiny-sd15").compare(|_| true);
}

#[test]
fn the_names_of_2022_draw_the_same_pictures() {
    Comparison::on_cpu(&tiny(Checkpoint::TinySd15Legacy), "tiny-sd15").compare(|_| true);
}

#[test]
fn a_scheduler_config_with_every_default_spelled_out_is_carried_over_to_other_samplers() {
    Comparison::on_cpu(&tiny(Checkpoint::TinySd15Saved), "tiny-sd15-saved").compare(|_| true);
}

#[test]
fn the_bundled_model_draws_the_heart_that_diffusers_draws() {
    let comparison = Comparison::on_cpu(&ModelRef::Bundled, "pictogram-64");
    comparison.compare(|_| true);
    comparison.compare_prompt_embeds();
}

#[test]
fn a_gpu_draws_what_diffusers_draws() {
    let on_gpu =
        |checkpoint, golden| Comparison::new(&tiny(checkpoint), golden, DeviceChoice::Gpu(None), GPU_TOLERANCE);
    let comparison = on_gpu(Checkpoint::TinySd15, "tiny-sd15");
    for case in comparison.cases.iter().filter(|case| case.name.ends_with("-7.5")) {
        comparison.compare_run(case, 42, 2);
    }
    // The other family's layers, and what the sampler has no part in: guidance or none, one picture or two.
    let comparison = on_gpu(Checkpoint::TinySd21V, "tiny-sd21-v");
    for case in comparison.cases.iter().filter(|case| case.name.starts_with("euler-")) {
        comparison.compare_run(case, 42, 1);
    }
}

#[test]
fn a_gpu_in_half_precision_comes_close_to_full_precision() {
    let model = tiny(Checkpoint::TinySd15);
    let picture = |dtype| {
        let compute = device::open(DeviceChoice::Gpu(None), dtype).expect("the device opens");
        let pipeline = open(&model, compute);
        let request = Request {
            prompts: Prompts::new("An image of a squirrel in Picasso style"),
            sampling: Sampling {
                scheduler: Some("euler".parse().expect("a sampler that we have")),
                steps: 10,
                ..Sampling::default()
            },
            guidance: Guidance { scale: 7.5, ..Guidance::default() },
            seeds: Seeds::one(42),
            size: Size::new(64, 64),
            ..Request::default()
        };
        draw(&pipeline, &request, "half precision").get("image")
    };
    let (full, half) = (picture(DtypeChoice::F32), picture(DtypeChoice::F16));
    let squares = full.values.iter().zip(&half.values).map(|(a, b)| f64::from(a - b).powi(2));
    let psnr = -10.0 * (squares.sum::<f64>() / full.values.len() as f64).log10();
    println!("f16 against f32: {psnr:.1} dB");
    assert!(psnr > 40.0, "{psnr:.1} dB");
}
