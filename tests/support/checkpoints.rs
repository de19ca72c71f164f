//! The tiny checkpoints of `tests/golden/checkpoints` as ordinary diffusers folders.
//!
//! Their weights are random numbers that `make_checkpoints.py` and this module draw alike: `weights.json` says how, and
//! which sha256 must come out. A folder is written once below cargo's folder for tests and then reused, until anything
//! that it is made from changes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use burnisher::base::rng::TorchRng;
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
    /// `TinySd15` with a UNet of 9 channels, for inpainting.
    TinySd15Inpaint,
    /// `TinySd15` with a safety checker that sees something in every picture.
    TinySd15SafetyFlag,
    /// The same with its thresholds turned round: all it sees is a reason to be strict. Its names are those of transformers 5.
    TinySd15SafetyPass,
    /// As Stable Diffusion 2.1, v-prediction.
    TinySd21V,
    /// `TinySd21V` with a UNet of 5 channels and a depth estimator as Intel/dpt-large.
    TinySd2Depth,
    /// The same with a depth estimator as Intel/dpt-hybrid-midas.
    TinySd2DepthHybrid,
    /// As google/ddpm-cat-256.
    TinyDdpm,
    /// A `DDIMPipeline` with the scheduler of a `DDPMPipeline`, whose UNet has other options.
    TinyDdim,
    /// The same weights under the names of 2022, and all files beside `model_index.json`.
    TinyDdpmLegacy,
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
    /// All of them.
    pub(crate) const ALL: [Self; 13] = [
        Self::TinySd15,
        Self::TinySd15Tf5,
        Self::TinySd15Legacy,
        Self::TinySd15Saved,
        Self::TinySd15Inpaint,
        Self::TinySd15SafetyFlag,
        Self::TinySd15SafetyPass,
        Self::TinySd21V,
        Self::TinySd2Depth,
        Self::TinySd2DepthHybrid,
        Self::TinyDdpm,
        Self::TinyDdim,
        Self::TinyDdpmLegacy,
    ];

    /// The name in `tests/golden`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TinySd15 => "tiny-sd15",
            Self::TinySd15Tf5 => "tiny-sd15-tf5",
            Self::TinySd15Legacy => "tiny-sd15-legacy",
            Self::TinySd15Saved => "tiny-sd15-saved",
            Self::TinySd15Inpaint => "tiny-sd15-inpaint",
            Self::TinySd15SafetyFlag => "tiny-sd15-safety-flag",
            Self::TinySd15SafetyPass => "tiny-sd15-safety-pass",
            Self::TinySd21V => "tiny-sd21-v",
            Self::TinySd2Depth => "tiny-sd2-depth",
            Self::TinySd2DepthHybrid => "tiny-sd2-depth-hybrid",
            Self::TinyDdpm => "tiny-ddpm",
            Self::TinyDdim => "tiny-ddim",
            Self::TinyDdpmLegacy => "tiny-ddpm-legacy",
        }
    }

    /// The folders of its configs and weights.json: what a later one has goes before what an earlier one has.
    fn definitions(self) -> Vec<PathBuf> {
        let names: &[&str] = match self {
            Self::TinySd15 | Self::TinySd15Tf5 | Self::TinySd15Legacy | Self::TinySd15Saved => &["tiny-sd15"],
            Self::TinySd15Inpaint => &["tiny-sd15", "tiny-sd15-inpaint"],
            Self::TinySd15SafetyFlag | Self::TinySd15SafetyPass => &["tiny-sd15", "tiny-sd15-safety"],
            Self::TinySd21V => &["tiny-sd21-v"],
            Self::TinySd2Depth => &["tiny-sd21-v", "tiny-sd2-depth"],
            Self::TinySd2DepthHybrid => &["tiny-sd21-v", "tiny-sd2-depth", "tiny-sd2-depth-hybrid"],
            Self::TinyDdpm | Self::TinyDdpmLegacy => &["tiny-ddpm"],
            Self::TinyDdim => &["tiny-ddim"],
        };
        names.iter().map(|name| Path::new(ROOT).join("tests/golden/checkpoints").join(name)).collect()
    }

    /// The folder of its tokenizer's configs; `None` if it reads no text.
    fn tokenizer(self) -> Option<&'static str> {
        match self {
            Self::TinyDdpm | Self::TinyDdim | Self::TinyDdpmLegacy => None,
            Self::TinySd21V | Self::TinySd2Depth | Self::TinySd2DepthHybrid => Some("sd21"),
            _ => Some("sd15"),
        }
    }

    /// A tensor's name in this checkpoint, from the published one.
    fn spell(self, component: &str, key: &str) -> String {
        match (self, component) {
            (Self::TinySd15Tf5 | Self::TinySd15Saved, "text_encoder") => key.replacen("text_model.", "", 1),
            (Self::TinySd15SafetyPass, "safety_checker") => {
                key.replacen("vision_model.vision_model.", "vision_model.", 1)
            }
            (Self::TinySd15Legacy, "vae") | (Self::TinyDdpmLegacy, "unet") => key
                .replace(".to_q.", ".query.")
                .replace(".to_k.", ".key.")
                .replace(".to_v.", ".value.")
                .replace(".to_out.0.", ".proj_attn."),
            _ => key.into(),
        }
    }

    /// What the numbers of a tensor are multiplied by.
    fn sign(self, key: &str) -> f32 {
        if self == Self::TinySd15SafetyPass && key.ends_with("_embeds_weights") { -1.0 } else { 1.0 }
    }

    /// Where a component's files lie.
    fn place(self, folder: &Path, component: &str) -> PathBuf {
        if self == Self::TinyDdpmLegacy { folder.to_owned() } else { folder.join(component) }
    }

    /// The small files of its folder by where each goes.
    fn small_files(self) -> BTreeMap<PathBuf, Vec<u8>> {
        const CONFIGS: [(&str, &str); 7] = [
            ("scheduler", "scheduler_config.json"),
            ("text_encoder", "config.json"),
            ("unet", "config.json"),
            ("vae", "config.json"),
            ("safety_checker", "config.json"),
            ("depth_estimator", "config.json"),
            ("feature_extractor", "preprocessor_config.json"),
        ];
        let mut files = BTreeMap::new();
        for definition in self.definitions() {
            let mut here = vec![(PathBuf::from("model_index.json"), definition.join("model_index.json"))];
            for (component, config) in CONFIGS {
                let to = self.place(Path::new(""), component).join(config);
                here.push((to, definition.join(component).join(config)));
            }
            if self == Self::TinySd15Saved {
                let saved = definition.join("scheduler_config.saved.json");
                here.push(("scheduler/scheduler_config.json".into(), saved));
            }
            files.extend(here.into_iter().filter(|(_, from)| from.exists()));
        }
        if let Some(tokenizer) = self.tokenizer() {
            let tokenizer = Path::new(ROOT).join("tests/golden/tokenizer").join(tokenizer);
            let clip = Path::new(ROOT).join("assets/clip");
            for (folder, file) in [
                (&tokenizer, "tokenizer_config.json"),
                (&tokenizer, "special_tokens_map.json"),
                (&clip, "vocab.json"),
                (&clip, "merges.txt"),
            ] {
                files.insert(Path::new("tokenizer").join(file), folder.join(file));
            }
        }
        files.into_iter().map(|(to, from)| (to, read(&from))).collect()
    }

    /// What weights.json says of each component.
    fn components(self) -> BTreeMap<String, Component> {
        let parse = |definition: PathBuf| {
            let manifest = read(&definition.join("weights.json"));
            serde_json::from_slice::<BTreeMap<String, Component>>(&manifest).expect("weights.json is well-formed")
        };
        self.definitions().into_iter().flat_map(parse).collect()
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
    fn bytes(&self, sign: f32) -> Vec<u8> {
        let Self(shape, mean, std, seed) = self;
        let noise = TorchRng::manual_seed(*seed).randn(shape.iter().product());
        noise.into_iter().flat_map(|value| (sign * (mean + std * value)).to_le_bytes()).collect()
    }
}

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The folder of a checkpoint, as `DiffusionPipeline.from_pretrained` would open it.
pub(crate) fn folder(checkpoint: Checkpoint, storage: Storage) -> PathBuf {
    let small_files = checkpoint.small_files();
    let mut made_from = Sha256::new_with_prefix(format!("{storage:?}"));
    made_from.update(include_str!("checkpoints.rs"));
    made_from.update(include_str!("../../src/base/rng.rs"));
    for definition in checkpoint.definitions() {
        made_from.update(read(&definition.join("weights.json")));
    }
    for content in small_files.values() {
        made_from.update(content);
    }
    let made_from = hex(made_from.finalize().as_slice());

    // Tests run side by side, and several want the same folder.
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkpoints");
    let folder = parent.join(format!("{}-{}", checkpoint.name(), &made_from[..16]));
    if !folder.exists() {
        fs::create_dir_all(&parent).expect("cargo's folder for tests is writable");
        let unfinished = tempfile::tempdir_in(&parent).expect("cargo's folder for tests is writable");
        write(unfinished.path(), checkpoint, storage, &small_files);
        // Another test binary may have been faster: what it wrote is the same.
        if let Err(error) = fs::rename(unfinished.path(), &folder) {
            assert!(folder.exists(), "{}: {error}", folder.display());
        }
    }
    folder
}

fn write(folder: &Path, checkpoint: Checkpoint, storage: Storage, small_files: &BTreeMap<PathBuf, Vec<u8>>) {
    for (name, content) in small_files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder)).expect("a folder for the component");
        fs::write(path, content).expect("a config is written");
    }
    for (name, component) in checkpoint.components() {
        let mut digest = Sha256::new();
        let mut tensors = BTreeMap::new();
        for (key, rule) in &component.tensors {
            digest.update(rule.bytes(1.0));
            let bytes = rule.bytes(checkpoint.sign(key));
            tensors.insert(checkpoint.spell(&name, key), Tensor { dtype: Dtype::F32, shape: rule.0.clone(), bytes });
        }
        assert_eq!(hex(digest.finalize().as_slice()), component.sha256, "{checkpoint:?}: the {name}'s weights drifted");
        if checkpoint == Checkpoint::TinySd15Legacy && name == "text_encoder" {
            let bytes = (0..77_i64).flat_map(i64::to_le_bytes).collect();
            let position_ids = Tensor { dtype: Dtype::I64, shape: vec![1, 77], bytes };
            tensors.insert("text_model.embeddings.position_ids".into(), position_ids);
        }
        store(&checkpoint.place(folder, &name), &component.file, tensors, storage);
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

/// A digest as it is written: two digits a byte.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
