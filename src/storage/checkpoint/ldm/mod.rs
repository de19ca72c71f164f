//! Single files in the layout of latent diffusion (LDM: CompVis, Stability AI, Civitai): which component each tensor
//! belongs to, under which of Diffusers' names, and what the shapes tell of the configs. Strings and numbers only.
//!
//! The names are those of Diffusers' converters (`loaders/single_file_utils.py`), and of transformers'
//! `models/dpt/convert_dpt_hybrid_to_pytorch.py` for the depth estimator.
//! Limits: Stable Diffusion 1 and 2 and their variants.

mod midas;
pub(super) mod shapes;
mod text_encoder;
mod unet;
mod vae;

/// What a UNet's names begin with in a whole checkpoint (`LDM_UNET_KEY`).
pub(super) const UNET: &str = "model.diffusion_model.";

/// What a VAE's names begin with (`LDM_VAE_KEYS`).
const VAES: [&str; 2] = ["first_stage_model.", "vae."];

/// Which part of a stored tensor a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// One of three that are stored one after the other: query, key and value.
    Third(usize),
}

/// Where a stored tensor goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The component, as a pipeline calls it.
    pub(super) component: &'static str,
    /// The parameter's name in Diffusers.
    pub(super) key: String,
    pub(super) part: Part,
}

/// What has to be known of a file before its names can be told: they count through all levels of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// Whether the UNet's names begin with [`UNET`].
    has_unet_prefix: bool,
    unet_layers: usize,
    vae_levels: usize,
}

impl Names {
    /// Looks through the names of a file.
    pub(super) fn of<'a>(keys: impl Iterator<Item = &'a str> + Clone) -> Self {
        let has_unet_prefix = keys.clone().any(|key| key.starts_with(UNET));
        let mut names = Self { has_unet_prefix, unet_layers: 0, vae_levels: 0 };
        names.unet_layers = unet::layers_per_block(keys.clone().filter_map(|key| names.in_unet(key)));
        names.vae_levels = vae::levels(keys.map(in_vae));
        names
    }

    /// Where a tensor goes: nowhere, to one place, or in three parts to three.
    pub(super) fn places(&self, key: &str) -> Vec<Place> {
        let whole = |component, key: Option<String>| {
            key.map(|key| Place { component, key, part: Part::Whole }).into_iter().collect()
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

    /// Diffusers' name of a VAE's tensor, with or without what whole checkpoints put before it.
    pub(super) fn vae(&self, key: &str) -> Option<String> {
        vae::name(in_vae(key), self.vae_levels)
    }

    fn in_unet<'a>(&self, key: &'a str) -> Option<&'a str> {
        if self.has_unet_prefix { key.strip_prefix(UNET) } else { Some(key) }
    }
}

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

/// The component that a tensor without a place seems to be of; `None` for those that are known to be of no use.
pub(super) fn stray(key: &str) -> Option<&'static str> {
    COMPONENTS.iter().find_map(|(prefix, component, useless)| {
        let rest = key.strip_prefix(prefix)?;
        (!useless.iter().any(|beginning| rest.starts_with(beginning))).then_some(*component)
    })
}

/// The name that the averaged weights have for a tensor of the UNet: without dots (LDM's `LitEma`;
/// `convert_ldm_unet_checkpoint`).
pub(super) fn averaged(key: &str) -> Option<String> {
    let key = key.strip_prefix("model.")?;
    Some(format!("model_ema.{}", key.replace('.', "")))
}

fn in_vae(key: &str) -> &str {
    VAES.iter().find_map(|prefix| key.strip_prefix(prefix)).unwrap_or(key)
}

/// The number after a word, and what comes after that: `input_blocks.3.0.weight` is 3 and `0.weight`.
fn numbered<'a>(key: &'a str, word: &str) -> Option<(usize, &'a str)> {
    let (number, rest) = key.strip_prefix(word)?.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// `key` with its beginning renamed after a table of whole names, old and new.
fn renamed(key: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(old, new)| {
        let rest = key.strip_prefix(old)?;
        (rest.is_empty() || rest.starts_with('.')).then(|| format!("{new}{rest}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names { has_unet_prefix: true, unet_layers: 2, vae_levels: 4 };

    #[test]
    fn what_no_network_has_goes_nowhere() {
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
            assert_eq!(NAMES.places(key), [], "{key}");
        }
    }

    #[test]
    fn a_unet_alone_may_go_without_the_prefix() {
        let names = Names::of(["input_blocks.0.0.weight", "input_blocks.3.0.op.weight"].into_iter());
        assert_eq!(names.unet_layers, 2);
        assert_eq!(names.places("input_blocks.3.0.op.weight")[0].key, "down_blocks.0.downsamplers.0.conv.weight");
    }

    #[test]
    fn averaged_weights_are_named_without_dots() {
        let averaged = averaged("model.diffusion_model.input_blocks.0.0.weight");
        assert_eq!(averaged.as_deref(), Some("model_ema.diffusion_modelinput_blocks00weight"));
    }
}
