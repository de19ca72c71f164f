//! The networks, under Diffusers' class names. A module's field names are the checkpoint's parameter names, so that a folder's
//! weights load without a table of keys.

pub mod attention;
pub mod autoencoder_kl;
pub mod clip;
pub mod clip_tokenizer;
pub mod config;
pub mod embeddings;
pub mod resnet;
pub mod unet_2d;
pub mod unet_2d_condition;
pub mod unet_blocks;
