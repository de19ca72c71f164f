//! The networks, under the class names of Diffusers and transformers. A module's field names are the checkpoint's parameter
//! names, so weights in Diffusers' format load without a key map.

pub mod attention;
pub mod autoencoder_kl;
pub mod clip;
mod clip_encoder;
pub mod clip_vision;
pub mod config;
pub mod dpt;
pub mod embeddings;
pub mod residuals;
pub mod resnet;
pub mod safety_checker;
pub mod unet;
pub mod unet_2d;
pub mod unet_2d_condition;
pub mod unet_blocks;
