//! Files that can't be opened, or whose weights can't be loaded: each with a line that says why.

use std::fs;

use safetensors::Dtype;

use super::files::{GGUF_F32, GGUF_Q4_0, Models, SingleFile, Tensor};
use super::unet;
use crate::support::checkpoints::Checkpoint;

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::f32(shape, vec![0.0; shape.iter().product()])
}

fn complaint(tensors: &[(&str, &[usize])]) -> String {
    let file = tensors.iter().fold(SingleFile::default(), |file, (name, shape)| file.with(name, zeros(shape)));
    Models::with(&file).complaint()
}

#[test]
fn what_is_no_model_is_said_to_be_what_it_is() {
    for (tensors, what, advice) in [
        (
            &[("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight", &[4, 768][..])][..],
            "this file is no model but a LoRA for Stable Diffusion 1: ",
            "It goes with a model",
        ),
        (
            &[("emb_params", &[2, 768])],
            "this file is no model but a textual inversion embedding for Stable Diffusion 1: ",
            "It goes with a model",
        ),
        (
            &[("decoder.up.0.block.0.conv1.weight", &[4, 4, 3, 3])],
            "this file is no model but a VAE: ",
            "ending in .vae.safetensors",
        ),
        (&[("one", &[3, 3]), ("two", &[3])], "this file is no model but a file of another kind: ", "A model has"),
    ] {
        let line = complaint(tensors);
        assert!(line.starts_with(what) && line.contains(advice), "{line}");
    }
}

#[test]
fn models_of_other_families_are_named() {
    let xl = [
        ("model.diffusion_model.input_blocks.0.0.weight", &[8, 4, 3, 3][..]),
        ("model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", &[8, 2048]),
        ("first_stage_model.quant_conv.weight", &[8, 8, 1, 1]),
    ];
    let line = complaint(&xl);
    assert!(line.starts_with("can't open a Stable Diffusion XL checkpoint: "), "{line}");
    assert!(line.contains("Only Stable Diffusion 1 and 2 can be opened"), "{line}");
    let line = complaint(&[("double_blocks.0.img_attn.norm.key_norm.scale", &[8])]);
    assert!(line.starts_with("can't open a Flux diffusion network: "), "{line}");
    let line = complaint(&[("conv_in.weight", &[8, 4, 3, 3]), ("down_blocks.0.attn2.to_k.weight", &[8, 768])]);
    assert!(line.starts_with("this file is one component of a model in diffusers format: "), "{line}");
}

#[test]
fn a_file_without_a_component_is_told_where_one_may_lie() {
    let file = SingleFile::of(Checkpoint::TinySd15);
    let line = Models::with(&file.clone().without("first_stage_model.")).complaint();
    assert!(line.starts_with("this file has no VAE: "), "{line}");
    assert!(line.contains("Put one beside it as model.vae.safetensors"), "{line}");
    let line = Models::with(&file.without("cond_stage_model.")).complaint();
    assert!(line.starts_with("this file has no text encoder: "), "{line}");
    assert!(line.contains("Put one beside it as model/text_encoder/model.safetensors"), "{line}");
    let depth = SingleFile::of(Checkpoint::TinySd2DepthHybrid).without("depth_model.");
    let line = Models::with(&depth).complaint();
    assert!(line.starts_with("this file has no depth estimator: "), "{line}");
}

#[test]
fn files_in_other_formats_are_named() {
    let models = Models::new();
    models.put("model.safetensors", b"GGUF\x03\0\0\0\0\0\0\0");
    assert!(
        models.complaint().starts_with("this GGUF file is damaged, its header is cut short: "),
        "{}",
        models.complaint()
    );
    models.put("model.safetensors", b"GGUF\x01\0\0\0\0\0\0\0");
    assert!(models.complaint().starts_with("GGUF files of version 1 can't be opened: "), "{}", models.complaint());
    SingleFile::of(Checkpoint::TinySd15).write_gguf(&models.path("model.safetensors"), |name, _| {
        if name == "model.diffusion_model.out.2.weight" { GGUF_Q4_0 } else { GGUF_F32 }
    });
    let line = models.complaint();
    assert!(line.starts_with("can't use GGUF weights of type Q4_0 (model.diffusion_model.out.2.weight): "), "{line}");
    assert!(line.contains("Take the model's F16 or Q8_0 file"), "{line}");
    let line = |content: &[u8]| {
        models.put("model.gguf", content);
        let model = burnisher::base::model_ref::ModelRef::File(models.path("model.gguf"));
        burnisher::families::open(&model).map(drop).expect_err("no model").to_string()
    };
    assert!(line(b"whatever it is").starts_with("this GGUF file is damaged, it doesn't begin as one: "));
    assert!(line(b"version https://git-lfs.github.com/spec/v1").contains("Run `git lfs pull`"));
    models.put("model.safetensors", b"");
    assert!(models.complaint().contains("damaged, it is empty"), "{}", models.complaint());
    fs::remove_file(models.path("model.safetensors")).expect("it was there");
    assert!(models.complaint().starts_with("no such model: "), "{}", models.complaint());
}

#[test]
fn a_file_cut_short_is_damaged_wherever_it_ends() {
    let models = Models::with(&SingleFile::of(Checkpoint::TinySd15));
    let content = fs::read(models.path("model.safetensors")).expect("it was written");
    for end in [4, 8, 100, content.len() / 2, content.len() - 1] {
        models.put("model.safetensors", &content[..end]);
        assert!(models.complaint().starts_with("this safetensors file is damaged, "), "{}", models.complaint());
    }
}

#[test]
fn a_parameter_that_is_there_twice_is_named() {
    let name = "cond_stage_model.transformer.final_layer_norm.bias";
    let file = SingleFile::of(Checkpoint::TinySd15).with(name, zeros(&[32]));
    let line = Models::with(&file).complaint();
    assert!(line.starts_with(&format!("{name} and ")) && line.contains("are the same parameter"), "{line}");

    // The same name twice in the header: no program that checks what it writes does this.
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
    let models = Models::new();
    models.put("model.safetensors", [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 8]].concat());
    assert!(models.complaint().starts_with("this safetensors file is damaged, "), "{}", models.complaint());
}

#[test]
fn weights_with_factors_beside_them_are_refused_by_name() {
    let name = "model.diffusion_model.out.2.scale_weight";
    let line = Models::with(&SingleFile::of(Checkpoint::TinySd15).with(name, zeros(&[]))).complaint();
    assert!(line.starts_with(&format!("can't use weights with a factor beside them ({name}): ")), "{line}");
}

#[test]
fn a_broken_config_beside_the_file_is_named() {
    let models = Models::with(&SingleFile::of(Checkpoint::TinySd15));
    for content in ["model: [", "a: b", "model:\n  params:\n    timesteps: many\n", "\0"] {
        models.put("model.yaml", content);
        let error = models.open().map(|_| ()).expect_err("no config").to_string();
        assert!(error.starts_with("this isn't a model's config: ") && error.contains("model.yaml"), "{error}");
    }
}

/// What is said when the weights are loaded.
fn loading(file: &SingleFile) -> String {
    let models = Models::with(file);
    let checkpoint = models.open().expect("its header is sound");
    let config = &checkpoint.component("unet").expect("it has one").config;
    let network =
        burnisher::models::unet_2d_condition::UNet2DConditionModel::new(config, &burn::tensor::Device::flex());
    let on_tensor = &mut |_| Ok(());
    let loaded = checkpoint.load("unet", network.expect("it is built"), burn::tensor::DType::F32, on_tensor);
    loaded.map(|_| ()).expect_err("the weights are wrong").to_string()
}

#[test]
fn weights_that_cannot_be_used_are_named_as_they_are_loaded() {
    let file = SingleFile::of(Checkpoint::TinySd15);
    let name = "model.diffusion_model.out.2.bias";
    let line = loading(&file.clone().with(name, Tensor::f32(&[4], [1.0, f32::NAN, 0.0, 0.0])));
    assert!(line.contains("a NaN or an infinite number (conv_out.bias)"), "{line}");
    let line = loading(&file.clone().with(name, zeros(&[5])));
    assert!(line.contains("1 of another shape (conv_out.bias: [5] where [4] is expected)"), "{line}");
    let line = loading(&file.clone().without(name));
    assert!(line.contains("1 missing (conv_out.bias)"), "{line}");
    let line = loading(&file.clone().with(name, Tensor { dtype: Dtype::I8, shape: vec![4], bytes: vec![1; 4] }));
    assert!(line.contains("can't use weights of type I8 (conv_out.bias)"), "{line}");
    // The two bytes that stand for NaN.
    for byte in [0x7f, 0xff] {
        let bias = Tensor { dtype: Dtype::F8_E4M3, shape: vec![4], bytes: vec![byte; 4] };
        let line = loading(&file.clone().with(name, bias));
        assert!(line.contains("a NaN or an infinite number (conv_out.bias)"), "{line}");
    }
    assert!(!unet(&Models::with(&file).open().expect("it opens")).is_empty());
}
