//! The row of Stable Diffusion 1 and 2.
//!
//! Limits: Stable Diffusion 2 comes in two kinds (it predicts noise, or velocity) that differ in no name and no shape, and the VAEs
//! of Stable Diffusion 1, 2 and XL don't differ at all.

use super::prediction;
use crate::content::request::TaskKind;
use crate::families::ldm::{self, FoundUnet};
use crate::storage::checkpoint::family::{
    Architecture, ComponentSpec, Configs, FamilyRow, FoundNetwork, PipelineClass, Recognition, SingleFileRules,
    Tensors, WordTable,
};

static SD1: Architecture = Architecture {
    name: "Stable Diffusion 1",
    network: "UNet",
    configs: Some(configs(include_str!("../../../assets/configs/stable-diffusion-1.json"))),
};

/// It reads 9 channels.
static SD1_INPAINT: Architecture = Architecture {
    name: "Stable Diffusion 1 Inpainting",
    network: "UNet",
    configs: Some(configs(include_str!("../../../assets/configs/stable-diffusion-1-inpainting.json"))),
};

/// An instruction tells it what to change in a picture: it reads 8 channels.
static INSTRUCT_PIX2PIX: Architecture = Architecture::named("InstructPix2Pix", "UNet");

static SD2: Architecture = Architecture {
    name: "Stable Diffusion 2",
    network: "UNet",
    configs: Some(Configs {
        noise: include_str!("../../../assets/configs/stable-diffusion-2-base.json"),
        velocity: Some(include_str!("../../../assets/configs/stable-diffusion-2.json")),
        is_velocity: Some(prediction::is_velocity),
    }),
};

/// It reads 9 channels.
static SD2_INPAINT: Architecture = Architecture {
    name: "Stable Diffusion 2 Inpainting",
    network: "UNet",
    configs: Some(configs(include_str!("../../../assets/configs/stable-diffusion-2-inpainting.json"))),
};

/// It reads a depth beside the latents: 5 channels.
static SD2_DEPTH: Architecture = Architecture {
    name: "Stable Diffusion 2 Depth",
    network: "UNet",
    configs: Some(configs(include_str!("../../../assets/configs/stable-diffusion-2-depth.json"))),
};

/// It reads 7 channels.
static SD2_UPSCALER: Architecture = Architecture::named("Stable Diffusion x4 Upscaler", "UNet");

const fn configs(noise: &'static str) -> Configs {
    Configs { noise, velocity: None, is_velocity: None }
}

/// The row of Stable Diffusion 1 and 2.
pub(crate) static ROW: FamilyRow = FamilyRow {
    id: "stable_diffusion",
    label: "Stable Diffusion 1 and 2",
    openable: Some("Stable Diffusion 1 and 2 can be opened, and their variants for inpainting and depth"),
    pipelines: &[
        pipeline(
            "StableDiffusionPipeline",
            &TEXT_GUIDED,
            &[TaskKind::TextToImage, TaskKind::ImageToImage, TaskKind::Inpaint],
        ),
        pipeline(
            "StableDiffusionImg2ImgPipeline",
            &TEXT_GUIDED,
            &[TaskKind::ImageToImage, TaskKind::TextToImage, TaskKind::Inpaint],
        ),
        pipeline(
            "StableDiffusionInpaintPipeline",
            &TEXT_GUIDED,
            &[TaskKind::Inpaint, TaskKind::TextToImage, TaskKind::ImageToImage],
        ),
        pipeline(
            "StableDiffusionDepth2ImgPipeline",
            &["text_encoder", "tokenizer", "unet", "vae", "scheduler", "depth_estimator"],
            &[TaskKind::DepthToImage],
        ),
    ],
    named_pipelines: &[
        ("StableDiffusionUpscale", &SD2_UPSCALER),
        ("StableDiffusionInstructPix2Pix", &INSTRUCT_PIX2PIX),
    ],
    components: &[
        ComponentSpec::new("unet", "UNet", &["UNet2DConditionModel"]),
        ComponentSpec::new("text_encoder", "text encoder", &["CLIPTextModel"])
            .beside("{}/text_encoder/model.safetensors"),
        ComponentSpec::new("vae", "VAE", &["AutoencoderKL"]).beside("{}.vae.safetensors"),
        ComponentSpec::new("depth_estimator", "depth estimator", &["DPTForDepthEstimation"])
            .beside("{}/depth_estimator/model.safetensors"),
        ComponentSpec::new("tokenizer", "tokenizer", &["CLIPTokenizer", "CLIPTokenizerFast"]),
        ComponentSpec::new("scheduler", "scheduler", &[]),
        ComponentSpec::new("safety_checker", "safety checker", &["StableDiffusionSafetyChecker"]),
    ],
    architectures: &[&SD1, &SD1_INPAINT, &INSTRUCT_PIX2PIX, &SD2, &SD2_INPAINT, &SD2_DEPTH, &SD2_UPSCALER],
    recognition: Recognition {
        network: Some(recognise),
        // CLIP L, and OpenCLIP H.
        text_widths: &[(768, &SD1), (1024, &SD2)],
        ..Recognition::NONE
    },
    single_file: Some(SingleFileRules {
        key_map: ldm::key_map,
        complete: ldm::complete,
        built_in: &[
            ("tokenizer/vocab.json", include_bytes!("../../../assets/clip/vocab.json")),
            ("tokenizer/merges.txt", include_bytes!("../../../assets/clip/merges.txt")),
        ],
        words: Some(WordTable {
            component: "text_encoder",
            tokenizer: "tokenizer",
            vocabulary: "embeddings.token_embedding.weight",
            learned: "text_model.embeddings.learned_embedding.weight",
        }),
    }),
};

/// What every pipeline with a prompt needs.
const TEXT_GUIDED: [&str; 5] = ["text_encoder", "tokenizer", "unet", "vae", "scheduler"];

/// What looks at finished pictures, and what prepares pictures for that and for the depth estimator. Diffusers knows an
/// `image_encoder` as well, which only IP-Adapters read.
const OPTIONAL: [&str; 2] = ["safety_checker", "feature_extractor"];

const fn pipeline(name: &'static str, required: &'static [&'static str], tasks: &'static [TaskKind]) -> PipelineClass {
    PipelineClass {
        name,
        required,
        optional: &OPTIONAL,
        tasks,
        steps: 50,
        guidance_scale: Some(7.5),
        architecture: None,
    }
}

/// Tells the architectures apart by what their UNets read. Asked after the families with wider texts.
fn recognise(tensors: &Tensors<'_>) -> Option<FoundNetwork> {
    let FoundUnet { prefix, layout, channels, text_width } = ldm::find_unet(tensors)?;
    let is_second = match text_width {
        Some(768) => false,
        Some(1024) => true,
        // Other widths are of models for tests: the text encoder tells, or how the attention's layers are kept.
        _ if tensors.any("cond_stage_model.model.") => true,
        _ if tensors.any("cond_stage_model.") => false,
        _ if tensors.find(prefix, ".proj_in.weight").is_some_and(|shape| shape.len() == 2) => true,
        Some(_) => false,
        None => return Some((None, layout)),
    };
    let architecture = match (is_second, channels) {
        (false, 9) => &SD1_INPAINT,
        (false, 8) => &INSTRUCT_PIX2PIX,
        (false, _) => &SD1,
        (true, 9) => &SD2_INPAINT,
        (true, 5) => &SD2_DEPTH,
        (true, 7) => &SD2_UPSCALER,
        (true, _) => &SD2,
    };
    Some((Some(architecture), layout))
}
