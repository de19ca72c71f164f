//! Families of models: what a kind of model is, for everything above the networks and for the storage rooms.
//!
//! A family is a folder here and one line in the table below. Its row says all that the storage rooms have to know of its files. Its
//! run time implements [`Model`], which is all that the pipelines know of it: what it is made for, its components by name, its
//! prompts as a [`Conditioning`], its [`Denoiser`], its [`LatentCodec`], and what it takes of the memory. What several families
//! share stands beside the folders; what those share whose files came from latent diffusion is in `ldm`.

mod codec;
mod component;
mod components;
mod conditioning;
mod denoiser;
mod footprint;
mod kl_codec;
mod ldm;
mod model;
mod named;
mod registry;
mod sizes;
mod sketch;
mod slot;

pub(crate) mod flux;
pub(crate) mod flux_2;
pub(crate) mod stable_diffusion;
pub(crate) mod stable_diffusion_3;
pub(crate) mod stable_diffusion_xl;
pub(crate) mod unconditional;
pub(crate) mod z_image;

use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::stop::Outcome;
use crate::storage::checkpoint::family::{Families, FamilyRow};
use crate::storage::checkpoint::{Checkpoint, CheckpointOptions};

pub use crate::models::autoencoder_kl::DiagonalGaussian;
pub use crate::models::residuals::Residuals;
pub use crate::models::unet_blocks::Pace;
pub use codec::{LatentCodec, LatentScale};
pub use component::{CompareFiles, ComponentId, ComponentKind};
pub use components::Components;
pub use conditioning::{Conditioning, PromptPair};
pub use denoiser::{Denoiser, DenoiserInput};
pub use footprint::{Footprint, NetworkCost, StageComponents};
pub use model::{GuidanceKind, Model, ModelSpec};
pub use registry::{Family, FamilyRuntime, OpenModel};
pub use sketch::SketchMap;
pub use slot::{AnySlot, ModelFiles, OnHeaders};

/// The table of families. Files are recognised by the first row that knows them.
const FAMILIES: &[Family] = &[
    Family::recognised(&stable_diffusion_3::row::ROW),
    Family::recognised(&flux_2::row::ROW),
    Family::recognised(&named::NEWER),
    Family::recognised(&flux::row::ROW),
    Family::recognised(&z_image::row::ROW),
    Family::recognised(&named::OTHERS),
    Family::recognised(&stable_diffusion_xl::row::ROW),
    Family::runnable(&stable_diffusion::row::ROW, &stable_diffusion::RUNTIME),
    Family::runnable(&unconditional::row::ROW, &unconditional::RUNTIME),
];

/// All families, for the storage rooms.
pub static ALL: Families = Families::new(&ROWS);

static ROWS: [&FamilyRow; FAMILIES.len()] = {
    let mut rows = [FAMILIES[0].row; FAMILIES.len()];
    let mut i = 0;
    while i < rows.len() {
        rows[i] = FAMILIES[i].row;
        i += 1;
    }
    rows
};

/// Opens a model of any family: configs are read, weights not yet.
///
/// # Errors
/// As for [`Checkpoint::open`].
pub fn open(model: &ModelRef) -> Result<Checkpoint> {
    Checkpoint::open(model, ALL, &CheckpointOptions::default())
}

/// Finds how the models of a checkpoint's family are run.
///
/// # Errors
/// They aren't built here.
pub fn runtime_of(checkpoint: &Checkpoint) -> Result<&'static FamilyRuntime> {
    let row = checkpoint.family();
    let family = FAMILIES.iter().find(|family| family.row.id == row.id);
    let not_built = || Error::new(format!("Models of the family {} are not supported", row.label));
    family.and_then(|family| family.runtime).ok_or_else(not_built)
}

/// Opens a model without its weights; `on_headers` is asked before the files of each component are looked at.
///
/// # Errors
/// A component asks for what isn't built here, or its files are missing, damaged or don't fit; what `on_headers` says.
pub fn open_model(files: Arc<ModelFiles>, on_headers: &mut OnHeaders<'_>) -> Outcome<Box<dyn Model>> {
    (runtime_of(&files.checkpoint)?.open)(files, on_headers)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::storage::checkpoint::family::{FileKind, Identified};

    fn identified(tensors: &[(&str, &[usize])]) -> Identified {
        ALL.identify(tensors.iter().copied())
    }

    /// Makes the tensors that tell, of a UNet that reads so many channels and texts of such a width.
    fn unet(channels: usize, width: usize) -> Vec<(&'static str, Vec<usize>)> {
        vec![
            ("model.diffusion_model.input_blocks.0.0.weight", vec![320, channels, 3, 3]),
            ("model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", vec![320, width]),
        ]
    }

    #[test]
    fn the_family_shows_in_what_the_unet_reads() {
        for (channels, width, family) in [
            (4, 768, "Stable Diffusion 1"),
            (9, 768, "Stable Diffusion 1 Inpainting"),
            (8, 768, "InstructPix2Pix"),
            (4, 1024, "Stable Diffusion 2"),
            (9, 1024, "Stable Diffusion 2 Inpainting"),
            (5, 1024, "Stable Diffusion 2 Depth"),
            (7, 1024, "Stable Diffusion x4 Upscaler"),
            (4, 2048, "Stable Diffusion XL"),
            (4, 1280, "Stable Diffusion XL Refiner"),
        ] {
            let tensors = unet(channels, width);
            let found = ALL.identify(tensors.iter().map(|(key, shape)| (*key, shape.as_slice())));
            let architecture = found.architecture.map(|architecture| architecture.name);
            assert_eq!((architecture, found.kind), (Some(family), FileKind::Unet));
            assert!(!found.has_vae && !found.has_text_encoder && !found.has_ema);
            let whole = tensors.iter().map(|(key, shape)| (*key, shape.as_slice()));
            let whole = ALL.identify(whole.chain([("first_stage_model.quant_conv.weight", [8, 8, 1, 1].as_slice())]));
            assert_eq!((whole.kind, whole.has_vae), (FileKind::Checkpoint, true));
        }
    }

    #[test]
    fn what_is_no_model_is_named() {
        for (tensors, name) in [
            (
                vec![(
                    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight",
                    &[8, 768][..],
                )],
                "a LoRA for Stable Diffusion 1",
            ),
            (
                vec![("lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", &[8, 1280])],
                "a LoRA for Stable Diffusion XL",
            ),
            (vec![("emb_params", &[2, 768])], "a textual inversion embedding for Stable Diffusion 1"),
            (vec![("<cat>", &[1024])], "a textual inversion embedding for Stable Diffusion 2"),
            (
                vec![("clip_l", &[1, 768]), ("clip_g", &[1, 1280])],
                "a textual inversion embedding for Stable Diffusion XL",
            ),
            (
                vec![("control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", &[320, 768])],
                "a ControlNet for Stable Diffusion 1",
            ),
            (vec![("model.1.sub.0.RDB1.conv1.0.weight", &[32, 64, 3, 3])], "a network that enlarges pictures"),
            (vec![("decoder.up.0.block.0.conv1.weight", &[128, 256, 3, 3])], "a VAE"),
            (
                vec![("text_model.embeddings.position_embedding.weight", &[77, 768])],
                "a text encoder for Stable Diffusion 1",
            ),
            (
                vec![("model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale", &[128])],
                "a Flux diffusion network",
            ),
            (vec![("whatever.weight", &[3, 3])], "a file of another kind"),
            (vec![], "a file of another kind"),
        ] {
            assert_eq!(identified(&tensors).to_string(), name);
        }
    }

    #[test]
    fn names_of_families_pipelines_and_architectures_are_unique() {
        let mut names = BTreeSet::new();
        for row in ALL.rows() {
            assert!(names.insert(("family", row.id)), "{}", row.id);
            for pipeline in row.pipelines {
                assert!(names.insert(("pipeline", pipeline.name)), "{}", pipeline.name);
            }
            for architecture in row.architectures {
                assert!(names.insert(("architecture", architecture.name)), "{architecture}");
            }
        }
    }

    #[test]
    fn rows_are_whole() {
        for row in ALL.rows() {
            for pipeline in row.pipelines {
                assert!(!pipeline.tasks.is_empty() && pipeline.steps > 0, "{}", pipeline.name);
                for component in pipeline.required {
                    assert!(
                        row.component(component).is_some(),
                        "{} needs {component}, of which nothing is known",
                        pipeline.name
                    );
                }
            }
            for architecture in row.architectures {
                assert!(!architecture.is_openable() || row.single_file.is_some(), "{architecture} can't be read");
                assert_eq!(ALL.family_of(architecture).map(|family| family.id), Some(row.id));
            }
            let recognition = &row.recognition;
            let known = recognition.text_widths.iter().chain(recognition.latent_channels).map(|(_, known)| *known);
            let known = known.chain(recognition.lora_marks.iter().map(|(_, known)| *known));
            for architecture in known.chain(row.named_pipelines.iter().map(|(_, known)| *known)) {
                assert!(row.architectures.contains(&architecture), "{architecture} isn't in the row of {}", row.id);
            }
            assert_eq!(row.openable.is_some(), row.architectures.iter().any(|architecture| architecture.is_openable()));
        }
    }

    #[test]
    fn what_can_be_opened_can_be_run_and_its_components_are_those_of_its_row() {
        for Family { row, runtime } in FAMILIES {
            assert_eq!(runtime.is_some(), !row.pipelines.is_empty(), "{}", row.id);
            for kind in runtime.map_or(&[][..], |runtime| runtime.components) {
                assert!(row.component(kind.id.name()).is_some(), "{}: {}", row.id, kind.id);
            }
        }
    }

    #[test]
    fn a_pipeline_of_another_family_is_named() {
        for (class, name) in [
            ("DDPMPipeline", Some("Unconditional")),
            ("StableDiffusionXLImg2ImgPipeline", Some("Stable Diffusion XL")),
            ("StableDiffusionUpscalePipeline", Some("Stable Diffusion x4 Upscaler")),
            ("Flux2KleinPipeline", Some("Flux.2")),
            ("FluxPipeline", Some("Flux")),
            ("StableDiffusionPipeline", None),
            ("SomePipeline", None),
        ] {
            assert_eq!(ALL.architecture_of_class(class).map(|architecture| architecture.name), name, "{class}");
        }
    }
}
