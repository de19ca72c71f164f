//! The wishes for a sampler: what is refused, and why. That wishes are fulfilled as by Diffusers is tested by the runs
//! of `schedulers.rs`.

use burnisher::schedulers::{SamplingOptions, SchedulerConfig, SchedulerKind, SigmaSchedule};
use serde_json::{Value, json};

use super::{config, kind};

/// As a recipe has it.
fn asked(value: Value) -> SamplingOptions {
    serde_json::from_value(value).expect("sampling options")
}

/// Makes sure that each sampler refuses what is asked of it under its config, with these words.
fn refuses(cases: &[(&str, Value, Value, &[&str])]) {
    for (name, options, sampling, words) in cases {
        let sampling = asked(sampling.clone());
        let Err(error) = kind(name).build(&config(options.clone()), 10, &sampling) else {
            panic!("{name} accepts {sampling:?}");
        };
        let message = error.to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{name} should name {words:?}: {message}");
    }
}

#[test]
fn what_no_sampler_could_do_is_refused_by_name() {
    let none = json!({});
    refuses(&[
        ("ddim", none.clone(), json!({"eta": 1.5}), &["eta", "0 to 1", "1.5"]),
        ("ddim", none.clone(), json!({"eta": -0.1}), &["eta", "-0.1"]),
        ("euler", none.clone(), json!({"timesteps": []}), &["timesteps", "empty"]),
        ("euler", none.clone(), json!({"timesteps": [500.0, 900.0]}), &["timesteps must fall", "900 comes after 500"]),
        ("euler", none.clone(), json!({"timesteps": [500.0, 500.0]}), &["must fall"]),
        ("euler", none.clone(), json!({"timesteps": [500.0, -1.0]}), &["timesteps", "0 up", "-1"]),
        ("euler", none.clone(), json!({"sigmas": [1.0, 2.0, 0.0]}), &["sigmas must fall", "2 comes after 1"]),
        ("euler", none.clone(), json!({"timesteps": [5.0], "sigmas": [2.0, 0.0]}), &["timesteps and sigmas", "both"]),
    ]);
    let infinite = SamplingOptions { sigmas: Some(vec![f64::INFINITY, 0.0]), ..SamplingOptions::default() };
    assert!(infinite.validate().expect_err("no level").to_string().contains("inf"));
    let nan = SamplingOptions { timesteps: Some(vec![f64::NAN]), ..SamplingOptions::default() };
    assert!(nan.validate().expect_err("no timestep").to_string().contains("NaN"));
}

#[test]
fn what_a_sampler_does_not_take_is_refused_with_those_that_do() {
    let none = json!({});
    refuses(&[
        ("euler", none.clone(), json!({"eta": 0.5}), &["Euler takes no eta", "ddim, tcd"]),
        (
            "plms",
            none.clone(),
            json!({"timesteps": [500.0, 100.0]}),
            &["PLMS takes no list of timesteps", "ddpm", "heun"],
        ),
        ("ddpm", none.clone(), json!({"sigmas": [10.0, 0.0]}), &["DDPM takes no list of sigmas", "euler"]),
        (
            "edm-euler",
            none.clone(),
            json!({"sigmas": [10.0, 1.0]}),
            &["EDM Euler takes no list of sigmas", "flow-euler"],
        ),
        ("euler", none.clone(), json!({"timesteps": [1000.0, 10.0]}), &["0 to 999", "1000"]),
        ("ddpm", none.clone(), json!({"timesteps": [900.5, 10.0]}), &["DDPM takes whole timesteps", "900.5"]),
        ("dpm++2m", none.clone(), json!({"timesteps": [900.5]}), &["whole timesteps"]),
        ("euler", none.clone(), json!({"sigmas": [10.0]}), &["Euler can't do 0 steps"]),
        ("flow-euler", none.clone(), json!({"sigmas": [1.0, 0.5, 0.0]}), &["flow matching", "begins at 0"]),
        ("flow-euler", none.clone(), json!({"sigmas": [14.6, 0.5]}), &["flow matching", "14.6"]),
        ("flow-euler", none.clone(), json!({"timesteps": [1001.0, 500.0]}), &["flow matching", "1.001"]),
        ("euler", json!({"num_train_timesteps": 50}), json!({"timesteps": [50.0, 1.0]}), &["0 to 49"]),
    ]);
}

#[test]
fn contradictions_are_refused_by_name() {
    let none = json!({});
    let beta = json!({"use_beta_sigmas": true});
    refuses(&[
        ("euler", beta.clone(), json!({"sigma_schedule": "karras"}), &["use_beta_sigmas", "asked for already"]),
        (
            "euler-karras",
            none.clone(),
            json!({"sigma_schedule": "beta"}),
            &["Euler Karras", "beta", "goes with karras"],
        ),
        ("euler-karras", none.clone(), json!({"sigma_schedule": "uniform"}), &["Euler Karras", "uniform"]),
        ("dpm++2m", json!({"use_lu_lambdas": true}), json!({"sigma_schedule": "karras"}), &["use_lu_lambdas"]),
        ("dpm++2m-karras", json!({"use_lu_lambdas": true}), none.clone(), &["use_lu_lambdas"]),
        (
            "euler",
            none.clone(),
            json!({"sigma_schedule": "lu"}),
            &["Euler", "lu", "uniform, karras, exponential, beta"],
        ),
        ("ddim", none.clone(), json!({"sigma_schedule": "karras"}), &["DDIM", "karras", "goes with uniform"]),
        ("edm-euler", none.clone(), json!({"sigma_schedule": "beta"}), &["EDM Euler", "beta", "karras, exponential"]),
        (
            "euler-karras",
            none.clone(),
            json!({"timesteps": [900.0, 5.0]}),
            &["use_karras_sigmas", "timesteps are given"],
        ),
        ("euler", beta.clone(), json!({"sigmas": [9.0, 0.0]}), &["use_beta_sigmas", "sigmas are given"]),
        (
            "heun",
            none.clone(),
            json!({"timesteps": [9.0], "sigma_schedule": "beta"}),
            &["use_beta_sigmas", "timesteps"],
        ),
        (
            "euler",
            json!({"timestep_type": "continuous", "prediction_type": "v_prediction"}),
            json!({"timesteps": [900.0, 5.0]}),
            &["timestep_type", "timesteps are given"],
        ),
    ]);
    let uniform = asked(json!({"sigma_schedule": "uniform", "timesteps": [900.0, 5.0]}));
    assert!(kind("euler").build(&config(beta), 10, &uniform).is_ok(), "the user has the last word");
}

#[test]
fn every_schedule_that_a_sampler_lists_can_be_asked_of_it_and_no_other() {
    use SigmaSchedule::{Exponential, Karras, Lu, Uniform};
    for kind in SchedulerKind::ALL {
        let listed = kind.sigma_schedules();
        assert!(!listed.is_empty(), "{kind}");
        for schedule in SigmaSchedule::ALL {
            let sampling = SamplingOptions { sigma_schedule: Some(schedule), ..SamplingOptions::default() };
            let built = kind.build(&SchedulerConfig::new(), 10, &sampling);
            assert_eq!(built.is_ok(), listed.contains(&schedule), "{kind}, {schedule}");
        }
    }
    assert_eq!(kind("dpm++2m").sigma_schedules(), SigmaSchedule::ALL);
    assert_eq!(kind("dpm++2m-lu").sigma_schedules(), [Lu]);
    assert_eq!(kind("euler-a").sigma_schedules(), [Uniform]);
    assert_eq!(kind("edm-euler").sigma_schedules(), [Karras, Exponential]);
}

#[test]
fn an_asked_schedule_is_the_sampler_that_has_it_in_its_name() {
    for (plain, schedule, named) in
        [("euler", SigmaSchedule::Karras, "euler-karras"), ("dpm++2m", SigmaSchedule::Lu, "dpm++2m-lu")]
    {
        let sampling = SamplingOptions { sigma_schedule: Some(schedule), ..SamplingOptions::default() };
        let sigmas = kind(plain).sigmas(&SchedulerConfig::new(), 12, &sampling).expect("it can");
        let by_name = kind(named).sigmas(&SchedulerConfig::new(), 12, &SamplingOptions::default());
        assert_eq!(sigmas, by_name.expect("it can"));
        assert_ne!(
            sigmas,
            kind(plain).sigmas(&SchedulerConfig::new(), 12, &SamplingOptions::default()).expect("it can")
        );
    }
}

#[test]
fn every_sampler_has_noise_levels_to_plot() {
    for kind in SchedulerKind::ALL {
        for steps in [5, 20] {
            let sigmas = kind.sigmas(&SchedulerConfig::new(), steps, &SamplingOptions::default()).expect("it can");
            assert_eq!(sigmas.len(), steps + 1, "{kind}: one a step and the end, not one a call of the model");
            assert!(sigmas.is_sorted_by(|a, b| a >= b), "{kind}: {sigmas:?}");
            assert!(sigmas.iter().all(|sigma| sigma.is_finite() && *sigma >= 0.0), "{kind}: {sigmas:?}");
        }
    }
    // A schedule that starts from noise alone.
    let rescaled = config(
        json!({"rescale_betas_zero_snr": true, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}),
    );
    let sigmas = kind("ddim").sigmas(&rescaled, 10, &SamplingOptions::default()).expect("it can");
    assert!((sigmas[0] - 4096.0).abs() < 1e-9, "{sigmas:?}");
}

#[test]
fn a_list_says_how_many_steps_there_are() {
    let sigmas = asked(json!({"sigmas": [0.9, 0.5, 0.1]}));
    assert_eq!((kind("euler").steps(50, &sigmas), kind("flow-euler").steps(50, &sigmas)), (2, 3));
    assert_eq!(kind("heun").steps(50, &asked(json!({"timesteps": [900, 500, 100]}))), 3);
    assert_eq!(kind("heun").steps(50, &SamplingOptions::default()), 50);
    let run = kind("euler").sigmas(&SchedulerConfig::new(), 50, &sigmas).expect("it can");
    assert_eq!(run.len(), 3);
}

#[test]
fn a_schedule_is_known_by_its_name_everywhere() {
    for schedule in SigmaSchedule::ALL {
        assert_eq!(schedule.name().parse::<SigmaSchedule>().expect("its own name"), schedule);
        assert_eq!(serde_json::to_value(schedule).expect("a string"), schedule.name());
        assert_eq!(schedule.label().to_lowercase(), schedule.name());
    }
    let message = "cosine".parse::<SigmaSchedule>().expect_err("none").to_string();
    assert!(message.contains("cosine") && message.contains("exponential"), "{message}");
}

#[test]
fn a_setting_says_where_it_comes_from() {
    let file = config(json!({
        "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "skip_prk_steps": true,
    }));
    let karras = SamplingOptions { sigma_schedule: Some(SigmaSchedule::Karras), ..SamplingOptions::default() };
    let settings = |kind: SchedulerKind, sampling: &SamplingOptions| -> Vec<String> {
        kind.settings(&file, sampling).iter().map(ToString::to_string).collect()
    };
    let shown = settings(kind("euler"), &karras);
    for line in [
        "beta_end = 0.012",
        "beta_start = 0.0001 (default)",
        "timestep_spacing = \"linspace\" (default)",
        "use_karras_sigmas = true (sampler)",
        "skip_prk_steps = true (unused)",
    ] {
        assert!(shown.iter().any(|shown| shown == line), "{line} in {shown:#?}");
    }
    assert!(!shown.iter().any(|line| line.starts_with('_')), "{shown:?}");
    assert!(
        settings(kind("euler-karras"), &SamplingOptions::default())
            .contains(&"use_karras_sigmas = true (sampler)".into())
    );
    assert!(settings(kind("pndm"), &SamplingOptions::default()).contains(&"skip_prk_steps = true".into()));
}
