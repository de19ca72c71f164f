//! The schedulers' refusals, and their reasons.

use burnisher::schedulers::{SamplingOptions, SchedulerKind};
use serde_json::{Value, json};

use super::{config, kind};

/// What the error says when `name` is built from these options.
fn refusal(name: &str, options: &Value, steps: usize) -> String {
    match kind(name).build(&config(options.clone()), steps, &SamplingOptions::default()) {
        Ok(_) => panic!("{name} accepts {steps} steps of {options}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn samplers_for_another_kind_of_model_are_refused_with_those_that_suit_it() {
    for (class, kind, suitable) in [
        ("PNDMScheduler", "flow-euler", "euler-a"),
        ("PNDMScheduler", "edm-euler", "dpm++2m-karras"),
        ("PNDMScheduler", "ipndm", "unipc"),
        ("FlowMatchEulerDiscreteScheduler", "euler", "Choose one of flow-euler"),
        ("EDMEulerScheduler", "dpm++2m", "Choose one of edm-euler, edm-dpm++2m"),
        ("IPNDMScheduler", "ddim", "Choose one of ipndm"),
    ] {
        let message = refusal(kind, &json!({"_class_name": class}), 10);
        assert!(message.contains(class) && message.contains(suitable), "{message}");
    }
    assert!(
        kind("edm-dpm++2m")
            .build(&config(json!({"_class_name": "EDMEulerScheduler"})), 10, &SamplingOptions::default())
            .is_ok()
    );
}

#[test]
fn impossible_numbers_of_steps_are_refused() {
    for kind in SchedulerKind::ALL {
        for steps in [0, 1001, usize::MAX] {
            let message = refusal(kind.name(), &json!({}), steps);
            assert!(message.contains(&steps.to_string()) && message.contains("1 to 1000"), "{message}");
        }
    }
    for steps in [1, 2, 3] {
        assert!(refusal("pndm-prk", &json!({}), steps).contains("at least 4 steps"));
    }
    // Two steps would fall on one timestep, and the slope between them is 0 / 0.
    assert!(refusal("dpm++2m", &json!({}), 1000).contains("1000 steps"));
    assert!(refusal("dpm++2m", &json!({"timestep_spacing": "leading"}), 1000).contains("1000 steps"));
    assert!(refusal("deis", &json!({}), 1000).contains("1000 steps"));
    assert!(refusal("dpm++2s", &json!({}), 1000).contains("1000 steps"));
    assert!(refusal("sasolver", &json!({}), 1000).contains("1000 steps"));
    assert!(refusal("unipc", &json!({}), 1000).contains("1000 steps"));
    // And here the slopes at one sigma are divided by their distance.
    let offset = json!({"timestep_spacing": "leading", "steps_offset": 1});
    assert!(refusal("lms", &offset, 1000).contains("1000 steps"));
    // Timestep 1000 of 0 to 999.
    assert!(refusal("ddim", &json!({"steps_offset": 1}), 1000).contains("1000"));
    assert!(refusal("ddim", &json!({"steps_offset": -1}), 10).contains("-1"));
}

#[test]
fn options_that_are_wrong_or_missing_here_are_refused_by_name() {
    let all = [
        "ddpm", "ddim", "plms", "euler", "euler-a", "heun", "lms", "dpm++2m", "unipc", "deis", "dpm2", "dpm2-a",
        "dpm++sde", "sasolver",
    ];
    for name in all {
        for (options, words) in [
            (json!({"beta_schedule": "wavy"}), ["beta_schedule", "wavy"]),
            (json!({"prediction_type": "flow_prediction"}), ["prediction_type", "flow_prediction"]),
            (json!({"timestep_spacing": "random"}), ["timestep_spacing", "random"]),
            (json!({"beta_start": "low"}), ["beta_start", "low"]),
            (json!({"beta_end": null}), ["beta_end", "null"]),
            (json!({"beta_start": -0.1}), ["beta_start", "between"]),
            (json!({"beta_end": 2.0}), ["beta_end", "between"]),
            (json!({"beta_start": 0.0, "beta_end": 0.0}), ["beta_start", "between"]),
            (json!({"trained_betas": [0.1, 0.2]}), ["trained_betas", "2 values"]),
            (json!({"num_train_timesteps": 3, "trained_betas": [0.1, 1.5, 0.1]}), ["trained_betas", "between"]),
            (json!({"num_train_timesteps": -1}), ["num_train_timesteps", "-1"]),
            (json!({"num_train_timesteps": 1_000_000_000_000_u64}), ["num_train_timesteps", "1000000000000"]),
            (json!({"timestep_spacing": "leading", "steps_offset": 0.5}), ["steps_offset", "0.5"]),
        ] {
            let message = refusal(name, &options, 3);
            assert!(words.iter().all(|word| message.contains(word)), "{name}: {message}");
        }
    }
}

/// Builds each of these for 10 steps and makes sure that the refusal has the word.
fn refuses(cases: &[(&str, Value, &str)]) {
    for (name, options, word) in cases {
        let message = refusal(name, options, 10);
        assert!(message.contains(word), "{name} should name {word}: {message}");
    }
}

#[test]
fn options_of_one_sampler_are_refused_by_name() {
    refuses(&[
        ("ddpm", json!({"variance_type": "fixed_large_log"}), "fixed_large_log"),
        ("ddpm", json!({"variance_type": "learned_range"}), "learned_range"),
        ("dpm++2m", json!({"variance_type": "learned"}), "variance_type"),
        ("ddim", json!({"clip_sample_range": -1.0}), "clip_sample_range"),
        ("ddim", json!({"thresholding": true, "dynamic_thresholding_ratio": 1.5}), "dynamic_thresholding_ratio"),
        ("dpm++2m", json!({"thresholding": true, "sample_max_value": 0.0}), "sample_max_value"),
        ("plms", json!({"prediction_type": "sample"}), "prediction_type"),
        ("euler-a", json!({"prediction_type": "sample"}), "prediction_type"),
        ("euler", json!({"interpolation_type": "cubic"}), "interpolation_type"),
        ("euler", json!({"timestep_type": "odd"}), "timestep_type"),
        ("euler", json!({"final_sigmas_type": "one"}), "final_sigmas_type"),
        ("euler", json!({"use_karras_sigmas": true, "use_beta_sigmas": true}), "use_beta_sigmas"),
        ("lms-karras", json!({"use_beta_sigmas": true}), "use_beta_sigmas"),
        ("heun-karras", json!({"use_beta_sigmas": true}), "use_beta_sigmas"),
        ("heun", json!({"clip_sample": true, "clip_sample_range": 0.0}), "clip_sample_range"),
        ("dpm++2m-karras", json!({"use_exponential_sigmas": true}), "use_exponential_sigmas"),
        ("euler-karras", json!({"sigma_min": 20.0, "sigma_max": 10.0}), "sigma_min"),
        ("euler-karras", json!({"sigma_min": 0.0}), "sigma_min"),
        ("euler-karras", json!({"sigma_min": 0.001, "final_sigmas_type": "sigma_min"}), "noise levels"),
        ("dpm++2m", json!({"use_flow_sigmas": true}), "use_flow_sigmas"),
        ("dpm++2m", json!({"solver_order": 4}), "solver_order"),
        ("dpm++2m", json!({"solver_order": 0}), "solver_order"),
        ("dpm++2m", json!({"solver_type": "rk4"}), "solver_type"),
        ("dpm++2m", json!({"algorithm_type": "magic"}), "algorithm_type"),
        ("dpm++2m", json!({"algorithm_type": "dpmsolver"}), "final_sigmas_type"),
        ("dpm++3m", json!({"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min"}), "solver_order"),
        ("dpm++2s", json!({"use_flow_sigmas": true}), "use_flow_sigmas"),
        ("dpm++2s", json!({"variance_type": "learned_range"}), "variance_type"),
        ("dpm++2s", json!({"solver_order": 4}), "solver_order"),
        ("dpm++2s", json!({"solver_order": 0}), "solver_order"),
        ("dpm++2s", json!({"solver_type": "rk4"}), "solver_type"),
        ("dpm++2s", json!({"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min"}), "algorithm_type"),
        ("dpm++2s", json!({"algorithm_type": "dpmsolver"}), "final_sigmas_type"),
        (
            "dpm++2s",
            json!({"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "thresholding": true}),
            "thresholding",
        ),
        ("dpm++2s-karras", json!({"use_beta_sigmas": true}), "use_beta_sigmas"),
        ("tcd", json!({"original_inference_steps": 9}), "original_inference_steps"),
        ("unipc", json!({"use_flow_sigmas": true}), "use_flow_sigmas"),
        ("unipc", json!({"use_dynamic_shifting": true}), "use_dynamic_shifting"),
        ("unipc", json!({"shift_terminal": 0.1}), "shift_terminal"),
        ("unipc", json!({"solver_p": "ddim"}), "solver_p"),
        ("unipc", json!({"solver_order": 4}), "solver_order"),
        ("unipc", json!({"solver_type": "bh3"}), "solver_type"),
        ("unipc", json!({"solver_type": "bh1"}), "final_sigmas_type"),
        ("unipc", json!({"predict_x0": false}), "final_sigmas_type"),
        ("unipc", json!({"lower_order_final": false}), "final_sigmas_type"),
        ("unipc", json!({"disable_corrector": 1}), "disable_corrector"),
        ("unipc-karras", json!({"use_beta_sigmas": true}), "use_beta_sigmas"),
        ("deis", json!({"use_flow_sigmas": true}), "use_flow_sigmas"),
        ("deis", json!({"use_dynamic_shifting": true}), "use_dynamic_shifting"),
        ("deis", json!({"solver_order": 4}), "solver_order"),
        ("deis", json!({"solver_type": "rk4"}), "solver_type"),
        ("deis", json!({"algorithm_type": "sde-dpmsolver++"}), "algorithm_type"),
        ("dpm2", json!({"prediction_type": "sample"}), "prediction_type"),
        ("lcm", json!({"original_inference_steps": 9}), "original_inference_steps"),
        ("lcm", json!({"original_inference_steps": 1001}), "original_inference_steps"),
        ("lcm", json!({"timestep_scaling": "long"}), "timestep_scaling"),
        ("dpm2-a", json!({"prediction_type": "sample"}), "prediction_type"),
        ("dpm2-karras", json!({"use_beta_sigmas": true}), "use_beta_sigmas"),
        ("dpm++2m", json!({"lambda_min_clipped": 100.0}), "lambda_min_clipped"),
        ("dpm++2m", json!({"lambda_min_clipped": "low"}), "lambda_min_clipped"),
    ]);
}

#[test]
fn options_of_stochastic_samplers_are_refused_by_name() {
    refuses(&[
        ("dpm++sde", json!({"noise_sampler_seed": 3}), "noise_sampler_seed"),
        ("dpm++sde", json!({"prediction_type": "sample"}), "prediction_type"),
        ("dpm++sde-karras", json!({"use_beta_sigmas": true}), "use_beta_sigmas"),
        ("sasolver", json!({"use_flow_sigmas": true}), "use_flow_sigmas"),
        ("sasolver", json!({"tau_func": "half"}), "tau_func"),
        ("sasolver", json!({"variance_type": "learned"}), "variance_type"),
        ("sasolver", json!({"predictor_order": 0}), "predictor_order"),
        ("sasolver", json!({"corrector_order": 4}), "corrector_order"),
        ("sasolver", json!({"algorithm_type": "dpmsolver++"}), "algorithm_type"),
        ("sasolver", json!({"algorithm_type": "noise_prediction", "thresholding": true}), "thresholding"),
    ]);
}

#[test]
fn options_of_samplers_without_a_noise_schedule_are_refused_by_name() {
    refuses(&[
        ("ipndm", json!({"trained_betas": [0.1]}), "trained_betas"),
        ("edm-euler", json!({"sigma_min": 0.0}), "sigma_min"),
        ("edm-euler", json!({"sigma_max": 0.001}), "sigma_min"),
        ("edm-euler", json!({"sigma_data": 0.0}), "sigma_data"),
        ("edm-euler", json!({"rho": 0.0}), "rho"),
        ("edm-euler", json!({"sigma_schedule": "even"}), "sigma_schedule"),
        ("edm-euler", json!({"prediction_type": "sample"}), "prediction_type"),
        ("edm-dpm++2m", json!({"algorithm_type": "dpmsolver"}), "algorithm_type"),
        ("edm-dpm++2m", json!({"solver_order": 4}), "solver_order"),
        ("edm-dpm++2m", json!({"solver_order": 3, "algorithm_type": "sde-dpmsolver++"}), "solver_order"),
        ("flow-euler", json!({"shift": 0.0}), "shift"),
        ("flow-euler", json!({"shift_terminal": 1.0}), "shift_terminal"),
        ("flow-euler", json!({"use_dynamic_shifting": true}), "use_dynamic_shifting"),
        ("flow-euler", json!({"invert_sigmas": true}), "invert_sigmas"),
        ("flow-euler", json!({"use_karras_sigmas": true, "use_beta_sigmas": true}), "use_beta_sigmas"),
    ]);
}

#[test]
fn noise_without_any_signal_is_refused_where_the_noise_is_what_is_predicted() {
    let options = json!({"rescale_betas_zero_snr": true, "timestep_spacing": "trailing"});
    for name in ["ddim", "ddpm", "lcm", "tcd"] {
        assert!(refusal(name, &options, 10).contains("prediction_type"));
    }
    let dead_end = json!({"num_train_timesteps": 3, "trained_betas": [0.1, 0.2, 1.0], "timestep_spacing": "trailing"});
    for name in [
        "plms", "euler", "euler-a", "heun", "lms", "dpm++2m", "unipc", "deis", "dpm2", "dpm2-a", "dpm++sde",
        "sasolver", "ddim",
    ] {
        assert!(refusal(name, &dead_end, 3).contains("signal"), "{name}");
    }
}
