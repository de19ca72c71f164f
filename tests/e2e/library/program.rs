//! `burnisher models`.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{SDXL, Tree, bytes};
use crate::command_line::{stdout, text};

/// The program with this tree as the user's folder.
fn models(tree: &Tree, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_burnisher"));
    command.arg("models").args(args).env("HOME", tree.path("")).current_dir(tree.path(""));
    for name in [
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "XDG_CACHE_HOME",
        "HF_HOME",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
    ] {
        command.env_remove(name);
    }
    command.output().expect("the program starts")
}

fn listed(output: &Output) -> Value {
    serde_json::from_str(stdout(output)).expect("JSON")
}

#[test]
fn models_are_listed_in_columns_with_what_is_wrong_below() {
    let tree = Tree::new();
    tree.model("ComfyUI/models/checkpoints/photo.safetensors");
    tree.write("ComfyUI/models/checkpoints/xl.safetensors", &bytes(&SDXL, "F32"));
    let output = models(&tree, &[]);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert_eq!(words(lines[0]), "NAME FAMILY NUMBERS SIZE STATE APP WHERE");
    let path = tree.path("ComfyUI/models/checkpoints/photo.safetensors");
    assert!(
        lines.iter().any(|line| words(line).starts_with("photo Stable Diffusion 1 f16 ")
            && line.contains("ready")
            && line.ends_with(&*path.to_string_lossy())),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("Pictogram 64 (bundled)") && line.ends_with("built in")),
        "{lines:?}"
    );
    let at = lines.iter().position(|line| line.starts_with("xl ")).expect("listed");
    assert!(lines[at + 1].starts_with("    It is a Stable Diffusion XL checkpoint"), "{lines:?}");
}

#[test]
fn the_list_is_there_for_scripts() {
    let tree = Tree::new();
    tree.model("in/one.safetensors").model("in/two.safetensors").model("not/three.safetensors");
    let list = listed(&models(&tree, &["--json", "in"]));
    let one = &list["models"][0];
    let path = "in/one.safetensors";
    for (key, value) in [
        ("name", json!("one")),
        ("model", json!(path)),
        ("path", json!(path)),
        ("kind", json!("checkpoint")),
        ("family", json!("Stable Diffusion 1")),
        ("precisions", json!(["f16"])),
        ("app", json!("folder")),
        ("state", json!("whole")),
        ("usable", json!(true)),
        ("why", Value::Null),
        ("repair", Value::Null),
    ] {
        assert_eq!(one[key], value, "{key}");
    }
    assert!(one["bytes"].as_u64() > Some(1000) && one["modified"].as_u64() > Some(1_600_000_000), "{one}");
    assert_eq!(list["models"].as_array().map(Vec::len), Some(2), "only the folder that was named");
    assert_eq!((&list["troubles"], list.get("duplicates")), (&json!([]), None));
    let list = listed(&models(&tree, &["--json", "--duplicates", "in", "not", "gone"]));
    assert_eq!(list["duplicates"][0]["files"].as_array().map(Vec::len), Some(3));
    assert_eq!(list["duplicates"][0]["sha256"].as_str().map(str::len), Some(64));
    assert!(list["troubles"][0].as_str().expect("text").contains("gone"), "{list}");
}

#[test]
fn a_model_that_is_not_what_the_hub_gave_fails_the_check() {
    let tree = Tree::new();
    let repo = ".cache/huggingface/hub/models--acme--single";
    let hash = "ab".repeat(32);
    tree.model(&format!("{repo}/blobs/{hash}"));
    super::link(
        std::path::Path::new(&format!("../../blobs/{hash}")),
        &tree.path(&format!("{repo}/snapshots/0123456/v1.safetensors")),
    );
    let list = listed(&models(&tree, &["--json"]));
    let of_hub = |list: &Value| {
        let models = list["models"].as_array().expect("a list").clone();
        models.into_iter().find(|model| model["app"] == "hub").expect("found")
    };
    assert_eq!((&of_hub(&list)["state"], of_hub(&list).get("verified")), (&json!("whole"), None));
    let output = models(&tree, &["--json", "--verify"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("The checksum differs from the Hub's") && said.contains(&hash), "{said}");
    let list: Value = serde_json::from_str(text(&output.stdout)).expect("JSON");
    assert_eq!((&of_hub(&list)["state"], &of_hub(&list)["verified"]), (&json!("broken"), &json!(false)));
}
