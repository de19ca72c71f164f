//! The schedulers against Diffusers' own runs: `tests/golden/schedulers/generate.py`.

mod expectations;
mod refusals;
mod sampling;
mod snapshots;

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{DType, Device, Tensor, TensorData};
use burnisher::base::error::Result;
use burnisher::base::rng::{Generators, TorchRng};
use burnisher::schedulers::{SamplingOptions, Scheduler, SchedulerConfig, SchedulerKind};
use serde::Deserialize;
use serde_json::{Value, json};

/// Diffusers' own arithmetic is f32: a step of a run differs from ours by a few roundings, relative to the largest
/// value.
const TRAJECTORY: f64 = 1e-5;
/// Sigmas are f32 in Diffusers, with its libraries' roots and powers.
const SIGMA: f64 = 1e-6;
/// The tolerance of sigmas where the schedule is rescaled to zero signal. Rescaling magnifies the rounding of torch's
/// square root (from MKL), which differs from IEEE 754 in every fifth case: with numpy's root, Diffusers' sigmas move
/// by 1.8e-6.
const RESCALED_SIGMA: f64 = 2e-6;

#[derive(Deserialize)]
struct Golden {
    every_step_count: Vec<EveryStepCount>,
    resolved: Vec<Resolved>,
}

/// The runs of one class.
#[derive(Deserialize)]
struct ClassRuns {
    runs: Vec<Runs>,
}

#[derive(Deserialize)]
struct Runs {
    config: SchedulerConfig,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    kind: SchedulerKind,
    steps: usize,
    start: usize,
    #[serde(default)]
    sampling: SamplingOptions,
    init: f64,
    timesteps: Option<Vec<f64>>,
    sigmas: Option<Vec<f64>>,
    values: Vec<f64>,
    last: Vec<f64>,
}

impl Case {
    fn place(&self, config: &SchedulerConfig) -> String {
        let Self { kind, steps, start, .. } = self;
        format!("{kind} x {steps} from {start}, {}, {}", json!(self.sampling), json!(config))
    }

    fn build(&self, config: &SchedulerConfig) -> Scheduler {
        let built = self.kind.build(config, self.steps, &self.sampling);
        built.unwrap_or_else(|e| panic!("{}: {e}", self.place(config)))
    }

    /// Returns whether its sigmas are not those of its timesteps.
    fn is_by_sigma(&self, config: &SchedulerConfig) -> bool {
        let keys = ["use_exponential_sigmas", "use_beta_sigmas", "timestep_type"];
        let asked = self.sampling.sigma_schedule.is_some() || self.sampling.sigmas.is_some();
        asked || self.kind.name().ends_with("-karras") || keys.iter().any(|key| config.contains_key(*key))
    }
}

#[derive(Deserialize)]
struct EveryStepCount {
    kind: SchedulerKind,
    spacing: String,
    first: usize,
    sums: Vec<f64>,
}

#[derive(Deserialize)]
struct Resolved {
    kind: SchedulerKind,
    config: SchedulerConfig,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/schedulers/schedulers.json"))
        .expect("the golden is as generate.py writes it")
}

/// The runs of every class that we have. A class without runs fails here.
fn golden_runs() -> Vec<Runs> {
    let classes: BTreeSet<_> = SchedulerKind::ALL.iter().map(|kind| kind.class_name()).collect();
    let runs = |class: &str| {
        let path = format!("{}/tests/golden/schedulers/runs/{class}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{e}: {path}"));
        let golden: ClassRuns = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {path}"));
        golden.runs
    };
    classes.into_iter().flat_map(runs).collect()
}

#[derive(Deserialize)]
struct WrittenOptions {
    cases: Vec<Written>,
}

#[derive(Deserialize)]
struct Written {
    kind: SchedulerKind,
    config: SchedulerConfig,
    last: Vec<f64>,
}

#[test]
fn null_and_values_of_another_type_are_what_python_makes_of_them() {
    let golden: WrittenOptions =
        serde_json::from_str(include_str!("../golden/schedulers/options.json")).expect("the golden is sound");
    assert!(golden.cases.len() > 150, "{}", golden.cases.len());
    let mut wrong = Vec::new();
    for Written { kind, config, last } in golden.cases {
        let built = kind.build(&config, 10, &SamplingOptions::default());
        match built.and_then(|mut scheduler| run(&mut scheduler, 0)) {
            Ok(samples) => {
                let ours = samples.last().expect("a step");
                let largest = samples.iter().flatten().fold(0.0, |largest: f64, value| largest.max(value.abs()));
                let off = ours.iter().zip(&last).fold(0.0, |off: f64, (a, b)| off.max((a - b).abs()));
                // Ten steps, each of which may be as far off as in the other runs.
                if off.is_nan() || off > 10.0 * TRAJECTORY * largest {
                    wrong.push(format!("{kind}, {}: off by {off}", json!(config)));
                }
            }
            Err(error) => wrong.push(format!("{kind}, {}: {error}", json!(config))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn config(value: Value) -> SchedulerConfig {
    serde_json::from_value(value).expect("a map")
}

fn kind(name: &str) -> SchedulerKind {
    SchedulerKind::from_name(name).expect("a known name")
}

fn randn(seed: u64) -> Tensor<4> {
    let shape = [1, 4, 2, 2];
    Tensor::from_data(TensorData::new(TorchRng::manual_seed(seed).randn(16), shape), &Device::flex())
}

fn values(tensor: &Tensor<4>) -> Vec<f64> {
    tensor.clone().cast(DType::F32).into_data().iter::<f64>().collect()
}

/// The closed-form model of generate.py.
fn model(x: &Tensor<4>, timestep: f64) -> Tensor<4> {
    x.clone() / (x.clone().abs() + 1.0) * (0.5 + timestep / 2000.0)
}

fn first_sample(scheduler: &Scheduler, start: usize) -> Tensor<4> {
    match start {
        0 => randn(7) * scheduler.init_noise_sigma(),
        start => scheduler.add_noise(&randn(8), &randn(7), start),
    }
}

/// Runs the model and gives the sample after each step.
fn run(scheduler: &mut Scheduler, start: usize) -> Result<Vec<Vec<f64>>> {
    let mut sample = first_sample(scheduler, start);
    let mut generators = Generators::per_image([9]);
    let timesteps = scheduler.timesteps().to_vec();
    let mut samples = Vec::new();
    for (i, timestep) in timesteps.into_iter().enumerate().skip(start) {
        let output = model(&scheduler.scale_model_input(sample.clone(), i), timestep);
        sample = scheduler.step(output, i, sample, &mut generators)?.prev_sample;
        samples.push(values(&sample));
    }
    Ok(samples)
}

/// The distance of two values, relative to the scale of what they are part of.
fn difference(ours: f64, theirs: f64, scale: f64) -> f64 {
    (ours - theirs).abs() / scale
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

#[test]
fn every_run_follows_diffusers_step_by_step() {
    let mut count = 0;
    let mut worst = BTreeMap::new();
    let mut wrong = Vec::new();
    for Runs { config, cases } in &golden_runs() {
        for case in cases {
            let place = case.place(config);
            let mut scheduler = case.build(config);
            let samples = run(&mut scheduler, case.start).unwrap_or_else(|e| panic!("{place}: {e}"));
            assert_eq!(samples.len(), case.values.len(), "calls of the model, {place}");
            for (i, (sample, theirs)) in samples.iter().zip(&case.values).enumerate() {
                let off = difference(sample[5 * i % 16], *theirs, largest(sample));
                let of_class = worst.entry(case.kind.class_name()).or_insert(0.0_f64);
                *of_class = of_class.max(off);
                if off.is_nan() || off > TRAJECTORY {
                    wrong.push(format!("step {i} is off by {off:.1e}: {place}"));
                    break;
                }
            }
            let last = samples.last().expect("some step");
            for (ours, theirs) in last.iter().zip(&case.last) {
                let off = difference(*ours, *theirs, largest(last));
                if off.is_nan() || off > TRAJECTORY {
                    wrong.push(format!("the last sample: {ours} for {theirs}, {place}"));
                }
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 500, "only {count} runs");
    let worst: Vec<String> = worst.into_iter().map(|(class, off)| format!("{class} {off:.1e}")).collect();
    println!("{count} runs, off by at most: {}", worst.join(", "));
}

#[test]
fn timesteps_and_noise_levels_are_diffusers() {
    for Runs { config, cases } in &golden_runs() {
        for case in cases {
            let place = case.place(config);
            let scheduler = case.build(config);
            assert!(
                difference(scheduler.init_noise_sigma(), case.init, case.init) < SIGMA,
                "init_noise_sigma, {place}"
            );
            let Some(timesteps) = &case.timesteps else { continue };
            assert_eq!(scheduler.timesteps().len(), timesteps.len(), "{place}");
            let by_sigma = case.is_by_sigma(config);
            for (ours, theirs) in scheduler.timesteps().iter().zip(timesteps) {
                // Those that are found by their sigma come of f32 logarithms, a unit in the last place of which shows.
                let in_the_middle = ["dpm2", "dpm++sde"].iter().any(|name| case.kind.name().starts_with(name));
                let close = (in_the_middle || by_sigma && theirs.fract() != 0.0)
                    && difference(*ours, *theirs, 1000.0) < 1e-6
                    || !is_discrete(case.kind) && difference(*ours, *theirs, theirs.abs().max(1.0)) < 1e-6;
                let same = (*ours as f32).to_bits() == (*theirs as f32).to_bits();
                assert!(same || close, "timestep {ours} for {theirs}, {place}");
            }
            if by_sigma && case.kind.class_name() == "SASolverScheduler" {
                // Which adds noise by the timesteps instead: these sigmas show in its runs alone.
                continue;
            }
            // A sigma is what add_noise makes of no original and unit noise, by the signal (not so in flow matching).
            let (zeros, ones) = (randn(7).zeros_like(), randn(7).ones_like());
            for (i, theirs) in case.sigmas.iter().flatten().take(timesteps.len()).enumerate() {
                let noise = values(&scheduler.add_noise(&zeros, &ones, i))[0];
                let signal = values(&scheduler.add_noise(&ones, &zeros, i))[0];
                let sigma = if case.kind.name() == "flow-euler" { noise } else { noise / signal };
                let rescaled = config.get("rescale_betas_zero_snr") == Some(&Value::Bool(true));
                assert!(
                    difference(sigma, *theirs, *theirs) < if rescaled { RESCALED_SIGMA } else { SIGMA },
                    "sigma {i} {sigma} for {theirs}, {place}"
                );
            }
            sigmas_for_a_plot_are_those(case, config, &place);
        }
    }
}

/// Checks the sigmas for a plot. For samplers that call the model twice a step, Diffusers has most sigmas twice.
fn sigmas_for_a_plot_are_those(case: &Case, config: &SchedulerConfig, place: &str) {
    let Some(mut theirs) = case.sigmas.clone() else { return };
    let ours = case.kind.sigmas(config, case.steps, &case.sampling).expect("it can be built");
    if theirs.len() > case.steps + 1 {
        theirs.dedup();
    }
    // Where they are even in their logarithms, Diffusers has one that is never visited.
    theirs.truncate(case.steps + 1);
    assert_eq!(ours.len(), theirs.len(), "{place}");
    let rescaled = config.get("rescale_betas_zero_snr") == Some(&Value::Bool(true));
    let tolerance = if rescaled { RESCALED_SIGMA } else { SIGMA };
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!((ours - theirs).abs() <= tolerance * theirs, "sigma {ours} for {theirs}, {place}");
    }
}

#[test]
fn every_number_of_steps_visits_diffusers_timesteps() {
    let golden = golden();
    assert_eq!(golden.every_step_count.len(), 36);
    for EveryStepCount { kind, spacing, first, sums } in golden.every_step_count {
        let mut config = sd15();
        config.insert("timestep_spacing".into(), spacing.as_str().into());
        for (steps, theirs) in (first..).zip(sums) {
            let scheduler =
                kind.build(&config, steps, &SamplingOptions::default()).expect("a possible number of steps");
            let ours: f64 = (1..).zip(scheduler.timesteps()).map(|(place, timestep)| f64::from(place) * timestep).sum();
            assert!((ours - theirs).abs() < 1e-3, "{kind}, {spacing}, {steps} steps: {ours} for {theirs}");
        }
    }
}

/// The configuration that the checkpoints of Stable Diffusion 1.5 have.
fn sd15() -> SchedulerConfig {
    config(json!({
        "_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
        "clip_sample": false, "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1,
    }))
}

/// The configuration of a checkpoint that was saved with this sampler.
fn saved_with(kind: SchedulerKind) -> SchedulerConfig {
    let mut config = sd15();
    config.insert("_class_name".into(), kind.class_name().into());
    config
}

/// Returns whether it is for models with a noise schedule.
fn is_discrete(kind: SchedulerKind) -> bool {
    !["ipndm", "edm-euler", "edm-dpm++2m", "flow-euler"].contains(&kind.name())
}

#[test]
fn the_options_in_force_are_those_that_diffusers_prints() {
    let mut file = sd15();
    file.insert("a_key_of_tomorrow".into(), json!([1, 2]));
    let golden = golden();
    assert_eq!(golden.resolved.len(), SchedulerKind::ALL.len());
    for Resolved { kind, config } in golden.resolved {
        let settings = kind.settings(&file, &SamplingOptions::default());
        assert!(settings.is_sorted_by_key(|setting| setting.key.clone()), "{kind}");
        let own = ("_class_name".to_owned(), Value::from(kind.class_name()));
        let ours: Value = settings.into_iter().map(|setting| (setting.key, setting.value)).chain([own]).collect();
        assert_eq!(ours, Value::from(config), "{kind}");
    }
}

#[test]
fn a_run_in_half_precision_keeps_its_dtype_and_comes_close() {
    for kind in SchedulerKind::ALL {
        let config = saved_with(*kind);
        let full = run(&mut kind.build(&config, 10, &SamplingOptions::default()).expect("builds"), 0).expect("runs");
        let mut scheduler = kind.build(&config, 10, &SamplingOptions::default()).expect("builds");
        let mut sample = first_sample(&scheduler, 0).cast(DType::F16);
        let mut generators = Generators::per_image([9]);
        for (i, timestep) in scheduler.timesteps().to_vec().into_iter().enumerate() {
            let output = model(&scheduler.scale_model_input(sample.clone(), i), timestep);
            let step = scheduler.step(output, i, sample, &mut generators).expect("steps");
            assert_eq!(
                (step.prev_sample.dtype(), step.pred_original_sample.dtype()),
                (DType::F16, DType::F16),
                "{kind}"
            );
            sample = step.prev_sample;
        }
        let full = full.last().expect("some step");
        // f16 keeps 11 bits, 5e-4 relative; ten steps round ten times.
        for (half, full_value) in values(&sample).iter().zip(full) {
            assert!(difference(*half, *full_value, largest(full)) < 5e-3, "{kind}: {half} for {full_value}");
        }
    }
}

#[test]
fn the_predicted_original_is_the_clean_sample_when_the_model_knows_the_noise() {
    let (clean, noise) = (randn(8), randn(7));
    for kind in SchedulerKind::ALL.iter().filter(|kind| is_discrete(**kind)) {
        if kind.name() == "sasolver-karras" {
            // It adds noise by the timestep, which is rounded.
            continue;
        }
        let mut scheduler = kind.build(&sd15(), 10, &SamplingOptions::default()).expect("builds");
        let sample = scheduler.add_noise(&clean, &noise, 4);
        let step = scheduler.step(noise.clone(), 4, sample, &mut Generators::per_image([9])).expect("steps");
        for (ours, expected) in values(&step.pred_original_sample).iter().zip(values(&clean)) {
            assert!(
                difference(*ours, expected, largest(&values(&clean))) < TRAJECTORY,
                "{kind}: {ours} for {expected}"
            );
        }
    }
}

#[test]
fn the_second_call_of_a_step_is_refused_without_the_first() {
    for kind in SchedulerKind::ALL {
        let mut scheduler = kind.build(&saved_with(*kind), 10, &SamplingOptions::default()).expect("builds");
        if scheduler.order() == 2 {
            let error =
                scheduler.step(randn(7), 3, randn(8), &mut Generators::per_image([9])).expect_err("no first half");
            assert!(error.to_string().contains("middle of a step"), "{kind}: {error}");
        }
    }
}

#[test]
fn a_stochastic_step_draws_by_one_generator_or_one_an_image() {
    let batch = Tensor::cat(vec![randn(7), randn(8)], 0);
    let alone = |seeds: &[u64], sample: Tensor<4>| {
        let mut scheduler = kind("euler-a").build(&sd15(), 10, &SamplingOptions::default()).expect("builds");
        let mut generators = Generators::per_image(seeds.iter().copied());
        let step = scheduler.step(model(&sample, 500.0), 5, sample, &mut generators).expect("steps");
        values(&step.prev_sample)
    };
    let each = alone(&[1, 2], batch.clone());
    assert_eq!(each[..16], alone(&[1], randn(7)));
    assert_eq!(each[16..], alone(&[2], randn(8)));
    let together = alone(&[1], batch);
    assert_eq!(together[..16], each[..16]);
    assert_ne!(together[16..], each[16..]);
}

#[test]
fn a_kind_is_known_by_its_name_everywhere() {
    for kind in SchedulerKind::ALL {
        assert_eq!(SchedulerKind::from_name(kind.name()).expect("its own name"), *kind);
        assert_eq!(kind.to_string().parse::<SchedulerKind>().expect("its own name"), *kind);
        let text = serde_json::to_string(kind).expect("a string");
        assert_eq!(text, format!("{:?}", kind.name()));
        assert_eq!(serde_json::from_str::<SchedulerKind>(&text).expect("its own name"), *kind);
        assert!(!kind.label().is_empty());
    }
    let karras = kind("dpm++2m-karras");
    assert_eq!((karras.label(), karras.class_name()), ("DPM++ 2M Karras", "DPMSolverMultistepScheduler"));
    assert_eq!(SchedulerKind::from_config(&sd15()).expect("PNDM").name(), "pndm");
}

#[test]
fn a_minus_infinity_may_be_written_as_text() {
    let config = config(json!({"lambda_min_clipped": "-Infinity"}));
    assert!(kind("dpm++2m").build(&config, 10, &SamplingOptions::default()).is_ok());
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let message = SchedulerKind::from_name("eulr").expect_err("no such name").to_string();
    assert!(
        message.contains("eulr") && SchedulerKind::ALL.iter().all(|kind| message.contains(kind.name())),
        "{message}"
    );
    let message =
        SchedulerKind::from_config(&config(json!({"_class_name": "RePaintScheduler"}))).expect_err("none").to_string();
    assert!(message.contains("RePaintScheduler") && message.contains("euler-a"), "{message}");
    assert!(SchedulerKind::from_config(&config(json!({}))).expect_err("none").to_string().contains("_class_name"));
}
