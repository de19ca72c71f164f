//! Models that draw pictures of the kind they were trained on, as Diffusers' `DDPMPipeline` and `DDIMPipeline`.

mod model;
mod pixels;
pub(crate) mod row;

use self::model::UnconditionalModel;
use super::component::{ComponentId, ComponentKind};
use super::registry::FamilyRuntime;
use super::slot;
use crate::models::unet_2d::UNet2DModel;

/// The run-time half of the family.
pub(super) static RUNTIME: FamilyRuntime = FamilyRuntime {
    components: &[ComponentKind {
        id: ComponentId::UNET,
        compare: |files, compute| slot::compare(ComponentId::UNET, files, compute, UNet2DModel::new),
    }],
    open: |files, on_headers| Ok(Box::new(UnconditionalModel::open(files, on_headers)?)),
};
