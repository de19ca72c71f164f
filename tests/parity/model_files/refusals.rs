//! Models that can't be opened: each with a line that says why, and what about.

use burn::tensor::DType;
use burnisher::base::model_ref::ModelRef;
use burnisher::families;
use safetensors::Dtype;

use super::folder::{Folder, as_f32, raw, serialize, tensors};

const WEIGHTS: &str = "unet/diffusion_pytorch_model.safetensors";

fn refusal(model: &str) -> String {
    families::open(&model.parse().unwrap()).map(|_| ()).unwrap_err().to_string()
}

/// The line names what is wrong, and the file at its end.
fn assert_says(folder: &Folder, file: &str, what: &str) {
    let error = folder.complaint();
    assert!(error.headline().contains(what), "{error}");
    assert!(error.headline().ends_with(&folder.path(file).display().to_string()), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[test]
fn a_model_that_is_not_there_is_named() {
    let line = refusal("/no/such/model");
    assert!(
        line.starts_with("no such model: /no/such/model. A model is `bundled`, a folder with a model_index.json"),
        "{line}"
    );
}

#[test]
fn a_hub_id_and_single_files_are_recognised() {
    let line = refusal("acme/not-on-this-machine");
    assert!(line.contains("`burnisher download acme/not-on-this-machine` fetches it"), "{line}");
    let folder = Folder::with(&tensors());
    let line = refusal(&folder.path(WEIGHTS).display().to_string());
    assert!(line.starts_with("this file is no model but a file of another kind: "), "{line}");
    let line = refusal("v1-5-pruned.ckpt");
    assert!(line.contains("pickled checkpoint, which can run code"), "{line}");
}

#[test]
fn a_folder_without_an_index_is_told_what_a_model_looks_like() {
    let folder = Folder::with(&tensors());
    std::fs::remove_file(folder.path("model_index.json")).unwrap();
    let line = folder.complaint().to_string();
    assert!(line.starts_with("this folder has no model_index.json: "), "{line}");
    assert!(line.contains("beside a folder for each of its components"), "{line}");
}

#[test]
fn an_unknown_pipeline_class_is_named() {
    let folder = Folder::with(&tensors());
    folder.edit("model_index.json", "StableDiffusionPipeline", "FluxPipeline");
    let line = folder.complaint().to_string();
    assert!(line.starts_with("can't open FluxPipeline: "), "{line}");
    assert!(line.contains("Known pipelines are StableDiffusionPipeline,"), "{line}");
}

#[test]
fn an_unknown_component_class_is_named() {
    let folder = Folder::with(&tensors());
    folder.edit("model_index.json", "UNet2DConditionModel", "UNet3DConditionModel");
    assert_says(&folder, "model_index.json", "can't use a unet of class UNet3DConditionModel");
}

#[test]
fn a_component_that_is_missing_is_named() {
    let folder = Folder::with(&tensors());
    std::fs::remove_dir_all(folder.path("vae")).unwrap();
    assert_says(&folder, "vae/config.json", "the model's vae is missing");

    let folder = Folder::with(&tensors());
    folder.edit("model_index.json", "\"unet\"", "\"another\"");
    std::fs::rename(folder.path("unet"), folder.path("another")).unwrap();
    assert!(folder.complaint().headline().starts_with("the model_index.json names no unet"));

    let folder = Folder::with(&tensors());
    folder.edit("model_index.json", "\"unet\"", "\"../unet\"");
    assert_says(&folder, "model_index.json", "a component can't be called \"../unet\"");
}

#[test]
fn a_component_without_weights_is_named() {
    assert_says(&Folder::without_unet_weights(), "unet", "the unet has no weights");
}

#[test]
fn pickled_weights_are_refused_with_a_way_out() {
    let folder = Folder::without_unet_weights();
    folder.write("unet/diffusion_pytorch_model.bin", "anything");
    assert_says(&folder, "unet", "weights are pickled (.bin), which can run code when opened");
    assert!(folder.complaint().advice().unwrap().contains("safe_serialization=True"));
}

#[test]
fn a_json_file_that_is_not_json_is_named() {
    let folder = Folder::with(&tensors());
    folder.write("unet/config.json", "{\"in_channels\": ");
    assert_says(&folder, "unet/config.json", "this file isn't sound JSON");
    folder.write("unet/config.json", [0xff, 0xfe]);
    assert_says(&folder, "unet/config.json", "this file should be text");
    let folder = Folder::without_unet_weights();
    folder.write("unet/diffusion_pytorch_model.safetensors.index.json", "[]");
    assert_says(&folder, "unet/diffusion_pytorch_model.safetensors.index.json", "can't be read");
}

#[test]
fn what_lies_in_the_place_of_a_file_is_named_wherever_it_lies() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3438167540\n";
    let page = "<!DOCTYPE html><html>log in</html>";
    let zeros = "\0".repeat(1 << 10);
    for (content, what, advice) in [
        (pointer, "it only points to the file, which Git LFS hasn't fetched yet", "Run `git lfs pull`"),
        (page, "it is a web page", "Download the file again"),
        ("<?xml version='1.0'?><Error/>", "it is a document in XML", "Download the file again"),
        (&zeros, "it is filled with zeros", "Download the file again"),
    ] {
        for (file, begins) in [
            (WEIGHTS, "this file holds no weights, "),
            ("unet/config.json", "this file holds no JSON, "),
            ("scheduler/scheduler_config.json", "this file holds no JSON, "),
            ("model_index.json", "this file holds no JSON, "),
        ] {
            let folder = Folder::with(&tensors());
            folder.write(file, content);
            assert_says(&folder, file, &format!("{begins}{what}"));
            assert!(folder.complaint().advice().is_some_and(|said| said.starts_with(advice)), "{file}");
        }
    }
}

#[test]
fn a_number_among_the_metadata_of_weights_is_named_and_no_download_is_advised() {
    let folder = Folder::without_unet_weights();
    folder.write(
        WEIGHTS,
        raw(r#"{"__metadata__":{"format":"pt","epoch":5},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4),
    );
    let error = folder.complaint();
    assert!(error.headline().starts_with("Its __metadata__ holds something else than a text under epoch"), "{error}");
    assert!(!error.to_string().contains("ownload"), "{error}");
}

#[test]
fn a_damaged_safetensors_file_is_named_with_the_tensor_at_fault() {
    let sound = as_f32(&tensors());
    let tensor = |dtype: &str, shape: &str, start: usize, end: usize| {
        format!("{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{start},{end}]}}")
    };
    let one = |tensor: String| format!("{{\"a.weight\":{tensor}}}");
    let two = |a: String, b: String| format!("{{\"a.weight\":{a},\"b.weight\":{b}}}");
    for (file, what) in [
        (Vec::new(), "it is empty"),
        (vec![1, 2, 3], "it has only 3 bytes"),
        (sound[..40].to_vec(), "it ends after 40 bytes, within its header"),
        (sound[..sound.len() - 1].to_vec(), "only "),
        ([sound.clone(), vec![0]].concat(), "it is 1 bytes longer than its header says"),
        (u64::MAX.to_le_bytes().to_vec(), "it doesn't begin as a safetensors file does"),
        (90_000_000_u64.to_le_bytes().to_vec(), "it ends after 8 bytes, within its header"),
        (raw("not json", 0), "its header makes no sense"),
        (raw("{\"a.weight\":1}", 0), "its header makes no sense"),
        (raw(&one(tensor("I128", "[1]", 0, 16)), 16), "its header makes no sense"),
        (raw(&one(tensor("F32", "[-1]", 0, 4)), 4), "its header makes no sense"),
        (raw(&one(tensor("F32", "[4]", 0, 16)), 8), "only "),
        (raw(&one(tensor("F32", "[1]", 1_000_000_000, 1_000_000_004)), 4), "the bytes of tensor a.weight overlap"),
        (raw(&one(tensor("F32", "[1]", 4, 0)), 4), "the bytes of tensor a.weight overlap"),
        (
            raw(&two(tensor("F32", "[2]", 0, 8), tensor("F32", "[2]", 4, 12)), 12),
            "the bytes of tensor b.weight overlap another's or leave a gap",
        ),
        (
            raw(&one(tensor("F32", "[1000000000]", 0, 4)), 4),
            "the shape [1000000000] of tensor a.weight doesn't fit its bytes",
        ),
        (
            raw(&one(tensor("F32", "[4294967296,4294967296,4294967296]", 0, 4)), 4),
            "the shape [4294967296, 4294967296, 4294967296] of tensor a.weight doesn't fit its bytes",
        ),
    ] {
        let folder = Folder::without_unet_weights();
        folder.write(WEIGHTS, file);
        assert_says(&folder, WEIGHTS, &format!("this safetensors file is damaged, {what}"));
        assert!(folder.open().unwrap().describe().is_err());
    }
}

/// The file is sparse and as long as it says: only the module knows that nothing so large belongs there.
#[test]
fn a_tensor_of_a_billion_elements_is_refused_by_its_shape() {
    let header = "{\"conv_in.bias\":{\"dtype\":\"F32\",\"shape\":[1000000000],\"data_offsets\":[0,4000000000]}}";
    let folder = Folder::without_unet_weights();
    folder.write(WEIGHTS, raw(header, 0));
    let file = std::fs::OpenOptions::new().write(true).open(folder.path(WEIGHTS)).unwrap();
    file.set_len(8 + header.len() as u64 + 4_000_000_000).unwrap();
    let line = folder.complaint().to_string();
    assert!(line.contains("conv_in.bias: [1000000000] where [4] is expected"), "{line}");
}

#[test]
fn a_type_that_weights_do_not_come_in_is_named() {
    let folder = Folder::without_unet_weights();
    folder.write(WEIGHTS, serialize(&tensors(), Dtype::I32, |number| (number as i32).to_le_bytes().to_vec()));
    assert_says(&folder, "unet", "can't use weights of type I32 (conv_in.weight)");
}

#[test]
fn numbers_that_are_not_finite_are_found_wherever_they_are() {
    for (key, at, number) in [
        ("conv_in.weight", 0, f32::NAN),
        ("conv_in.weight", 71, f32::INFINITY),
        ("attention.to_q.weight", 11, f32::NEG_INFINITY),
        ("norms.0.bias", 2, -f32::NAN),
    ] {
        let mut file = tensors();
        file.get_mut(key).unwrap().1[at] = number;
        for bytes in [as_f32(&file), super::folder::as_f16(&file)] {
            let folder = Folder::without_unet_weights();
            folder.write(WEIGHTS, bytes);
            assert_says(&folder, "unet", &format!("the weights hold a NaN or an infinite number ({key})"));
        }
    }
    let mut file = tensors();
    file.get_mut("norms.0.bias").unwrap().1[0] = 1e30;
    let folder = Folder::with(&file);
    assert!(folder.load().is_ok());
    let error = folder.load_as(DType::F16).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("an infinite number (norms.0.bias)"), "{error}");
}

#[test]
fn two_spellings_of_one_parameter_are_refused() {
    let mut file = tensors();
    let to_q = file["attention.to_q.weight"].clone();
    file.insert("attention.query.weight".to_owned(), to_q);
    assert_says(
        &Folder::with(&file),
        "unet",
        "attention.query.weight and attention.to_q.weight are the same parameter",
    );
}

#[test]
fn a_model_is_named_as_it_was_given() {
    for name in ["bundled", "some/folder"] {
        assert_eq!(name.parse::<ModelRef>().unwrap().to_string(), name);
    }
}
