//! `burnisher inspect`, beyond what it prints of a model: the memory plan, and another sampler tried on.

use serde_json::{Value, json};

use crate::command_line::{folder, run, stdout, text};

#[test]
fn inspect_plans_the_memory_and_tries_a_sampler_on() {
    let folder = folder();
    let args = ["inspect", "bundled", "--device", "cpu", "--memory-limit", "0.07", "--scheduler", "euler"];
    let output = run(folder.path(), &args);
    assert!(stdout(&output).contains("\nmemory: Fits: 0.1 of 0.1 GB"), "{}", stdout(&output));
    for line in [
        "sampler euler in its place, as EulerDiscreteScheduler.from_config",
        "  kept prediction_type = \"v_prediction\"",
        "  dropped clip_sample = false",
    ] {
        assert!(stdout(&output).contains(line), "{line} in {}", stdout(&output));
    }
    let large = [&args[..], &["--width", "2048", "--height", "2048", "--json"]].concat();
    let output = run(folder.path(), &large);
    let json: Value = serde_json::from_str(stdout(&output)).expect("JSON");
    assert_eq!(json["memory"]["fits"], json!(false));
    assert!(json["memory"]["instead"].as_array().is_some_and(|instead| !instead.is_empty()), "{json}");
    assert_eq!(json["swap"]["options"][0]["fate"], json!("kept"), "{}", json["swap"]);
    let output = run(folder.path(), &["inspect", "bundled", "--memory-limit", "4GB"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
