//! The UNet that latent diffusion and Diffusers share, found among a file's tensors.

use crate::storage::checkpoint::family::{KeyLayout, Tensors};

/// A UNet in a file.
pub(in crate::families) struct FoundUnet {
    /// What its tensors begin with.
    pub(in crate::families) prefix: &'static str,
    /// How they are named.
    pub(in crate::families) layout: KeyLayout,
    /// What it reads.
    pub(in crate::families) channels: usize,
    /// How wide the texts are that it reads; `None` where it reads none.
    pub(in crate::families) text_width: Option<usize>,
}

/// Looks for a UNet.
pub(in crate::families) fn find_unet(tensors: &Tensors<'_>) -> Option<FoundUnet> {
    for (prefix, first, layout) in [
        (super::names::UNET, "input_blocks.0.0.weight", KeyLayout::Ldm),
        ("", "input_blocks.0.0.weight", KeyLayout::Ldm),
        ("unet.", "conv_in.weight", KeyLayout::Diffusers),
        ("", "conv_in.weight", KeyLayout::Diffusers),
    ] {
        if layout == KeyLayout::Diffusers && !tensors.any(&format!("{prefix}down_blocks.")) {
            continue;
        }
        if let Some([_, channels, ..]) = tensors.shape(&format!("{prefix}{first}")) {
            let text_width = tensors.find(prefix, ".attn2.to_k.weight").and_then(|shape| shape.last().copied());
            return Some(FoundUnet { prefix, layout, channels: *channels, text_width });
        }
    }
    None
}
