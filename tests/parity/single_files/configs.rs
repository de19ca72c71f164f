//! The configs that a single file's shapes give, against the published ones, and the family that its names give, against
//! Diffusers'.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use burnisher::families;
use burnisher::storage::checkpoint::Checkpoint;
use half::f16;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::files::{Models, SingleFile, Tensor};
use crate::support::checkpoints::{self, Storage, folder};
use crate::support::golden;

#[derive(Deserialize)]
struct Published {
    parameters: BTreeMap<String, u64>,
    tensors: BTreeMap<String, Vec<usize>>,
}

/// The published models by the names of their files in `assets/configs`.
fn published(family: &str) -> Published {
    let mut all: BTreeMap<String, Published> = golden::json("single_file/published.json");
    let mut take = |name: &str| all.remove(name).expect("a published model");
    let mut found =
        take(if family.starts_with("stable-diffusion-1") { "stable-diffusion-1" } else { "stable-diffusion-2" });
    if family.ends_with("depth") {
        let depth = take("stable-diffusion-2-depth");
        found.tensors.extend(depth.tensors);
        found.parameters.extend(depth.parameters);
    }
    // What the variants read beside the latents: 320 kernels of 3 x 3 for each channel.
    let more = if family.ends_with("inpainting") { 5 } else { u64::from(family.ends_with("depth")) };
    let conv_in = found.tensors.get_mut("model.diffusion_model.input_blocks.0.0.weight").expect("the first");
    conv_in[1] += more as usize;
    *found.parameters.get_mut("unet").expect("it has one") += more * 320 * 9;
    found
}

/// A file of f16 with this header whose numbers are zeros that take no place on the disk. Tells where one tensor begins.
fn write_header(tensors: &BTreeMap<String, Vec<usize>>, path: &Path, wanted: &str) -> u64 {
    let (mut header, mut end, mut found) = (Map::new(), 0, 0);
    for (name, shape) in tensors {
        let start = end;
        found = if name == wanted { start } else { found };
        end += 2 * shape.iter().product::<usize>();
        header.insert(name.clone(), json!({ "dtype": "F16", "shape": shape, "data_offsets": [start, end] }));
    }
    let header = Value::Object(header).to_string();
    let mut file = File::create(path).expect("a file");
    file.write_all(&(header.len() as u64).to_le_bytes()).expect("written");
    file.write_all(header.as_bytes()).expect("written");
    file.set_len((8 + header.len() + end) as u64).expect("a sparse file");
    (8 + header.len() + found) as u64
}

/// What a family's file in `assets/configs` says.
fn published_configs(family: &str) -> Map<String, Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/configs/{family}.json"));
    serde_json::from_slice(&std::fs::read(path).expect("configs")).expect("JSON")
}

/// Checks every config and counts every parameter.
fn assert_is_published(checkpoint: &Checkpoint, family: &str) {
    let configs = published_configs(family);
    assert_eq!(configs["model_index.json"]["_class_name"], checkpoint.class_name());
    for component in checkpoint.components() {
        let name = &component.name;
        let paths = ["config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json"];
        let config = paths.iter().find_map(|path| configs.get(&format!("{name}/{path}")));
        assert_eq!(config, Some(&Value::Object(component.config.clone())), "{family}: {name}");
    }
    let described = checkpoint.describe().expect("the header is sound").components.into_iter();
    let parameters = described.filter_map(|component| Some((component.name, component.weights?.parameters)));
    assert_eq!(parameters.collect::<BTreeMap<_, _>>(), published(family).parameters, "{family}");
}

#[test]
fn a_published_file_gets_the_published_configs() {
    let originals: BTreeMap<String, Value> = golden::json("single_file/original_configs.json");
    for family in [
        "stable-diffusion-1",
        "stable-diffusion-1-inpainting",
        "stable-diffusion-2-base",
        "stable-diffusion-2-inpainting",
        "stable-diffusion-2-depth",
    ] {
        let models = Models::new();
        write_header(&published(family).tensors, &models.path("model.safetensors"), "");
        assert_is_published(&models.open().expect("it opens"), family);
    }
    // Which only what lies beside it tells from the base, where all weights are zeros.
    let models = Models::new();
    write_header(&published("stable-diffusion-2").tensors, &models.path("model.safetensors"), "");
    let text = originals["two"]["text"].as_str().expect("a text");
    let same_heads = text.replace("num_head_channels: 32", "num_head_channels: 64");
    models.put("model.yaml", same_heads.replace("scale_factor: 0.18215", ""));
    assert_is_published(&models.open().expect("it opens"), "stable-diffusion-2");
}

#[test]
fn a_config_in_the_authors_format_says_what_shapes_do_not() {
    let originals: BTreeMap<String, Value> = golden::json("single_file/original_configs.json");
    for (original, family) in [("one", "stable-diffusion-1"), ("two", "stable-diffusion-2")] {
        let models = Models::new();
        write_header(&published(family).tensors, &models.path("model.safetensors"), "");
        let expected = &originals[original];
        models.put("model.yaml", expected["text"].as_str().expect("a text"));
        let checkpoint = models.open().expect("it opens");
        let config = |component: &str| &checkpoint.component(component).expect("it has one").config;
        assert_eq!(config("unet")["attention_head_dim"], expected["attention_head_dim"]);
        assert_eq!(config("vae")["scaling_factor"], expected["scaling_factor"]);
        for key in ["beta_start", "beta_end"] {
            assert_eq!(config("scheduler")[key], expected[key]);
        }
        assert_eq!(
            config("scheduler").get("prediction_type"),
            Some(&expected["prediction_type"]).filter(|v| !v.is_null())
        );
    }
}

#[test]
fn shapes_tell_the_configs_of_models_of_any_size() {
    for checkpoint in [
        checkpoints::Checkpoint::TinySd15,
        checkpoints::Checkpoint::TinySd15Inpaint,
        checkpoints::Checkpoint::TinySd21V,
    ] {
        let models = Models::with(&SingleFile::of(checkpoint));
        let opened = models.open().expect("it opens");
        for (component, untold) in [
            ("unet", &["norm_num_groups", "sample_size", "attention_head_dim", "_diffusers_version"][..]),
            ("vae", &["sample_size", "_diffusers_version"]),
            ("text_encoder", &["num_attention_heads", "projection_dim"]),
        ] {
            let config = &opened.component(component).expect("it has one").config;
            let file = folder(checkpoint, Storage::Whole).join(component).join("config.json");
            let expected: Map<String, Value> =
                serde_json::from_slice(&std::fs::read(file).expect("a config")).expect("JSON");
            let told = expected.iter().filter(|(key, _)| config.contains_key(*key) && !untold.contains(&key.as_str()));
            for (key, value) in told {
                assert_eq!(&config[key], value, "{checkpoint:?}: {component}'s {key}");
            }
        }
    }
}

/// Every evidence, the strongest first: each says the opposite of the next.
#[test]
fn whether_stable_diffusion_2_predicts_velocity_is_found_out() {
    let prediction = |models: &Models| {
        let checkpoint = models.open().expect("it opens");
        let config = &checkpoint.component("scheduler").expect("it has one").config;
        config.get("prediction_type").is_some_and(|prediction| prediction == "v_prediction")
    };
    let file = SingleFile::of(checkpoints::Checkpoint::TinySd21V);
    assert!(prediction(&Models::with(&file)), "as Diffusers has it");
    let step = |step: i64| Tensor { dtype: safetensors::Dtype::I64, shape: vec![], bytes: step.to_le_bytes().to_vec() };
    assert!(prediction(&Models::with(&file.clone().with("global_step", step(110_000)))));
    let base = file.with("global_step", step(875_000));
    assert!(!prediction(&Models::with(&base)));
    let base = base.saying("modelspec.prediction_type", "v");
    assert!(prediction(&Models::with(&base)));
    let models = Models::with(&base);
    models.put("model.yaml", "model:\n  params:\n    parameterization: eps\n");
    assert!(!prediction(&models));
    models.put("model.yaml", "model:\n  params:\n    parameterization: v\n");
    assert!(prediction(&models));

    // The spread of the bias that ComfyUI looks at, in a network of the published size: 0.09 is between the two kinds.
    for (spread, is_velocity) in [(0.0, false), (0.08, false), (0.1, true)] {
        let models = Models::new();
        let path = models.path("model.safetensors");
        let bias = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias";
        let place = write_header(&published("stable-diffusion-2").tensors, &path, bias);
        let numbers = [spread, -spread].map(|number| f16::from_f32(number).to_le_bytes()).concat().repeat(160);
        let mut file = File::options().write(true).open(&path).expect("it was written");
        file.seek(SeekFrom::Start(place)).expect("it is that long");
        file.write_all(&numbers).expect("written");
        assert_eq!(prediction(&models), is_velocity, "{spread}");
    }
}

#[test]
fn families_are_those_that_diffusers_finds() {
    #[derive(Deserialize)]
    struct Case {
        tensors: Vec<(String, Vec<usize>)>,
        r#type: String,
    }
    let cases: Vec<Case> = golden::json("single_file/families.json");
    for case in cases {
        let found = families::ALL.identify(case.tensors.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())));
        let expected = match &*case.r#type {
            "v1" => "a Stable Diffusion 1 UNet",
            "inpainting" => "a Stable Diffusion 1 Inpainting UNet",
            "instruct-pix2pix" => "an InstructPix2Pix UNet",
            "v2" => "a Stable Diffusion 2 UNet",
            "inpainting_v2" => "a Stable Diffusion 2 Inpainting UNet",
            "xl_base" => "a Stable Diffusion XL checkpoint",
            "xl_refiner" => "a Stable Diffusion XL Refiner checkpoint",
            "flux-schnell" => "a Flux diffusion network",
            "auraflow" => "an AuraFlow diffusion network",
            "chroma" => "a Chroma diffusion network",
            "flux-2-dev" => "a Flux.2 diffusion network",
            "lumina2" => "a Lumina diffusion network",
            "hunyuan-video" => "a HunyuanVideo diffusion network",
            "z-image-turbo" => "a Z-Image diffusion network",
            "controlnet" => "a ControlNet",
            other => panic!("Diffusers finds {other}"),
        };
        assert_eq!(found.to_string(), expected);
    }
    let published = published("stable-diffusion-1");
    let found = families::ALL.identify(published.tensors.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())));
    assert_eq!(found.architecture.map(|architecture| architecture.name), Some("Stable Diffusion 1"));
}
