//! The key map of Stable Diffusion 1 and 2 and their variants: which component each tensor of a single file belongs to, under
//! which of Diffusers' names.

use super::{midas, text_encoder, unet, vae};
use crate::storage::checkpoint::family::{KeyMap, KeyTarget, Slice};

/// What a UNet's names begin with in a whole checkpoint (`LDM_UNET_KEY`).
pub(super) const UNET: &str = "model.diffusion_model.";

/// What a VAE's names begin with (`LDM_VAE_KEYS`).
const VAES: [&str; 2] = ["first_stage_model.", "vae."];

/// What the names of components begin with, each with what such tensors of no use begin with that published files have: the
/// layer of `OpenCLIP` that isn't read, projections into a space that texts share with pictures, what training needed.
const COMPONENTS: [(&str, &str, &[&str]); 5] = [
    (UNET, "unet", &[]),
    ("first_stage_model.", "vae", &["loss."]),
    ("cond_stage_model.transformer.", "text_encoder", &["text_projection.", "logit_scale"]),
    (
        "cond_stage_model.model.",
        "text_encoder",
        &["transformer.resblocks.23.", "text_projection", "logit_scale", "attn_mask"],
    ),
    ("depth_model.model.", "depth_estimator", &["pretrained.model.head.", "auxlayer."]),
];

/// What has to be known of a file before its names can be told: they count through all levels of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LdmNames {
    /// Whether the UNet's names begin with [`UNET`].
    has_unet_prefix: bool,
    unet_layers: usize,
    vae_levels: usize,
}

/// Makes the key map of a file with these tensors.
pub(in crate::families) fn key_map(keys: &[&str]) -> Box<dyn KeyMap> {
    Box::new(LdmNames::of(keys))
}

impl LdmNames {
    /// Looks through the names of a file.
    fn of(keys: &[&str]) -> Self {
        let has_unet_prefix = keys.iter().any(|key| key.starts_with(UNET));
        let mut names = Self { has_unet_prefix, unet_layers: 0, vae_levels: 0 };
        names.unet_layers = unet::layers_per_block(keys.iter().filter_map(|key| names.in_unet(key)));
        names.vae_levels = vae::levels(keys.iter().map(|key| in_vae(key)));
        names
    }

    fn in_unet<'a>(&self, key: &'a str) -> Option<&'a str> {
        if self.has_unet_prefix { key.strip_prefix(UNET) } else { Some(key) }
    }
}

impl KeyMap for LdmNames {
    fn destinations(&self, key: &str) -> Vec<KeyTarget> {
        let whole = |component, key: Option<String>| {
            key.map(|key| KeyTarget { component, key, slice: Slice::Whole }).into_iter().collect()
        };
        if let Some(key) = key.strip_prefix("cond_stage_model.transformer.") {
            whole("text_encoder", text_encoder::clip(key))
        } else if let Some(key) = key.strip_prefix("cond_stage_model.model.") {
            text_encoder::open_clip(key)
        } else if let Some(key) = key.strip_prefix("depth_model.model.") {
            midas::dpt_hybrid(key)
        } else if VAES.iter().any(|prefix| key.starts_with(prefix)) {
            whole("vae", self.vae(key))
        } else {
            whole("unet", self.in_unet(key).and_then(|key| unet::name(key, self.unet_layers)))
        }
    }

    fn vae(&self, key: &str) -> Option<String> {
        vae::name(in_vae(key), self.vae_levels)
    }

    fn stray(&self, key: &str) -> Option<&'static str> {
        COMPONENTS.iter().find_map(|(prefix, component, useless)| {
            let rest = key.strip_prefix(prefix)?;
            (!useless.iter().any(|beginning| rest.starts_with(beginning))).then_some(*component)
        })
    }

    /// Only the UNet's: without dots (LDM's `LitEma`; `convert_ldm_unet_checkpoint`).
    fn averaged(&self, key: &str) -> Option<String> {
        let key = key.strip_prefix("model.").filter(|_| key.starts_with(UNET))?;
        Some(format!("model_ema.{}", key.replace('.', "")))
    }
}

fn in_vae(key: &str) -> &str {
    VAES.iter().find_map(|prefix| key.strip_prefix(prefix)).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: LdmNames = LdmNames { has_unet_prefix: true, unet_layers: 2, vae_levels: 4 };

    #[test]
    fn keys_of_no_network_are_left_out() {
        for key in [
            "alphas_cumprod",
            "model_ema.diffusion_modelinput_blocks00weight",
            "model.diffusion_model.input_blocks.x.0.weight",
            "model.diffusion_model.input_blocks.",
            "model.diffusion_model",
            "cond_stage_model.transformer.text_projection.weight",
            "cond_stage_model.model.logit_scale",
            "cond_stage_model.model.transformer.resblocks.23.ln_1.weight",
            "first_stage_model.loss.logvar",
            "first_stage_model.decoder.up.9.block.0.conv1.weight",
            "depth_model.model.pretrained.model.head.weight",
            "depth_model.model.scratch.refinenet9.out_conv.weight",
            "depth_model.model.pretrained.act_postprocess0.3.weight",
            "",
        ] {
            assert_eq!(NAMES.destinations(key), [], "{key}");
        }
    }

    #[test]
    fn a_unet_alone_may_go_without_the_prefix() {
        let names = LdmNames::of(&["input_blocks.0.0.weight", "input_blocks.3.0.op.weight"]);
        assert_eq!(names.unet_layers, 2);
        assert_eq!(names.destinations("input_blocks.3.0.op.weight")[0].key, "down_blocks.0.downsamplers.0.conv.weight");
    }

    #[test]
    fn averaged_weights_are_named_without_dots() {
        let averaged = NAMES.averaged("model.diffusion_model.input_blocks.0.0.weight");
        assert_eq!(averaged.as_deref(), Some("model_ema.diffusion_modelinput_blocks00weight"));
    }
}
