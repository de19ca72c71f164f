//! Stable Diffusion 1 and 2 and their variants for inpainting and depth.

mod depth;
mod latents;
mod model;
mod prediction;
pub(crate) mod row;
mod safety;
mod text;

use self::model::StableDiffusionModel;
use super::component::{ComponentId, ComponentKind};
use super::registry::FamilyRuntime;
use super::slot;
use crate::models::autoencoder_kl::AutoencoderKL;
use crate::models::clip::ClipTextModel;
use crate::models::dpt::DptForDepthEstimation;
use crate::models::safety_checker::StableDiffusionSafetyChecker;
use crate::models::unet_2d_condition::UNet2DConditionModel;

/// The run-time half of the family.
pub(super) static RUNTIME: FamilyRuntime = FamilyRuntime {
    components: &[
        ComponentKind {
            id: ComponentId::UNET,
            compare: |files, compute| slot::compare(ComponentId::UNET, files, compute, UNet2DConditionModel::new),
        },
        ComponentKind {
            id: ComponentId::VAE,
            compare: |files, compute| slot::compare(ComponentId::VAE, files, compute, AutoencoderKL::new),
        },
        ComponentKind {
            id: ComponentId::TEXT_ENCODER,
            compare: |files, compute| slot::compare(ComponentId::TEXT_ENCODER, files, compute, ClipTextModel::new),
        },
        ComponentKind {
            id: ComponentId::DEPTH_ESTIMATOR,
            compare: |files, compute| {
                slot::compare(ComponentId::DEPTH_ESTIMATOR, files, compute, DptForDepthEstimation::new)
            },
        },
        ComponentKind {
            id: ComponentId::SAFETY_CHECKER,
            compare: |files, compute| {
                slot::compare(ComponentId::SAFETY_CHECKER, files, compute, StableDiffusionSafetyChecker::new)
            },
        },
    ],
    open: |files, on_headers| Ok(Box::new(StableDiffusionModel::open(files, on_headers)?)),
};
