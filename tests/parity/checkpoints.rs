//! The tiny checkpoints that the other comparisons stand on: their weights are those that the reference ran with.

use std::fs;

use safetensors::SafeTensors;

use crate::support::checkpoints::{Checkpoint, Storage, folder};

fn keys(checkpoint: Checkpoint, storage: Storage, file: &str) -> Vec<String> {
    let content = fs::read(folder(checkpoint, storage).join(file)).expect("the file is there");
    SafeTensors::deserialize(&content).expect("it is a safetensors file").names().into_iter().map(Into::into).collect()
}

#[test]
fn every_checkpoint_is_made_with_the_weights_of_the_reference() {
    for checkpoint in Checkpoint::ALL {
        // Making a folder compares the sha256 of its weights.
        assert!(folder(checkpoint, Storage::Whole).join("model_index.json").exists());
    }
}

#[test]
fn old_and_new_spellings_differ_where_real_files_do() {
    let has = |checkpoint, file: &str, key: &str| keys(checkpoint, Storage::Whole, file).iter().any(|at| at == key);
    let (text, vae) = ("text_encoder/model.safetensors", "vae/diffusion_pytorch_model.safetensors");
    assert!(has(Checkpoint::TinySd15, text, "text_model.embeddings.token_embedding.weight"));
    assert!(has(Checkpoint::TinySd15Tf5, text, "embeddings.token_embedding.weight"));
    assert!(has(Checkpoint::TinySd15Legacy, text, "text_model.embeddings.position_ids"));
    assert!(has(Checkpoint::TinySd15, vae, "decoder.mid_block.attentions.0.to_out.0.weight"));
    assert!(has(Checkpoint::TinySd15Legacy, vae, "decoder.mid_block.attentions.0.proj_attn.weight"));
    assert!(has(
        Checkpoint::TinyDdpmLegacy,
        "diffusion_pytorch_model.safetensors",
        "mid_block.attentions.0.query.bias"
    ));
    let safety = "safety_checker/model.safetensors";
    assert!(has(Checkpoint::TinySd15SafetyFlag, safety, "vision_model.vision_model.post_layernorm.weight"));
    assert!(has(Checkpoint::TinySd15SafetyPass, safety, "vision_model.post_layernorm.weight"));
}

#[test]
fn shards_hold_every_tensor_once() {
    let file = "unet/diffusion_pytorch_model";
    let mut sharded = keys(Checkpoint::TinySd15, Storage::Sharded, &format!("{file}-00001-of-00002.safetensors"));
    sharded.extend(keys(Checkpoint::TinySd15, Storage::Sharded, &format!("{file}-00002-of-00002.safetensors")));
    sharded.sort();
    let mut whole = keys(Checkpoint::TinySd15, Storage::Whole, &format!("{file}.safetensors"));
    whole.sort();
    assert_eq!(sharded, whole);
}

#[test]
fn a_half_precision_checkpoint_has_only_fp16_files() {
    let folder = folder(Checkpoint::TinySd15, Storage::Fp16).join("unet");
    assert!(folder.join("diffusion_pytorch_model.fp16.safetensors").exists());
    assert!(!folder.join("diffusion_pytorch_model.safetensors").exists());
}
