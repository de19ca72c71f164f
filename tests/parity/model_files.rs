//! Opening models and loading weights: what files may look like, and what is said about those that are wrong.

#![expect(clippy::unwrap_used, reason = "a test whose files can't be set up fails there and then")]

pub(crate) mod folder;
mod refusals;
mod weights;

use burnisher::base::model_ref::ModelRef;
use burnisher::families;
use burnisher::schedulers::{Origin, SamplingOptions, SchedulerKind};
use burnisher::storage::checkpoint::Checkpoint;
use serde_json::{Map, Value};

use crate::support::checkpoints::{self, Storage};

const INSPECT_GOLDEN: &str = include_str!("../golden/inspect/pictogram-64.txt");
const CONFIGS_GOLDEN: &str = include_str!("../golden/inspect/configs.json");
const SWAPS_GOLDEN: &str = include_str!("../golden/inspect/swaps.json");

#[test]
fn the_bundled_model_opens_with_what_its_card_recommends() {
    let checkpoint = families::open(&ModelRef::Bundled).unwrap();
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
        let checkpoint = families::open(&model.parse().unwrap()).unwrap();
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
    let text = families::open(&ModelRef::Bundled).unwrap().describe().unwrap().to_string();
    let is_about_weights = |line: &&str| line.ends_with(':') || line.ends_with(".safetensors");
    let ours: Vec<&str> = text.lines().filter(|line| !is_about_weights(line)).collect();
    let theirs: Vec<&str> = INSPECT_GOLDEN.lines().collect();
    assert_eq!(ours, theirs);
}

/// A tiny checkpoint by name.
fn tiny(name: &str) -> Checkpoint {
    let found = checkpoints::Checkpoint::ALL.into_iter().find(|checkpoint| checkpoint.name() == name).unwrap();
    families::open(&ModelRef::Folder(checkpoints::folder(found, Storage::Whole))).unwrap()
}

/// The golden has the configs of loaded models: what the file says, and what their constructors fill in.
#[test]
fn what_a_config_leaves_out_is_filled_in_as_diffusers_does() {
    let golden: Map<String, Value> = serde_json::from_str(CONFIGS_GOLDEN).unwrap();
    for (place, theirs) in golden {
        let (checkpoint, name) = place.split_once('/').unwrap();
        let description = tiny(checkpoint).describe().unwrap();
        let component = description.components.into_iter().find(|component| component.name == name).unwrap();
        // The text encoder's file has everything.
        assert_eq!(component.defaults.is_empty(), name == "text_encoder", "{place}");
        let theirs = theirs.as_object().unwrap();
        let ours: Map<String, Value> = component
            .options()
            .into_iter()
            .filter(|(key, ..)| theirs.contains_key(*key))
            .map(|(key, value, _)| (key.to_owned(), value.clone()))
            .collect();
        assert_eq!(&ours, theirs, "{place}");
    }
}

/// The golden has `X.from_config(pipe.scheduler.config).config`, as far as the class knows the keys.
#[test]
fn a_sampler_made_of_another_ones_config_has_what_it_has_in_diffusers() {
    let golden: Vec<Value> = serde_json::from_str(SWAPS_GOLDEN).unwrap();
    for swap in golden {
        let checkpoint = tiny(swap["checkpoint"].as_str().unwrap());
        let config = &checkpoint.component("scheduler").unwrap().config;
        let kind: SchedulerKind = swap["sampler"].as_str().unwrap().parse().unwrap();
        let settings = kind.settings(config, &SamplingOptions::default()).into_iter();
        let in_force = settings.filter(|setting| setting.origin != Origin::Unused);
        let ours: Map<String, Value> = in_force.map(|setting| (setting.key, setting.value)).collect();
        assert_eq!(&ours, swap["config"].as_object().unwrap(), "{} of {}", kind.name(), swap["checkpoint"]);
    }
}
