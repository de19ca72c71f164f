//! Upstream's own expectations of a full loop, within upstream's own tolerances: `tests/golden/schedulers/generate.py`
//! takes them over from the tests of Diffusers, for the classes that we have.

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor, TensorData};
use burnisher::base::rng::Generators;
use burnisher::schedulers::{SamplingOptions, SchedulerConfig, SchedulerKind};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expectations {
    cases: Vec<Case>,
    left_out: Vec<LeftOut>,
}

/// A case of upstream's that we leave out.
#[derive(Deserialize)]
struct LeftOut {
    file: String,
    test: String,
    /// Why.
    reason: String,
}

/// How many full loops upstream has expectations of.
const UPSTREAM: usize = 86;

#[derive(Deserialize)]
struct Case {
    test: String,
    scheduler: String,
    config_non_default: SchedulerConfig,
    steps: usize,
    t_start: Option<usize>,
    expected_sum: Vec<f64>,
    expected_mean: Vec<f64>,
    tol_sum: Vec<f64>,
    tol_mean: Vec<f64>,
}

/// `arange(768)`, or the same from the other end, laid out as (channel, row, column, batch) and permuted to (batch,
/// ...).
fn ramp(reversed: bool) -> Tensor<4> {
    let values: Vec<f32> = (0..768_u16).map(|i| f32::from(if reversed { 767 - i } else { i }) / 768.0).collect();
    Tensor::<4>::from_data(TensorData::new(values, [3, 8, 8, 4]), &Device::flex()).permute([3, 0, 1, 2])
}

/// The sum and the mean of the absolute values at the end of the loop.
fn full_loop(case: &Case) -> (f64, f64) {
    let mut config = case.config_non_default.clone();
    config.insert("_class_name".into(), case.scheduler.as_str().into());
    let kind = SchedulerKind::from_config(&config).expect("a class that we have");
    let mut scheduler =
        kind.build(&config, case.steps, &SamplingOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", case.test));

    let mut generators = Generators::per_image([0]);
    let start = case.t_start.unwrap_or(0) * scheduler.order();
    // Upstream's tests of this one scale neither the noise nor the model's input.
    let is_scaled = case.scheduler != "EDMDPMSolverMultistepScheduler";
    // And but for those of this one, they go on from the scaled sample, which its pipelines don't.
    let goes_on_scaled = case.scheduler != "EDMEulerScheduler";
    let mut sample = if is_scaled { ramp(false) * scheduler.init_noise_sigma() } else { ramp(false) };
    if case.t_start.is_some() {
        sample = scheduler.add_noise(&sample, &ramp(true), start);
    }
    // Upstream's test of iPNDM goes through its steps twice, and on from the first time's noises.
    let rounds = if case.scheduler == "IPNDMScheduler" { 2 } else { 1 };
    let steps: Vec<(usize, f64)> = scheduler.timesteps().iter().copied().enumerate().skip(start).collect();
    for (i, timestep) in steps.repeat(rounds) {
        let input = if is_scaled { scheduler.scale_model_input(sample.clone(), i) } else { sample.clone() };
        let output = input.clone() * (timestep / (timestep + 1.0));
        let sample_in = if goes_on_scaled { input } else { sample };
        sample = scheduler.step(output, i, sample_in, &mut generators).expect("steps").prev_sample;
    }
    // Upstream sums in f32, which shows in the largest results.
    let sum = f64::from(sample.abs().sum().into_scalar::<f32>());
    (sum, sum / 768.0)
}

#[test]
fn full_loops_end_where_upstream_expects() {
    let golden: Expectations =
        serde_json::from_str(include_str!("../../golden/schedulers/expectations.json")).expect("readable");
    assert_eq!(golden.cases.len(), 60);
    for case in &golden.cases {
        let (sum, mean) = full_loop(case);
        let tolerances = |tolerances: &[f64]| tolerances.first().copied();
        assert!(tolerances(&case.tol_sum).or(tolerances(&case.tol_mean)).is_some(), "{} checks nothing", case.test);
        for (found, expected, tolerance) in [
            (sum, &case.expected_sum, tolerances(&case.tol_sum)),
            (mean, &case.expected_mean, tolerances(&case.tol_mean)),
        ] {
            let Some(tolerance) = tolerance else { continue };
            for expected in expected {
                assert!((found - expected).abs() < tolerance, "{}: {found} for {expected}", case.test);
            }
        }
    }
}

#[test]
fn upstreams_cases_are_checked_or_left_out_for_a_reason() {
    let golden: Expectations =
        serde_json::from_str(include_str!("../../golden/schedulers/expectations.json")).expect("readable");
    assert_eq!(golden.cases.len() + golden.left_out.len(), UPSTREAM);
    for LeftOut { file, test, reason } in &golden.left_out {
        assert!(reason.split_whitespace().count() > 4, "{file}, {test} is left out, but why?");
    }
    let named: BTreeSet<_> = golden.left_out.iter().map(|case| (&case.file, &case.test)).collect();
    assert_eq!(named.len(), golden.left_out.len(), "each once");

    let classes: BTreeSet<_> = SchedulerKind::ALL.iter().map(|kind| kind.class_name()).collect();
    let checked: BTreeSet<_> = golden.cases.iter().map(|case| case.scheduler.as_str()).collect();
    // Upstream has no full loop of flow matching, and its expectations of DPM++ SDE are of torchsde's noise.
    let without = BTreeSet::from(["DPMSolverSDEScheduler", "FlowMatchEulerDiscreteScheduler"]);
    assert_eq!(classes.difference(&checked).copied().collect::<BTreeSet<_>>(), without);
}
