//! What a file's name alone tells.

use std::path::Path;

/// Endings of files that hold models.
const MODELS: [&str; 5] = ["safetensors", "sft", "gguf", "ckpt", "tdict"];

/// Endings that mean a model only where models lie by kind: elsewhere they are anything.
const PARTS: [&str; 3] = ["pt", "pth", "bin"];

/// How Diffusers and transformers name a component's weights, up to a dot.
const COMPONENTS: [&str; 2] = ["diffusion_pytorch_model", "model"];

/// Returns whether a file is named as a component's weights, which says nothing of what it is.
pub(super) fn is_component(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(['.', '-']).next().is_some_and(|stem| COMPONENTS.contains(&stem))
}

/// Returns whether a file's name is that of a model.
pub(super) fn is_candidate(name: &str, has_parts: bool) -> bool {
    let Some((_, ending)) = name.rsplit_once('.') else { return false };
    let ending = ending.to_ascii_lowercase();
    MODELS.contains(&&*ending) || (has_parts && PARTS.contains(&&*ending))
}
