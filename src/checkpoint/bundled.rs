//! The files of the bundled model, `assets/models/pictogram-64`, built into the binary.
//!
//! Limits: a new file in that folder has to be named here; a test compares the two lists.

/// Names each file once, as path and content.
macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/pictogram-64/", $path)))),+]
    };
}

/// Path relative to the model's folder, and content.
pub(super) const FILES: &[(&str, &[u8])] = files![
    "README.md",
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
];
