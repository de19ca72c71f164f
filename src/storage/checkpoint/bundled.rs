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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_file_of_the_model_is_built_in() {
        /// The tokenizer is read from its vocabulary and merges; the rest is no part of the model.
        const LEFT_OUT: [&str; 3] = ["THIRD_PARTY.md", "training", "tokenizer.json"];
        fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
                let path = entry.path();
                if LEFT_OUT.iter().any(|name| path.ends_with(name)) {
                    continue;
                }
                if path.is_dir() {
                    walk(root, &path, found);
                } else {
                    let relative = path.strip_prefix(root).expect("it is below");
                    found.push(relative.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/pictogram-64");
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found.sort();
        assert_eq!(FILES.iter().map(|(path, _)| *path).collect::<Vec<_>>(), found);
    }
}
