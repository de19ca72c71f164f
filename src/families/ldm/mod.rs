//! What families have in common whose files came from latent diffusion (LDM: CompVis, Stability AI, Civitai): how their UNets
//! are recognised, which of Diffusers' names the tensors of a single file get, and what their shapes tell of the configs.
//!
//! Strings and numbers only. The names are those of Diffusers' converters (`loaders/single_file_utils.py`), and of
//! transformers' `models/dpt/convert_dpt_hybrid_to_pytorch.py` for the depth estimator.

mod midas;
mod names;
mod network;
mod renaming;
mod shapes;
mod text_encoder;
mod unet;
mod vae;

pub(super) use names::key_map;
pub(super) use network::{FoundUnet, find_unet};
pub(super) use shapes::complete;
