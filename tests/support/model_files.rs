//! Made-up model files: safetensors whose tensors have telling names and shapes, and nothing but zeros in them.

use std::fs;
use std::path::Path;

/// A tensor's name and shape.
pub(crate) type Tensor = (&'static str, &'static [usize]);

/// What tells a whole Stable Diffusion 1 checkpoint.
pub(crate) const SD1: [Tensor; 4] = [
    ("model.diffusion_model.input_blocks.0.0.weight", &[2, 4, 3, 3]),
    ("model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", &[2, 768]),
    ("first_stage_model.decoder.conv_in.weight", &[2, 4, 3, 3]),
    ("cond_stage_model.transformer.text_model.embeddings.position_embedding.weight", &[77, 768]),
];

/// The same for inpainting.
pub(crate) const SD1_INPAINT: [Tensor; 4] =
    [("model.diffusion_model.input_blocks.0.0.weight", &[2, 9, 3, 3]), SD1[1], SD1[2], SD1[3]];

/// What tells a Stable Diffusion XL checkpoint.
pub(crate) const SDXL: [Tensor; 3] = [
    SD1[0],
    ("model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", &[2, 2048]),
    ("first_stage_model.decoder.conv_in.weight", &[2, 4, 3, 3]),
];

/// What tells a VAE.
pub(crate) const VAE: [Tensor; 1] = [("first_stage_model.decoder.up.0.block.0.conv1.weight", &[2, 2, 3, 3])];

/// What tells a VAE as Diffusers saves it.
pub(crate) const VAE_OF_DIFFUSERS: [Tensor; 1] = [("decoder.up_blocks.0.resnets.0.conv1.weight", &[2, 2, 3, 3])];

/// What tells a textual inversion embedding.
pub(crate) const EMBEDDING: [Tensor; 1] = [("emb_params", &[2, 768])];

/// What tells a LoRA.
pub(crate) const LORA: [Tensor; 1] =
    [("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight", &[4, 768])];

/// Writes a file with these tensors in f16, and the folders above it.
pub(crate) fn write(path: &Path, tensors: &[Tensor]) {
    write_bytes(path, &bytes(tensors, "F16"));
}

/// A file with these tensors.
pub(crate) fn bytes(tensors: &[Tensor], dtype: &str) -> Vec<u8> {
    let width = if dtype == "F32" { 4 } else { 2 };
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in tensors {
        let start = end;
        end += shape.iter().product::<usize>() * width;
        let tensor = serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] });
        header.insert((*name).to_owned(), tensor);
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.resize(file.len() + end, 0);
    file
}

/// Writes a file, and the folders above it.
pub(crate) fn write_bytes(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, content).expect("written");
}
