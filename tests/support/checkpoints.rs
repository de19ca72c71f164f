//! The tiny checkpoints of `tests/golden/checkpoints` as ordinary diffusers folders.
//!
//! Their weights are random numbers that `make_checkpoints.py` and this module draw alike: `weights.json` says how, and
//! which sha256 must come out. A folder is written once below cargo's folder for tests and then reused, until anything
//! that it is made from changes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use burnisher::rng::TorchRng;
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
static WRITING: Mutex<()> = Mutex::new(());

/// Which weights, and under which names they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checkpoint {
    /// As Stable Diffusion 1.5.
    TinySd15,
    /// The same weights as transformers 5 names them: no `text_model.` before the text encoder's.
    TinySd15Tf5,
    /// The same weights under the names of 2022: the VAE's attention as `query`, `key`, `value`, `proj_attn`, and
    /// `position_ids` among the text encoder's.
    TinySd15Legacy,
    /// As `TinySd15Tf5`, with the scheduler's config as `save_pretrained` writes it: every default spelled out.
    TinySd15Saved,
    /// As Stable Diffusion 2.1, v-prediction.
    TinySd21V,
}

/// In which files the weights are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// One f32 file a component.
    Whole,
    /// One f16 file a component, marked `.fp16`.
    Fp16,
    /// Two f32 files a component, and an index.
    Sharded,
}

impl Checkpoint {
    /// The name in `tests/golden`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TinySd15 => "tiny-sd15",
            Self::TinySd15Tf5 => "tiny-sd15-tf5",
            Self::TinySd15Legacy => "tiny-sd15-legacy",
            Self::TinySd15Saved => "tiny-sd15-saved",
            Self::TinySd21V => "tiny-sd21-v",
        }
    }

    /// The folder of its configs and weights.json.
    fn definition(self) -> PathBuf {
        let name = if self == Self::TinySd21V { "tiny-sd21-v" } else { "tiny-sd15" };
        Path::new(ROOT).join("tests/golden/checkpoints").join(name)
    }

    /// A tensor's name in this checkpoint, from the published one.
    fn spell(self, component: &str, key: &str) -> String {
        match (self, component) {
            (Self::TinySd15Tf5 | Self::TinySd15Saved, "text_encoder") => key.replacen("text_model.", "", 1),
            (Self::TinySd15Legacy, "vae") => key
                .replace(".to_q.", ".query.")
                .replace(".to_k.", ".key.")
                .replace(".to_v.", ".value.")
                .replace(".to_out.0.", ".proj_attn."),
            _ => key.into(),
        }
    }

    /// The small files of its folder: where each goes, and what is in it.
    fn small_files(self) -> Vec<(&'static str, Vec<u8>)> {
        let definition = self.definition();
        let tokenizer = if self == Self::TinySd21V { "sd21" } else { "sd15" };
        let tokenizer = Path::new(ROOT).join("tests/golden/tokenizer").join(tokenizer);
        let clip = Path::new(ROOT).join("assets/clip");
        let scheduler =
            if self == Self::TinySd15Saved { "scheduler_config.saved.json" } else { "scheduler/scheduler_config.json" };
        [
            ("model_index.json", definition.join("model_index.json")),
            ("scheduler/scheduler_config.json", definition.join(scheduler)),
            ("text_encoder/config.json", definition.join("text_encoder/config.json")),
            ("unet/config.json", definition.join("unet/config.json")),
            ("vae/config.json", definition.join("vae/config.json")),
            ("tokenizer/tokenizer_config.json", tokenizer.join("tokenizer_config.json")),
            ("tokenizer/special_tokens_map.json", tokenizer.join("special_tokens_map.json")),
            ("tokenizer/vocab.json", clip.join("vocab.json")),
            ("tokenizer/merges.txt", clip.join("merges.txt")),
        ]
        .map(|(to, from)| (to, read(&from)))
        .into()
    }
}

/// One component of weights.json.
#[derive(Deserialize)]
struct Component {
    /// The name of its weight file, without variant and extension.
    file: String,
    sha256: String,
    tensors: BTreeMap<String, Rule>,
}

/// A tensor's shape, mean, standard deviation and seed.
#[derive(Deserialize)]
struct Rule(Vec<usize>, f32, f32, u64);

impl Rule {
    fn bytes(&self) -> Vec<u8> {
        let Self(shape, mean, std, seed) = self;
        let noise = TorchRng::manual_seed(*seed).randn(shape.iter().product());
        noise.into_iter().flat_map(|value| (mean + std * value).to_le_bytes()).collect()
    }
}

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The folder of a checkpoint, as `DiffusionPipeline.from_pretrained` would open it.
pub(crate) fn folder(checkpoint: Checkpoint, storage: Storage) -> PathBuf {
    let weights = read(&checkpoint.definition().join("weights.json"));
    let small_files = checkpoint.small_files();
    let mut made_from = Sha256::new_with_prefix(format!("{storage:?}"));
    made_from.update(include_str!("checkpoints.rs"));
    made_from.update(include_str!("../../src/rng.rs"));
    made_from.update(&weights);
    for (_, content) in &small_files {
        made_from.update(content);
    }
    let made_from = format!("{:x}", made_from.finalize());

    // Tests run side by side, and several want the same folder.
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkpoints");
    let folder = parent.join(format!("{}-{}", checkpoint.name(), &made_from[..16]));
    if !folder.exists() {
        fs::create_dir_all(&parent).expect("cargo's folder for tests is writable");
        let unfinished = tempfile::tempdir_in(&parent).expect("cargo's folder for tests is writable");
        write(unfinished.path(), checkpoint, storage, &weights, &small_files);
        // Another test binary may have been faster: what it wrote is the same.
        if let Err(error) = fs::rename(unfinished.path(), &folder) {
            assert!(folder.exists(), "{}: {error}", folder.display());
        }
    }
    folder
}

fn write(folder: &Path, checkpoint: Checkpoint, storage: Storage, weights: &[u8], small_files: &[(&str, Vec<u8>)]) {
    for (name, content) in small_files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder)).expect("a folder for the component");
        fs::write(path, content).expect("a config is written");
    }
    let components: BTreeMap<String, Component> = serde_json::from_slice(weights).expect("weights.json is well-formed");
    for (name, component) in components {
        let mut digest = Sha256::new();
        let mut tensors = BTreeMap::new();
        for (key, rule) in &component.tensors {
            let bytes = rule.bytes();
            digest.update(&bytes);
            tensors.insert(checkpoint.spell(&name, key), Tensor { dtype: Dtype::F32, shape: rule.0.clone(), bytes });
        }
        assert_eq!(
            format!("{:x}", digest.finalize()),
            component.sha256,
            "{checkpoint:?}: the {name}'s weights drifted"
        );
        if checkpoint == Checkpoint::TinySd15Legacy && name == "text_encoder" {
            let bytes = (0..77_i64).flat_map(i64::to_le_bytes).collect();
            let position_ids = Tensor { dtype: Dtype::I64, shape: vec![1, 77], bytes };
            tensors.insert("text_model.embeddings.position_ids".into(), position_ids);
        }
        store(&folder.join(name), &component.file, tensors, storage);
    }
}

/// Writes a component's weights in the files of `storage`, named as `save_pretrained` names them.
fn store(folder: &Path, file: &str, tensors: BTreeMap<String, Tensor>, storage: Storage) {
    match storage {
        Storage::Whole => write_safetensors(&folder.join(format!("{file}.safetensors")), &tensors),
        Storage::Fp16 => {
            let halved = tensors.into_iter().map(|(key, tensor)| (key, halve(tensor))).collect();
            write_safetensors(&folder.join(format!("{file}.fp16.safetensors")), &halved);
        }
        Storage::Sharded => {
            let total_size: usize = tensors.values().map(|tensor| tensor.bytes.len()).sum();
            let shard = |number: usize| format!("{file}-0000{number}-of-00002.safetensors");
            let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
            let mut weight_map = serde_json::Map::new();
            for (index, (key, tensor)) in tensors.into_iter().enumerate() {
                let (number, part) = if index % 2 == 0 { (1, &mut first) } else { (2, &mut second) };
                weight_map.insert(key.clone(), Value::String(shard(number)));
                part.insert(key, tensor);
            }
            write_safetensors(&folder.join(shard(1)), &first);
            write_safetensors(&folder.join(shard(2)), &second);
            let index = json!({"metadata": {"total_size": total_size}, "weight_map": weight_map});
            let path = folder.join(format!("{file}.safetensors.index.json"));
            fs::write(path, index.to_string()).expect("the index is written");
        }
    }
}

/// As torch's `half()`: to the nearest, ties to even.
fn halve(tensor: Tensor) -> Tensor {
    if tensor.dtype != Dtype::F32 {
        return tensor;
    }
    let (values, _) = tensor.bytes.as_chunks();
    let bytes = values.iter().flat_map(|value| f16::from_f32(f32::from_le_bytes(*value)).to_le_bytes()).collect();
    Tensor { dtype: Dtype::F16, shape: tensor.shape, bytes }
}

fn write_safetensors(path: &Path, tensors: &BTreeMap<String, Tensor>) {
    let views = tensors.iter().map(|(key, tensor)| {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes);
        (key, view.expect("the shape fits the bytes"))
    });
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(views, Some(metadata), path).expect("the weights are written");
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
