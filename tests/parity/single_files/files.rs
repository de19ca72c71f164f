//! Single files made of the tiny checkpoints: every tensor under the name that `tests/golden/single_file` has for it, which
//! Diffusers' own converters turn back.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::error::Result;
use burnisher::base::model_ref::ModelRef;
use burnisher::families;
use burnisher::storage::checkpoint::{Checkpoint, CheckpointOptions};
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use tempfile::TempDir;

use crate::support::checkpoints::{self, Storage, folder};
use crate::support::golden::json;

/// Numbers as they are stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Tensor {
    pub(crate) fn f32(shape: &[usize], numbers: impl IntoIterator<Item = f32>) -> Self {
        let bytes = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
        Self { dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    pub(crate) fn numbers(&self) -> Vec<f32> {
        assert_eq!(self.dtype, Dtype::F32);
        self.bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// The same shape with other numbers.
    pub(crate) fn map(&self, change: impl Fn(f32) -> f32) -> Self {
        Self::f32(&self.shape, self.numbers().into_iter().map(change))
    }

    /// Rounded to another type.
    fn rounded(&self, dtype: Dtype) -> Self {
        let numbers = self.numbers();
        let bytes = match dtype {
            Dtype::F16 => numbers.into_iter().flat_map(|number| f16::from_f32(number).to_le_bytes()).collect(),
            Dtype::BF16 => numbers.into_iter().flat_map(|number| bf16::from_f32(number).to_le_bytes()).collect(),
            Dtype::F8_E5M2 => numbers.into_iter().map(|number| f16::from_f32(number).to_le_bytes()[1]).collect(),
            other => panic!("nothing is rounded to {other:?}"),
        };
        Self { dtype, shape: self.shape.clone(), bytes }
    }
}

/// The content of a single file.
#[derive(Clone, Default)]
pub(crate) struct SingleFile {
    pub(crate) tensors: BTreeMap<String, Tensor>,
    pub(crate) metadata: HashMap<String, String>,
}

impl SingleFile {
    /// A tiny checkpoint as its authors would have published it.
    pub(crate) fn of(checkpoint: checkpoints::Checkpoint) -> Self {
        let root = folder(checkpoint, Storage::Whole);
        let names: BTreeMap<String, Vec<String>> = json("single_file/names.json");
        let text_encoder = if root.join("depth_estimator").exists() || checkpoint.name().contains("sd21") {
            "open_clip"
        } else {
            "clip"
        };
        let mut file = Self::default();
        for (component, kind) in
            [("unet", "unet"), ("vae", "vae"), ("text_encoder", text_encoder), ("depth_estimator", "dpt_hybrid")]
        {
            let tensors = read_component(&root.join(component));
            assert!(tensors.is_empty() || tensors.len() == names[kind].len(), "{component}");
            for (name, tensor) in names[kind].iter().zip(tensors.into_values()) {
                file.put(name, tensor);
            }
        }
        file
    }

    /// Puts a tensor under its name; a third of one behind those that are there.
    fn put(&mut self, name: &str, mut tensor: Tensor) {
        // LDM has convolutions of 1 x 1 in the VAE's attention.
        if name.contains(".attn_1.") && tensor.shape.len() == 2 {
            tensor.shape.extend([1, 1]);
        }
        let Some((name, third)) = name.split_once('/') else {
            self.tensors.insert(name.to_owned(), tensor);
            return;
        };
        // Sorted by their names in Diffusers, key comes first and query second: each is put where it belongs.
        let third: usize = third.parse().expect("a number");
        let len = tensor.bytes.len();
        let all = self.tensors.entry(name.to_owned()).or_insert_with(|| {
            let mut shape = tensor.shape.clone();
            shape[0] *= 3;
            Tensor { dtype: tensor.dtype, shape, bytes: vec![0; 3 * len] }
        });
        all.bytes[third * len..(third + 1) * len].copy_from_slice(&tensor.bytes);
    }

    pub(crate) fn with(mut self, name: &str, tensor: Tensor) -> Self {
        self.tensors.insert(name.to_owned(), tensor);
        self
    }

    pub(crate) fn saying(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, prefix: &str) -> Self {
        let before = self.tensors.len();
        self.tensors.retain(|name, _| !name.starts_with(prefix));
        assert!(self.tensors.len() < before, "nothing begins with {prefix}");
        self
    }

    /// Only what begins so, and without that.
    pub(crate) fn only(mut self, prefix: &str) -> Self {
        let tensors = std::mem::take(&mut self.tensors).into_iter();
        self.tensors =
            tensors.filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor))).collect();
        assert!(!self.tensors.is_empty(), "nothing begins with {prefix}");
        self
    }

    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Self {
        let tensors = std::mem::take(&mut self.tensors).into_iter();
        self.tensors = tensors.map(|(name, tensor)| (name.replacen(from, to, 1), tensor)).collect();
        self
    }

    pub(crate) fn rounded(mut self, dtype: Dtype) -> Self {
        for tensor in self.tensors.values_mut() {
            *tensor = tensor.rounded(dtype);
        }
        self
    }

    pub(crate) fn write(&self, path: &Path) {
        let views = self.tensors.iter().map(|(name, tensor)| {
            let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes);
            (name, view.expect("the shape fits the bytes"))
        });
        safetensors::serialize_to_file(views, Some(self.metadata.clone()), path).expect("the file is written");
    }
}

/// Types of numbers in GGUF.
pub(crate) const GGUF_F32: u32 = 0;
pub(crate) const GGUF_Q4_0: u32 = 2;
pub(crate) const GGUF_Q8_0: u32 = 8;

impl SingleFile {
    /// As `ggml/docs/gguf.md` describes it, each tensor in the type that `kind` gives it.
    pub(crate) fn write_gguf(&self, path: &Path, kind: impl Fn(&str, &Tensor) -> u32) {
        self.write_gguf_with(path, kind, |tensor| tensor.shape.clone());
    }

    /// As `tools/convert.py` of ComfyUI-GGUF does.
    pub(crate) fn write_gguf_of_comfyui(&self, path: &Path) {
        self.write_gguf_with(
            path,
            |_, _| GGUF_F32,
            |tensor| match &tensor.shape[..] {
                shape @ [_, .., last] if !last.is_multiple_of(256) => {
                    let count: usize = shape.iter().product();
                    if count.is_multiple_of(256) { vec![count / 256, 256] } else { shape.to_vec() }
                }
                shape => shape.to_vec(),
            },
        );
    }

    /// Tensors that are stored in another shape than their own have that among the metadata.
    fn write_gguf_with(
        &self,
        path: &Path,
        kind: impl Fn(&str, &Tensor) -> u32,
        stored: impl Fn(&Tensor) -> Vec<usize>,
    ) {
        let string = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let mut header = [b"GGUF".as_slice(), &3_u32.to_le_bytes()].concat();
        header.extend((self.tensors.len() as u64).to_le_bytes());
        let reshaped: Vec<_> = self.tensors.iter().filter(|(_, tensor)| stored(tensor) != tensor.shape).collect();
        header.extend((1 + reshaped.len() as u64).to_le_bytes());
        for (name, Tensor { shape, .. }) in reshaped {
            header.extend(string(&format!("comfy.gguf.orig_shape.{name}")));
            header.extend([9_u32, 5].into_iter().flat_map(u32::to_le_bytes));
            header.extend((shape.len() as u64).to_le_bytes());
            header.extend(shape.iter().flat_map(|size| (*size as u32).to_le_bytes()));
        }
        header.extend([string("general.architecture"), 8_u32.to_le_bytes().to_vec(), string("sd1")].concat());
        let mut data = Vec::new();
        for (name, tensor) in &self.tensors {
            header.extend(string(name));
            let shape = stored(tensor);
            header.extend((shape.len() as u32).to_le_bytes());
            header.extend(shape.iter().rev().flat_map(|size| (*size as u64).to_le_bytes()));
            let kind = kind(name, tensor);
            header.extend(kind.to_le_bytes());
            header.extend((data.len() as u64).to_le_bytes());
            match kind {
                GGUF_F32 => data.extend(&tensor.bytes),
                _ => data.extend(tensor.numbers().as_chunks::<32>().0.iter().flat_map(q8_0)),
            }
            data.resize(data.len().next_multiple_of(32), 0);
        }
        header.resize(header.len().next_multiple_of(32), 0);
        fs::write(path, [header, data].concat()).expect("the file is written");
    }
}

/// A factor and 32 bytes.
fn q8_0(numbers: &[f32; 32]) -> Vec<u8> {
    let factor = f16::from_f32(numbers.iter().fold(0.0, |most: f32, number| most.max(number.abs())) / 127.0);
    let byte = |number: &f32| ((number / factor.to_f32()).round().clamp(-127.0, 127.0) as i8).cast_unsigned();
    factor.to_le_bytes().into_iter().chain(numbers.iter().map(byte)).collect()
}

/// A component's tensors by their names without `text_model.`.
pub(crate) fn read_component(folder: &Path) -> BTreeMap<String, Tensor> {
    let mut tensors = BTreeMap::new();
    for name in ["model.safetensors", "diffusion_pytorch_model.safetensors"] {
        let Ok(content) = fs::read(folder.join(name)) else { continue };
        for (key, view) in SafeTensors::deserialize(&content).expect("a sound file").tensors() {
            let (dtype, shape, bytes) = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
            tensors.insert(key.trim_start_matches("text_model.").to_owned(), Tensor { dtype, shape, bytes });
        }
    }
    tensors
}

/// A folder of models that is removed at the end of a test.
pub(crate) struct Models(TempDir);

impl Models {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    /// With one model, `model.safetensors`.
    pub(crate) fn with(file: &SingleFile) -> Self {
        let models = Self::new();
        file.write(&models.path("model.safetensors"));
        models
    }

    /// With one model and, in a folder of its name beside it, what no shape tells of a tiny checkpoint.
    pub(crate) fn of(checkpoint: checkpoints::Checkpoint, file: &SingleFile) -> Self {
        let models = Self::with(file);
        let from = folder(checkpoint, Storage::Whole);
        for config in [
            "unet/config.json",
            "text_encoder/config.json",
            "depth_estimator/config.json",
            "scheduler/scheduler_config.json",
            "model_index.json",
        ] {
            if from.join(config).exists() {
                models.put(&format!("model/{config}"), fs::read(from.join(config)).expect("a config"));
            }
        }
        models
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, content).expect("the file is written");
    }

    pub(crate) fn model(&self) -> ModelRef {
        ModelRef::File(self.path("model.safetensors"))
    }

    pub(crate) fn open(&self) -> Result<Checkpoint> {
        families::open(&self.model())
    }

    pub(crate) fn open_with(&self, options: &CheckpointOptions) -> Result<Checkpoint> {
        Checkpoint::open(&self.model(), families::ALL, options)
    }

    /// Why the model can't be opened: one line, ending with its path or going on with advice.
    pub(crate) fn complaint(&self) -> String {
        let error = self.open().map(|_| ()).expect_err("it can't be opened");
        assert!(error.headline().ends_with(&self.path("model.safetensors").display().to_string()), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
        error.to_string()
    }
}
