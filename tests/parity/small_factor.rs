//! A model whose autoencoder halves its pictures twice: sizes go by its factor of 4, as Diffusers' `VaeImageProcessor` rounds them
//! (`get_default_height_width`: each side less its remainder of `vae_scale_factor`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Request, Sampling, Size, Task, size_for_picture};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::imaging::picture;
use crate::runs::{draw_all, open, refusal, tiny};
use crate::support::checkpoints::Checkpoint;

/// A copy of the tiny Stable Diffusion 1.5 without one of the levels of its autoencoder: the last that is encoded, and the one
/// that is decoded second.
fn with_a_factor_of_4() -> tempfile::TempDir {
    let ModelRef::Folder(from) = tiny(Checkpoint::TinySd15) else { panic!("tiny checkpoints are folders") };
    let copy = tempfile::tempdir().expect("a folder");
    for part in ["", "unet", "vae", "text_encoder", "tokenizer", "scheduler"] {
        fs::create_dir_all(copy.path().join(part)).expect("a folder");
        for entry in fs::read_dir(from.join(part)).expect("a folder").flatten().filter(|entry| entry.path().is_file()) {
            fs::copy(entry.path(), copy.path().join(part).join(entry.file_name())).expect("a copy");
        }
    }
    drop_level(&copy.path().join("vae"));
    copy
}

fn drop_level(vae: &Path) {
    let path = vae.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("a config")).expect("JSON");
    config["block_out_channels"] = json!([32, 32, 64]);
    config["down_block_types"] = json!(vec!["DownEncoderBlock2D"; 3]);
    config["up_block_types"] = json!(vec!["UpDecoderBlock2D"; 3]);
    fs::write(&path, config.to_string()).expect("a config");

    let path = vae.join("diffusion_pytorch_model.safetensors");
    let bytes = fs::read(&path).expect("weights");
    let tensors = SafeTensors::deserialize(&bytes).expect("weights");
    let mut kept = BTreeMap::new();
    for (key, tensor) in tensors.tensors() {
        let is_gone = ["encoder.down_blocks.3.", "encoder.down_blocks.2.downsamplers.", "decoder.up_blocks.1."]
            .iter()
            .any(|gone| key.starts_with(gone));
        if !is_gone {
            let key = key.replace("up_blocks.2.", "up_blocks.1.").replace("up_blocks.3.", "up_blocks.2.");
            kept.insert(key, tensor);
        }
    }
    safetensors::serialize_to_file(kept, None, &path).expect("weights");
}

#[test]
fn sizes_are_multiples_of_what_the_models_own_autoencoder_needs() {
    let model = with_a_factor_of_4();
    let compute = device::open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU is there");
    let pipeline = open(&ModelRef::Folder(model.path().to_owned()), compute);
    assert_eq!((pipeline.size_multiple(), pipeline.default_size()), (4, (32, 32)));
    let (width, height) = size_for_picture((101, 70), (64, 64), pipeline.size_multiple());
    assert_eq!((width, height), (100, 68), "as Diffusers rounds them");

    let image = model.path().join("picture.png");
    picture(101, 70).save(&image).expect("a PNG");
    let request = Request {
        start: Task::ImageToImage { image: image.into(), strength: 1.0 }.into(),
        sampling: Sampling { steps: 2, ..Sampling::default() },
        size: Size { width, height },
        ..Request::default()
    };
    let (trace, drawn) = draw_all(&pipeline, &request, "a factor of 4");
    assert_eq!(drawn[0].image.dimensions(), (100, 68));
    assert_eq!(trace.get("image_latents").shape, [1, 4, 17, 25]);

    let line = refusal(&pipeline, &request.with(|request| request.size.width = 98));
    assert_eq!(line, "the width must be a multiple of 4 above 0, not 98. The nearest is 96 or 100");
}
