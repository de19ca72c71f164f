//! Which of a repository's files a pipeline needs: the components that it makes use of and that its model_index.json names, as
//! safetensors, in one precision.
//!
//! The rules are those of Diffusers (`pipeline_loading_utils.py`: `variant_compatible_siblings`, `_get_ignore_patterns`),
//! with the names of weights that are opened here. What lies in a folder is judged by the same rules.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::storage::checkpoint::family::PipelineClass;
use crate::storage::checkpoint::{
    NamedComponent, WeightFiles, config_file, has_weights, named_components, weight_files,
};
use crate::storage::hub::Variant;

/// Files beside the index that are fetched too.
const BESIDE: [&str; 2] = ["model_index.json", "README.md"];

/// The files that a pipeline with this model_index.json needs, of those that are there. A component that it can do without is
/// needed whole or not at all.
///
/// # Errors
/// What is lacking: a required component, its config, its weights or a part of them, or all but pickled weights.
pub(super) fn plan(
    names: &[&str],
    index: &Map<String, Value>,
    pipeline: &PipelineClass,
    preferred: Variant,
) -> Result<BTreeSet<String>> {
    let mut chosen: BTreeSet<String> =
        names.iter().filter(|name| BESIDE.contains(name)).map(|&name| name.to_owned()).collect();
    let named = named_components(index, Some(pipeline), "model_index.json")?;
    for component in &named {
        match files(names, *component, preferred) {
            Ok(files) => chosen.extend(files),
            Err(lack) if component.is_required => return Err(lack),
            Err(_) => {}
        }
    }
    match pipeline.required.iter().find(|name| !named.iter().any(|component| component.name == **name)) {
        Some(name) => Err(Error::new(format!("its model_index.json names no {name}"))),
        None => Ok(chosen),
    }
}

/// The files of a component.
fn files(names: &[&str], component: NamedComponent<'_>, preferred: Variant) -> Result<Vec<String>> {
    let NamedComponent { name: component, class, .. } = component;
    let config = config_file(class);
    // Where a component has no folder, Diffusers looks beside the index.
    let own = format!("{component}/{config}");
    let folder = if names.contains(&own.as_str()) { format!("{component}/") } else { String::new() };
    let here: Vec<String> = names
        .iter()
        .filter_map(|name| name.strip_prefix(folder.as_str()))
        .filter(|name| !name.contains('/'))
        .map(str::to_owned)
        .collect();
    if !here.iter().any(|name| name == config) {
        return Err(Error::new(format!("the {component} has no {config}")));
    }
    let is_needed = |name: &&String| if folder.is_empty() { *name == config } else { is_text(name) };
    let mut needed: Vec<String> = here.iter().filter(is_needed).cloned().collect();
    if has_weights(class) {
        needed.extend(weights(component, &here, preferred)?);
    }
    Ok(needed.into_iter().map(|name| format!("{folder}{name}")).collect())
}

/// The files of a component's weights.
fn weights(component: &str, here: &[String], preferred: Variant) -> Result<Vec<String>> {
    match weight_files(here, preferred) {
        WeightFiles::Whole(file) => Ok(vec![file]),
        WeightFiles::Sharded { index, stem, variant } => {
            let shards: Vec<&String> = here.iter().filter(|name| is_shard(name, stem, variant)).collect();
            // `model-00001-of-00002.safetensors`
            let count = |name: &String| name.split_once("-of-")?.1.split('.').next()?.parse().ok();
            let of: Option<usize> = shards.first().and_then(|name| count(name));
            if of != Some(shards.len()) {
                return Err(Error::new(format!("a part of the {component}'s weights is missing")));
            }
            Ok(shards.into_iter().chain([&index]).cloned().collect())
        }
        WeightFiles::Pickled => Err(Error::new(format!(
            "the {component}'s weights are there only as pickles (.bin), which can run code when opened"
        ))
        .advise("Look for a repository with safetensors: many have been converted")),
        WeightFiles::Absent => Err(Error::new(format!("the {component} has no weights"))),
    }
}

/// Diffusers used to write the variant after the number (`legacy_variant_file_re`), and now does before it.
fn is_shard(name: &str, stem: &str, variant: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| {
        rest.starts_with(['-', '.'])
            && rest.contains("-of-")
            && rest.ends_with(".safetensors")
            && rest.contains(".fp16") == (variant == ".fp16")
    })
}

/// A config, a vocabulary or the like.
fn is_text(name: &str) -> bool {
    [".json", ".txt"].iter().any(|ending| name.ends_with(ending)) && !name.contains(".index.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
        "feature_extractor": ["transformers", "CLIPImageProcessor"], "requires_safety_checker": true,
        "safety_checker": [null, null], "scheduler": ["diffusers", "PNDMScheduler"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"]}"#;
    const SMALL: [&str; 7] = [
        "README.md",
        "feature_extractor/preprocessor_config.json",
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/merges.txt",
        "tokenizer/tokenizer_config.json",
        "unet/config.json",
    ];

    /// Needs a UNet and a scheduler.
    const PIPELINE: PipelineClass = PipelineClass {
        name: "StableDiffusionPipeline",
        required: &["unet", "scheduler"],
        optional: &["tokenizer", "feature_extractor", "safety_checker"],
        tasks: &[],
        steps: 1,
        guidance_scale: None,
        architecture: None,
    };

    fn chosen(weights: &[&str], variant: Variant) -> Result<Vec<String>> {
        let names: Vec<&str> = SMALL.iter().chain(weights).copied().collect();
        let index = serde_json::from_str(INDEX).expect("JSON");
        let chosen = plan(&names, &index, &PIPELINE, variant)?;
        Ok(chosen.into_iter().filter(|name| !SMALL.contains(&&**name)).collect())
    }

    #[test]
    fn one_precision_is_fetched_and_nothing_that_is_not_opened() {
        let files = [
            ".gitattributes",
            "v1-5-pruned.ckpt",
            "v1-5-pruned.safetensors",
            "unet/diffusion_pytorch_model.bin",
            "unet/diffusion_pytorch_model.fp16.bin",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "unet/diffusion_pytorch_model.non_ema.safetensors",
            "unet/diffusion_pytorch_model.safetensors",
            "unet/diffusion_flax_model.msgpack",
            "unet/model.onnx",
            "unet/onnx/model.onnx",
            "safety_checker/config.json",
            "safety_checker/model.safetensors",
            "images/grid.png",
        ];
        let full = chosen(&files, Variant::Full).expect("a plan");
        assert_eq!(full, ["unet/diffusion_pytorch_model.safetensors"]);
        let half = chosen(&files, Variant::Fp16).expect("a plan");
        assert_eq!(half, ["unet/diffusion_pytorch_model.fp16.safetensors"]);
        let only_full = chosen(&files[7..8], Variant::Fp16).expect("a plan");
        assert_eq!(only_full, full, "no variant of it: what there is");
    }

    #[test]
    fn sharded_weights_come_with_their_index_and_all_their_parts() {
        let files = [
            "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
            "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.json",
            "unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
        ];
        assert_eq!(chosen(&files, Variant::Full).expect("a plan"), files[..3]);
        assert_eq!(chosen(&files, Variant::Fp16).expect("a plan"), files[3..]);
        let error = chosen(&files[1..3], Variant::Full).expect_err("a part is missing");
        assert!(error.to_string().contains("a part of the unet's weights"), "{error}");
    }

    #[test]
    fn what_is_lacking_is_said() {
        let error = chosen(&["unet/diffusion_pytorch_model.bin"], Variant::Full).expect_err("pickled");
        assert!(error.to_string().contains("only as pickles") && error.advice().is_some(), "{error}");
        let error = chosen(&[], Variant::Full).expect_err("no weights");
        assert!(error.to_string().contains("the unet has no weights"), "{error}");
        let index = serde_json::from_str(r#"{"../unet": ["diffusers", "UNet2DModel"]}"#).expect("JSON");
        let error = plan(&["model_index.json"], &index, &PIPELINE, Variant::Full).expect_err("a way out");
        assert!(error.to_string().contains("can't be called"), "{error}");
        let index = serde_json::from_str(r#"{"unet": ["diffusers", "UNet2DModel"]}"#).expect("JSON");
        let files = ["unet/config.json", "unet/diffusion_pytorch_model.safetensors"];
        let error = plan(&files, &index, &PIPELINE, Variant::Full).expect_err("no scheduler");
        assert!(error.to_string().contains("names no scheduler"), "{error}");
    }

    #[test]
    fn what_a_pipeline_does_without_is_fetched_whole_or_not_at_all() {
        let mut index: Map<String, Value> = serde_json::from_str(INDEX).expect("JSON");
        index.insert("safety_checker".into(), serde_json::json!(["stable_diffusion", "StableDiffusionSafetyChecker"]));
        index.insert("feature_extractor".into(), serde_json::json!(["transformers", "CLIPImageProcessor"]));
        for foreign in ["controlnet_list", "image_encoder", "_optional_components", "trained_on"] {
            index.insert(foreign.into(), serde_json::json!(["laion", "art"]));
        }
        let needed =
            ["model_index.json", "scheduler/scheduler_config.json", "unet/config.json", "unet/model.safetensors"];
        let extra = ["image_encoder/config.json", "safety_checker/config.json", "safety_checker/model.bin"];
        let files = [&needed[..], &extra].concat();
        let chosen = plan(&files, &index, &PIPELINE, Variant::Full).expect("a plan");
        assert_eq!(chosen.into_iter().collect::<Vec<_>>(), needed);
        let whole = [&files[..], &["safety_checker/model.safetensors"]].concat();
        let chosen = plan(&whole, &index, &PIPELINE, Variant::Full).expect("a plan");
        assert!(chosen.contains("safety_checker/model.safetensors") && chosen.len() == needed.len() + 2, "{chosen:?}");
    }

    #[test]
    fn components_may_lie_beside_the_index() {
        let index = r#"{"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDPMScheduler"],
            "unet": ["diffusers", "UNet2DModel"]}"#;
        let files = [
            "config.json",
            "diffusion_pytorch_model.bin",
            "diffusion_pytorch_model.safetensors",
            "model_index.json",
            "scheduler_config.json",
        ];
        let index = serde_json::from_str(index).expect("JSON");
        let chosen = plan(&files, &index, &PIPELINE, Variant::Full).expect("a plan");
        assert_eq!(chosen.into_iter().collect::<Vec<_>>(), [files[0], files[2], files[3], files[4]]);
    }
}
