//! Opening models and loading weights: what files may look like, and what is said about those that are wrong.

#![expect(clippy::unwrap_used, reason = "a test whose files can't be set up fails there and then")]

mod folder;
mod refusals;
mod weights;

use burnisher::checkpoint::{Checkpoint, ModelRef};

const INSPECT_GOLDEN: &str = include_str!("../golden/inspect/pictogram-64.txt");

#[test]
fn the_bundled_model_opens_with_what_its_card_recommends() {
    let checkpoint = Checkpoint::open(&ModelRef::Bundled).unwrap();
    assert_eq!(checkpoint.class_name(), "StableDiffusionPipeline");
    assert_eq!(checkpoint.component("unet").unwrap().class, "UNet2DConditionModel");
    assert_eq!(checkpoint.component("unet").unwrap().config["cross_attention_dim"], 128);
    assert_eq!(checkpoint.recommended().num_inference_steps, Some(20));
    assert_eq!(checkpoint.recommended().guidance_scale, Some(4.0));
    assert!(checkpoint.text("tokenizer/merges.txt").unwrap().starts_with("#version"));
    assert!(checkpoint.component("safety_checker").is_err());
}

#[test]
fn the_bundled_model_and_its_folder_are_described_alike() {
    let folder = format!("{}/assets/models/pictogram-64", env!("CARGO_MANIFEST_DIR"));
    let [bundled, folder] = ["bundled", &folder].map(|model| {
        let checkpoint = Checkpoint::open(&model.parse().unwrap()).unwrap();
        checkpoint.describe().unwrap()
    });
    assert_eq!(serde_json::to_string(&bundled).unwrap(), serde_json::to_string(&folder).unwrap());
    let unet = bundled.components.iter().find(|component| component.name == "unet").unwrap();
    let weights = unet.weights.as_ref().unwrap();
    assert_eq!(weights.dtypes.iter().collect::<Vec<_>>(), ["F16"]);
    assert_eq!(weights.bytes, 2 * weights.parameters);
}

/// The golden has the pipeline and the configs as Diffusers and transformers print them; ours adds a line about weights.
#[test]
fn a_model_is_described_in_diffusers_words() {
    let text = Checkpoint::open(&ModelRef::Bundled).unwrap().describe().unwrap().to_string();
    let is_about_weights = |line: &&str| line.ends_with(':') || line.ends_with(".safetensors");
    let ours: Vec<&str> = text.lines().filter(|line| !is_about_weights(line)).collect();
    let theirs: Vec<&str> = INSPECT_GOLDEN.lines().collect();
    assert_eq!(ours, theirs);
}
