//! A diffusers folder with Stable Diffusion 1.5's shapes and random f16 weights.

use std::fs;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use burnisher::models::autoencoder_kl::AutoencoderKL;
use burnisher::models::clip::ClipTextModel;
use burnisher::models::unet_2d_condition::UNet2DConditionModel;
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

/// Writes the folder: 2 GB.
pub(crate) fn write(folder: &Path) {
    let device = Device::flex();
    let unet = json!({
        "_class_name": "UNet2DConditionModel", "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8,
        "block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2,
    });
    let vae = json!({
        "_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "sample_size": 512,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
    });
    let text = json!({
        "architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "vocab_size": 49408, "hidden_size": 768,
        "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "max_position_embeddings": 77,
        "hidden_act": "quick_gelu", "eos_token_id": 2, "bos_token_id": 0, "pad_token_id": 1,
    });
    let map = |value: &Value| value.as_object().expect("an object").clone();
    let file = "diffusion_pytorch_model.safetensors";
    component(folder, "unet", &unet, file, &UNet2DConditionModel::new(&map(&unet), &device).expect("a unet"));
    component(folder, "vae", &vae, file, &AutoencoderKL::new(&map(&vae), &device).expect("a vae"));
    component(
        folder,
        "text_encoder",
        &text,
        "model.safetensors",
        &ClipTextModel::new(&map(&text), &device).expect("a clip"),
    );

    let scheduler = json!({
        "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1,
    });
    json_file(&folder.join("scheduler/scheduler_config.json"), &scheduler);
    let tokenizer = json!({ "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>" });
    json_file(&folder.join("tokenizer/tokenizer_config.json"), &tokenizer);
    for name in ["vocab.json", "merges.txt"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/clip").join(name);
        fs::copy(from, folder.join("tokenizer").join(name)).expect("the vocabulary");
    }
    let index = json!({
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.1", "requires_safety_checker": false,
        "feature_extractor": [null, null], "safety_checker": [null, null], "image_encoder": [null, null],
        "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    });
    json_file(&folder.join("model_index.json"), &index);
}

fn json_file(path: &Path, value: &Value) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, value.to_string()).expect("a file");
}

/// Writes a component's config and random weights of a size that keeps activations finite.
fn component(folder: &Path, name: &str, config: &Value, file: &str, module: &impl Module) {
    json_file(&folder.join(name).join("config.json"), config);
    let mut parameters = Parameters::default();
    module.visit(&mut parameters);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = parameters
        .found
        .into_iter()
        .map(|(name, shape)| {
            let fan_in: usize = shape.iter().skip(1).product();
            let (mean, spread) = if shape.len() > 1 { (0.0, (fan_in as f32).powf(-0.5)) } else { (0.5, 0.1) };
            let values = (0..shape.iter().product()).flat_map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let unit = (state >> 40) as f32 / (1 << 23) as f32 - 1.0;
                f16::from_f32(mean + spread * unit).to_le_bytes()
            });
            let bytes = values.collect();
            (name, shape, bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F16, shape.clone(), bytes).expect("shape and bytes agree"))
    });
    safetensors::serialize_to_file(views, None, &folder.join(name).join(file)).expect("a file");
}

/// The names and shapes of a module's parameters, as files have them.
#[derive(Default)]
struct Parameters {
    path: Vec<String>,
    containers: Vec<String>,
    found: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Parameters {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(if container_type.starts_with("Enum:") { String::new() } else { name.to_owned() });
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        if D == 2 && self.containers.last().is_some_and(|c| c == "Struct:Linear") {
            shape.reverse();
        }
        let path: Vec<&str> = self.path.iter().map(String::as_str).filter(|segment| !segment.is_empty()).collect();
        let name = path.join(".").replace("gamma", "weight").replace("beta", "bias");
        self.found.push((name, shape));
    }
}
