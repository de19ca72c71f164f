//! A small model on disk that tests bend: the bundled one's configs and weights that fit [`Net`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig, LayerNorm, LayerNormConfig};
use burn::tensor::{DType, Device};
use burnisher::base::error::{Error, Result};
use burnisher::base::model_ref::ModelRef;
use burnisher::base::stop::{Outcome, Stop};
use burnisher::families;
use burnisher::ops::{Conv2d, Linear};
use burnisher::storage::checkpoint::Checkpoint;
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

/// A module with every kind of parameter, and children in a struct, a `Vec` and an array.
#[derive(Module, Debug)]
pub(crate) struct Net {
    pub(crate) conv_in: Conv2d,
    pub(crate) norms: Vec<GroupNorm>,
    pub(crate) attention: Attention,
}

#[derive(Module, Debug)]
pub(crate) struct Attention {
    pub(crate) layer_norm: LayerNorm,
    pub(crate) to_q: Linear,
    pub(crate) to_out: [Linear; 1],
}

pub(crate) fn net() -> Net {
    let device = Device::flex();
    Net {
        conv_in: Conv2d::new(2, 4, 3, &device),
        norms: vec![GroupNormConfig::new(2, 4).init(&device)],
        attention: Attention {
            layer_norm: LayerNormConfig::new(4).init(&device),
            to_q: Linear::new(4, 3, &device).with_bias(false),
            to_out: [Linear::new(3, 4, &device)],
        },
    }
}

/// Tensors by name: shape and numbers.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// What a file for [`Net`] holds: the numbers of each tensor count up by an eighth, so that halves hold them exactly.
pub(crate) fn tensors() -> Tensors {
    [
        ("conv_in.weight", vec![4, 2, 3, 3]),
        ("conv_in.bias", vec![4]),
        ("norms.0.weight", vec![4]),
        ("norms.0.bias", vec![4]),
        ("attention.layer_norm.weight", vec![4]),
        ("attention.layer_norm.bias", vec![4]),
        ("attention.to_q.weight", vec![3, 4]),
        ("attention.to_out.0.weight", vec![4, 3]),
        ("attention.to_out.0.bias", vec![4]),
    ]
    .into_iter()
    .map(|(name, shape)| {
        let count = shape.iter().product::<usize>();
        (name.to_owned(), (shape, (0..count).map(|i| i as f32 / 8.0).collect()))
    })
    .collect()
}

/// A model folder that is removed at the end of a test.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// A model whose configs are the bundled one's and whose unet has no weights yet.
    pub(crate) fn without_unet_weights() -> Self {
        let folder = Self(TempDir::new().unwrap());
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/pictogram-64");
        for file in [
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "tokenizer/tokenizer_config.json",
            "unet/config.json",
            "vae/config.json",
        ] {
            folder.write(file, fs::read(bundled.join(file)).unwrap());
        }
        folder
    }

    /// The same with weights for [`Net`].
    pub(crate) fn with(tensors: &Tensors) -> Self {
        let folder = Self::without_unet_weights();
        folder.write("unet/diffusion_pytorch_model.safetensors", as_f32(tensors));
        folder
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Replaces a text in a file.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        self.write(file, text.replace(from, to));
    }

    pub(crate) fn open(&self) -> Result<Checkpoint> {
        families::open(&ModelRef::Folder(self.0.path().to_owned()))
    }

    pub(crate) fn load(&self) -> Outcome<Net> {
        self.load_as(DType::F32)
    }

    pub(crate) fn load_as(&self, dtype: DType) -> Outcome<Net> {
        self.open()?.load("unet", net(), dtype, &mut |_| Ok(()))
    }

    /// What is said about this folder.
    pub(crate) fn complaint(&self) -> Error {
        match self.load() {
            Err(Stop::Failed(error)) => error,
            other => panic!("nothing is said about it: {}", other.is_ok()),
        }
    }
}

/// A safetensors file of f32.
pub(crate) fn as_f32(tensors: &Tensors) -> Vec<u8> {
    serialize(tensors, Dtype::F32, |number| number.to_le_bytes().to_vec())
}

/// A safetensors file of f16.
pub(crate) fn as_f16(tensors: &Tensors) -> Vec<u8> {
    serialize(tensors, Dtype::F16, |number| f16::from_f32(number).to_le_bytes().to_vec())
}

/// A safetensors file of any type.
pub(crate) fn serialize(tensors: &Tensors, dtype: Dtype, number: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
    let bytes: Vec<(&str, &[usize], Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, numbers))| (name.as_str(), &shape[..], numbers.iter().flat_map(|n| number(*n)).collect()))
        .collect();
    let views =
        bytes.iter().map(|(name, shape, bytes)| (*name, TensorView::new(dtype, shape.to_vec(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// A safetensors file with this header and so many bytes of data, whether they fit or not.
pub(crate) fn raw(header: &str, data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + data, 0);
    file
}
