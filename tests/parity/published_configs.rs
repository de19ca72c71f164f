//! The configs of well-known models: the networks that they ask for are as large as those of Diffusers and transformers, which
//! the numbers here are from (`sum(p.numel() for p in model.parameters())`). No weights are made.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use burnisher::models::config::NetworkConfig;
use burnisher::models::dpt::DptForDepthEstimation;
use burnisher::models::safety_checker::StableDiffusionSafetyChecker;
use burnisher::models::unet_2d::UNet2DModel;
use serde_json::{Value, json};

struct Count(usize);

impl ModuleVisitor for Count {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0 += param.lazy_shape().num_elements();
    }
}

fn parameters<M: Module>(network: &M) -> usize {
    let mut count = Count(0);
    network.visit(&mut count);
    count.0
}

fn config(value: Value) -> NetworkConfig {
    let Value::Object(config) = value else { panic!("an object") };
    config
}

#[test]
fn the_unconditional_models_of_google_are_built() {
    let unet = |channels: Value, down: Value, up: Value, sample_size: usize| {
        config(json!({
            "_class_name": "UNet2DModel", "_diffusers_version": "0.0.4", "act_fn": "silu", "attention_head_dim": null,
            "block_out_channels": channels, "center_input_sample": false, "down_block_types": down,
            "downsample_padding": 0, "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 3, "layers_per_block": 2,
            "mid_block_scale_factor": 1, "norm_eps": 1e-06, "norm_num_groups": 32, "out_channels": 3,
            "sample_size": sample_size, "time_embedding_type": "positional", "up_block_types": up,
        }))
    };
    let (down, up) = ("DownBlock2D", "UpBlock2D");
    let cat_256 = unet(
        json!([128, 128, 256, 256, 512, 512]),
        json!([down, down, down, down, "AttnDownBlock2D", down]),
        json!([up, "AttnUpBlock2D", up, up, up, up]),
        256,
    );
    let cifar_10 = unet(
        json!([128, 256, 256, 256]),
        json!([down, "AttnDownBlock2D", down, down]),
        json!([up, up, "AttnUpBlock2D", up]),
        32,
    );
    for (config, expected, multiple) in [(cat_256, 113_673_219, 32), (cifar_10, 35_746_307, 8)] {
        let network = UNet2DModel::new(&config, &Device::flex()).expect("the config is known");
        assert_eq!((parameters(&network), network.side_multiple()), (expected, multiple));
    }
}

#[test]
fn score_based_models_are_refused_by_the_names_of_their_parts() {
    let refusal = |value: Value| UNet2DModel::new(&config(value), &Device::flex()).expect_err("not built").to_string();
    let blocks = |kind: &str| {
        json!({
            "block_out_channels": [128], "down_block_types": [kind], "up_block_types": ["UpBlock2D"],
            "attention_head_dim": null,
        })
    };
    for kind in ["SkipDownBlock2D", "AttnSkipDownBlock2D", "ResnetDownsampleBlock2D"] {
        assert!(refusal(blocks(kind)).contains(&format!("unknown block type {kind}")));
    }
    assert!(refusal(json!({ "time_embedding_type": "fourier" })).contains("time_embedding_type = \"fourier\""));
    assert!(refusal(json!({ "resnet_time_scale_shift": "scale_shift" })).contains("resnet_time_scale_shift"));
    assert!(refusal(json!({ "downsample_type": "resnet" })).contains("downsample_type"));
    assert!(refusal(json!({ "num_class_embeds": 10 })).contains("num_class_embeds"));
    assert!(refusal(json!({ "attention_head_dim": 9 })).contains("attention_head_dim"));
}

#[test]
fn the_depth_estimators_of_intel_are_built() {
    // Intel/dpt-large, as transformers 4 saved it.
    let large = json!({
        "architectures": ["DPTForDepthEstimation"], "attention_probs_dropout_prob": 0.0, "auxiliary_loss_weight": 0.4,
        "backbone_out_indices": [5, 11, 17, 23], "fusion_hidden_size": 256, "head_in_index": -1, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0, "hidden_size": 1024, "image_size": 384, "initializer_range": 0.02,
        "intermediate_size": 4096, "layer_norm_eps": 1e-12, "model_type": "dpt",
        "neck_hidden_sizes": [256, 512, 1024, 1024], "num_attention_heads": 16, "num_channels": 3,
        "num_hidden_layers": 24, "patch_size": 16, "qkv_bias": true, "readout_type": "project",
        "reassemble_factors": [4, 2, 1, 0.5], "use_auxiliary_head": true, "use_batch_norm_in_fusion_residual": false,
    });
    // Intel/dpt-hybrid-midas, which Stable Diffusion 2 Depth has.
    let hybrid = json!({
        "add_projection": false, "architectures": ["DPTForDepthEstimation"],
        "backbone_config": {
            "depths": [3, 4, 9], "drop_path_rate": 0.0, "embedding_dynamic_padding": true, "embedding_size": 64,
            "global_padding": "SAME", "hidden_act": "relu", "hidden_sizes": [256, 512, 1024, 2048],
            "layer_type": "bottleneck", "model_type": "bit", "num_channels": 3, "num_groups": 32,
            "out_features": ["stage1", "stage2", "stage3"], "output_stride": 32, "width_factor": 1,
        },
        "backbone_featmap_shape": [1, 1024, 24, 24], "backbone_out_indices": [2, 5, 8, 11], "fusion_hidden_size": 256,
        "hidden_size": 768, "image_size": 384, "intermediate_size": 3072, "is_hybrid": true, "model_type": "dpt",
        "neck_hidden_sizes": [256, 512, 768, 768], "neck_ignore_stages": [0, 1], "num_attention_heads": 12,
        "num_hidden_layers": 12, "patch_size": 16, "readout_type": "project", "reassemble_factors": [1, 1, 1, 0.5],
    });
    let mut without_backbone = config(hybrid.clone());
    without_backbone.remove("backbone_config");
    for (config, expected) in
        [(config(large), 343_030_465), (config(hybrid), 122_377_985), (without_backbone, 122_377_985)]
    {
        let network = DptForDepthEstimation::new(&config, &Device::flex()).expect("the config is known");
        assert_eq!((parameters(&network), network.image_size()), (expected, 384));
    }
}

#[test]
fn depth_estimators_of_other_kinds_are_refused_by_key() {
    let refusal =
        |value: Value| DptForDepthEstimation::new(&config(value), &Device::flex()).expect_err("not built").to_string();
    assert!(refusal(json!({ "readout_type": "ignore" })).contains("readout_type"));
    assert!(refusal(json!({ "use_batch_norm_in_fusion_residual": true })).contains("use_batch_norm"));
    assert!(refusal(json!({ "backbone_config": { "model_type": "dinov2" } })).contains("backbone_config"));
    assert!(refusal(json!({ "image_size": 100 })).contains("image_size"));
    assert!(refusal(json!({ "backbone_out_indices": [2, 5, 8, 12] })).contains("backbone_out_indices"));
    assert!(refusal(json!({ "reassemble_factors": [4, 2, 1, 0] })).contains("reassemble_factors"));
    assert!(refusal(json!({ "is_hybrid": true })).contains("neck_hidden_sizes"));
    let hybrid = |backbone: Value| {
        json!({ "is_hybrid": true, "neck_hidden_sizes": [256, 512, 768, 768], "reassemble_factors": [1, 1, 1, 0.5],
            "backbone_config": backbone })
    };
    assert!(refusal(hybrid(json!({ "layer_type": "preactivation" }))).contains("layer_type"));
    assert!(refusal(hybrid(json!({ "depths": [3, 4, 6, 3] }))).contains("depths"));
    assert!(refusal(hybrid(json!({ "num_groups": 7 }))).contains("num_groups"));
}

#[test]
fn the_safety_checker_of_stable_diffusion_is_built() {
    // CLIP-L/14 in CompVis/stable-diffusion-safety-checker; its text tower has no part in it.
    let checker = json!({
        "architectures": ["StableDiffusionSafetyChecker"], "initializer_factor": 1.0, "logit_scale_init_value": 2.6592,
        "model_type": "clip", "projection_dim": 768, "text_config": { "hidden_size": 768, "model_type": "clip_text_model" },
        "vision_config": {
            "hidden_act": "quick_gelu", "hidden_size": 1024, "image_size": 224, "intermediate_size": 4096,
            "layer_norm_eps": 1e-05, "model_type": "clip_vision_model", "num_attention_heads": 16,
            "num_hidden_layers": 24, "patch_size": 14,
        },
    });
    let network = StableDiffusionSafetyChecker::new(&config(checker), &Device::flex()).expect("the config is known");
    assert_eq!((parameters(&network), network.image_size()), (303_981_588, 224));
    let wrong = json!({ "vision_config": { "patch_size": 0 } });
    let error = StableDiffusionSafetyChecker::new(&config(wrong), &Device::flex()).expect_err("no patches").to_string();
    assert!(error.contains("patch_size"), "{error}");
}
