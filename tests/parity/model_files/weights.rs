//! Weights that load: types, variants, shards and spellings.

use burn::tensor::{DType, Tensor};
use burnisher::base::error::Error;
use burnisher::base::stop::Stop;
use burnisher::storage::checkpoint::{MisShaped, Mismatch};
use half::bf16;
use safetensors::Dtype;

use super::folder::{Folder, Net, Tensors, as_f16, as_f32, net, serialize, tensors};

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_to_vec().unwrap()
}

/// Every number is where it belongs: `Linear` keeps `[in, out]` where the file has `[out, in]`.
fn assert_loaded(net: &Net) {
    let expected = |name: &str| tensors()[name].1.clone();
    assert_eq!(numbers(net.conv_in.weight.val()), expected("conv_in.weight"));
    assert_eq!(numbers(net.conv_in.bias.as_ref().unwrap().val()), expected("conv_in.bias"));
    assert_eq!(numbers(net.norms[0].gamma.as_ref().unwrap().val()), expected("norms.0.weight"));
    assert_eq!(numbers(net.attention.layer_norm.gamma.val()), expected("attention.layer_norm.weight"));
    let to_q = net.attention.to_q.weight.val();
    assert_eq!(to_q.dims(), [4, 3]);
    assert_eq!(numbers(to_q.transpose()), expected("attention.to_q.weight"));
    assert_eq!(numbers(net.attention.to_out[0].weight.val().transpose()), expected("attention.to_out.0.weight"));
}

fn mismatch(error: &Error) -> &Mismatch {
    std::error::Error::source(error).and_then(|source| source.downcast_ref()).expect("a mismatch is the cause")
}

#[test]
fn weights_load_as_f32_from_every_floating_point_type() {
    for file in [
        as_f32(&tensors()),
        as_f16(&tensors()),
        serialize(&tensors(), Dtype::BF16, |number| bf16::from_f32(number).to_le_bytes().to_vec()),
        serialize(&tensors(), Dtype::F64, |number| f64::from(number).to_le_bytes().to_vec()),
    ] {
        let folder = Folder::without_unet_weights();
        folder.write("unet/diffusion_pytorch_model.safetensors", file);
        let net = folder.load().unwrap();
        assert_eq!(net.conv_in.weight.val().dtype(), DType::F32);
        assert_loaded(&net);
    }
}

#[test]
fn weights_load_as_f16_and_bf16_too() {
    for dtype in [DType::F16, DType::BF16] {
        let net = Folder::with(&tensors()).load_as(dtype).unwrap();
        assert_eq!(net.attention.to_q.weight.val().dtype(), dtype);
        assert_loaded(&net);
    }
}

/// Larger than the pieces that threads work on, and no multiple of them.
#[test]
fn a_large_matrix_is_turned_whole() {
    use burn::module::Module;
    use burn::nn::{Linear, LinearConfig};
    #[derive(Module, Debug)]
    struct Large {
        proj: Linear,
    }
    let [rows, columns] = [301, 257];
    let stored: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
    let file = Tensors::from([
        ("proj.weight".to_owned(), (vec![rows, columns], stored.clone())),
        ("proj.bias".to_owned(), (vec![rows], vec![0.0; rows])),
    ]);
    let module = Large { proj: LinearConfig::new(columns, rows).init(&burn::tensor::Device::flex()) };
    let folder = Folder::with(&file);
    let checkpoint = folder.open().unwrap();
    let loaded = checkpoint.load("unet", module, DType::F32, &mut |_| Ok(())).unwrap();
    let turned: Vec<f32> = (0..columns).flat_map(|c| (0..rows).map(move |r| (r * columns + c) as f32)).collect();
    assert_eq!(numbers(loaded.proj.weight.val()), turned);
}

#[test]
fn the_variant_that_suits_the_type_is_taken_and_any_is_better_than_none() {
    let full: Tensors = tensors()
        .into_iter()
        .map(|(key, (shape, numbers))| (key, (shape, numbers.into_iter().map(|number| number + 1.0).collect())))
        .collect();
    let folder = Folder::without_unet_weights();
    folder.write("unet/diffusion_pytorch_model.fp16.safetensors", as_f16(&tensors()));
    assert_loaded(&folder.load().unwrap());
    folder.write("unet/diffusion_pytorch_model.safetensors", as_f32(&full));
    assert_loaded(&folder.load_as(DType::F16).unwrap());
    assert_eq!(numbers(folder.load().unwrap().conv_in.bias.unwrap().val()), full["conv_in.bias"].1);
}

#[test]
fn sharded_weights_load_under_every_name_that_diffusers_gives_the_index() {
    for (index, shards) in [
        ("diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model-0000N-of-00002.safetensors"),
        (
            "diffusion_pytorch_model.safetensors.index.fp16.json",
            "diffusion_pytorch_model.fp16-0000N-of-00002.safetensors",
        ),
        (
            "diffusion_pytorch_model.safetensors.fp16.index.json",
            "diffusion_pytorch_model-0000N-of-00002.fp16.safetensors",
        ),
        ("model.safetensors.index.json", "model-0000N-of-00002.safetensors"),
    ] {
        let folder = Folder::without_unet_weights();
        let mut first = tensors();
        let second = first.split_off("conv_in.weight");
        let mut weight_map = serde_json::Map::new();
        for (number, part) in [("1", &first), ("2", &second)] {
            let shard = shards.replace('N', number);
            folder.write(&format!("unet/{shard}"), as_f32(part));
            weight_map.extend(part.keys().map(|key| (key.clone(), shard.clone().into())));
        }
        let index = format!("unet/{index}");
        folder.write(&index, serde_json::json!({"metadata": {"total_size": 1}, "weight_map": weight_map}).to_string());
        assert_loaded(&folder.load().unwrap());

        std::fs::remove_file(folder.path(&format!("unet/{}", shards.replace('N', "2")))).unwrap();
        assert!(folder.complaint().headline().contains("a part of the unet's weights is missing"));
        folder.edit(&index, &shards.replace('N', "2"), "../../elsewhere.safetensors");
        assert!(folder.complaint().headline().contains("names a file outside its folder"));
    }
}

#[test]
fn old_and_new_spellings_of_names_load_alike() {
    let renamed = |rename: &dyn Fn(String) -> String| {
        tensors().into_iter().map(|(key, tensor)| (rename(key), tensor)).collect::<Tensors>()
    };
    let old_attention = renamed(&|key| key.replace("to_q", "query").replace("to_out.0", "proj_attn"));
    let mut old_clip = renamed(&|key| format!("text_model.{key}"));
    old_clip.insert("text_model.embeddings.position_ids".to_owned(), (vec![1, 4], vec![0.0, 1.0, 2.0, 3.0]));
    let mut as_convolution = old_attention.clone();
    as_convolution.get_mut("attention.query.weight").unwrap().0 = vec![3, 4, 1, 1];
    for file in
        [old_attention, old_clip, as_convolution, renamed(&|key| key.replace("norms.0.weight", "norms.0.gamma"))]
    {
        assert_loaded(&Folder::with(&file).load().unwrap());
    }
}

#[test]
fn every_missing_unused_and_mis_shaped_name_is_reported() {
    let mut file = tensors();
    file.remove("norms.0.bias");
    file.remove("attention.to_q.weight");
    file.insert("attention.to_k.weight".to_owned(), (vec![1], vec![0.0]));
    file.insert("conv_in.weight".to_owned(), (vec![4, 2, 1, 1], vec![0.0; 8]));
    file.insert("attention.to_out.0.weight".to_owned(), (vec![3, 4], vec![0.0; 12]));
    let folder = Folder::with(&file);
    let error = folder.complaint();
    let mis_shaped = |key: &str, expected: &[usize], found: &[usize]| MisShaped {
        key: key.to_owned(),
        expected: expected.to_vec(),
        found: found.to_vec(),
    };
    assert_eq!(
        mismatch(&error),
        &Mismatch {
            missing: vec!["norms.0.bias".to_owned(), "attention.to_q.weight".to_owned()],
            unused: vec!["attention.to_k.weight".to_owned()],
            mis_shaped: vec![
                mis_shaped("conv_in.weight", &[4, 2, 3, 3], &[4, 2, 1, 1]),
                mis_shaped("attention.to_out.0.weight", &[4, 3], &[3, 4]),
            ],
        }
    );
    let unet = folder.path("unet");
    assert_eq!(
        error.to_string(),
        format!(
            "the weights aren't those that the config asks for: {}: 2 missing (norms.0.bias, attention.to_q.weight), \
             1 unused (attention.to_k.weight), 2 of another shape (conv_in.weight: [4, 2, 1, 1] where [4, 2, 3, 3] is \
             expected, attention.to_out.0.weight: [3, 4] where [4, 3] is expected)",
            unet.display()
        )
    );
}

#[test]
fn tensors_that_nothing_reads_are_told_and_hinder_nothing() {
    let mut file = tensors();
    file.extend((0..50).map(|i| (format!("extra.{i:02}"), (vec![1], vec![0.0]))));
    let folder = Folder::with(&file);
    assert_loaded(&folder.load().unwrap());
    let compared = folder.open().unwrap().compare("unet", &net(), DType::F32).unwrap();
    compared.check().unwrap();
    assert_eq!(compared.mismatch.unused.len(), 50);
    let note = compared.mismatch.note().unwrap();
    assert_eq!(note, "50 tensors aren't used: extra.00, extra.01, extra.02, extra.03, extra.04, …");
}

#[test]
fn headers_tell_what_does_not_fit_before_anything_is_loaded() {
    let mut file = tensors();
    file.remove("norms.0.bias");
    let folder = Folder::with(&file);
    let compared = folder.open().unwrap().compare("unet", &net(), DType::F32).unwrap();
    assert_eq!(compared.mismatch.missing, ["norms.0.bias"]);
    assert_eq!(compared.check().unwrap_err().to_string(), folder.complaint().to_string());
}

#[test]
fn loading_tells_of_every_byte_and_can_be_stopped_after_any_tensor() {
    let folder = Folder::with(&tensors());
    let checkpoint = folder.open().unwrap();
    let total = checkpoint.compare("unet", &net(), DType::F32).unwrap().stored_bytes;
    let mut told = Vec::new();
    let loaded = checkpoint.load("unet", net(), DType::F32, &mut |bytes| {
        told.push(bytes);
        Ok(())
    });
    assert_loaded(&loaded.unwrap());
    assert_eq!((told.len(), told.iter().sum::<u64>()), (tensors().len(), total));
    for wanted in 1..=told.len() {
        let mut read = 0;
        let stopped = checkpoint.load("unet", net(), DType::F32, &mut |_| {
            read += 1;
            if read == wanted { Err(Stop::Cancelled) } else { Ok(()) }
        });
        assert!(matches!(stopped, Err(Stop::Cancelled)));
        assert_eq!(read, wanted, "nothing is read after the stop");
    }
}
