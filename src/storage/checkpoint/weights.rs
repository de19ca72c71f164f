//! The weight files of one component: which ones they are, and what their headers say.
//!
//! Everything a header claims is checked against the file before anything is allocated. Limits: safetensors only;
//! of the variants that Diffusers knows, the full-precision one and `fp16`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use burn::tensor::{DType, Shape};
use bytes::Bytes;
use safetensors::tensor::TensorInfo;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use super::convert::{Order, from_q8_0, tensor_data};
use super::gguf::{self, Blocks};
use super::source::{Source, SourceFile, is_plain_name};
use crate::base::error::{Error, Result};

/// The names that Diffusers and transformers give a component's weights, without variant and ending.
const STEMS: [&str; 2] = ["diffusion_pytorch_model", "model"];

/// Endings of pickled weights.
const PICKLES: [&str; 4] = [".bin", ".ckpt", ".pt", ".pth"];

/// Which precision to take where a folder holds both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The one without a name of its own, mostly 32 bits a number.
    Full,
    /// 16 bits a number.
    Fp16,
}

impl Variant {
    /// The one to take for a model that computes in `dtype`.
    pub(crate) fn of(dtype: DType) -> Self {
        if dtype == DType::F16 { Self::Fp16 } else { Self::Full }
    }
}

/// A tensor as it lies in its file.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) file: SourceFile,
    /// Where in the file: as long as shape and dtype ask for, the header was checked.
    pub(crate) range: Range<usize>,
    /// Whether the file has the numbers in blocks, which become those of `dtype` as they are read.
    pub(crate) blocks: Option<Blocks>,
}

impl Stored {
    /// Its bytes, little-endian, mapped for as long as they are held where the file has them as they are.
    ///
    /// # Errors
    /// The file can't be mapped any more.
    pub(crate) fn bytes(&self) -> Result<Bytes> {
        let stored = self.file.range(self.range.clone())?;
        Ok(match self.blocks {
            None => stored,
            Some(Blocks::Q8_0) => from_q8_0(&stored),
        })
    }

    /// One of three equal parts, by its first axis. `None` if they can't be equal.
    pub(crate) fn third(&self, index: usize) -> Option<Self> {
        let (rows, columns) = self.shape.split_first()?;
        let len = self.len() / 3;
        let is_whole = rows % 3 == 0 && len * 3 == self.len() && index < 3;
        let start = self.range.start + index * len;
        let shape = [&[rows / 3], columns].concat();
        is_whole.then(|| Self { shape, range: start..start + len, ..self.clone() })
    }

    /// A matrix of f32 that isn't in any file.
    pub(crate) fn made(rows: &[Vec<f32>], width: usize, place: String) -> Self {
        let bytes: Vec<u8> = rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        let range = 0..bytes.len();
        let (dtype, shape) = (Dtype::F32, vec![rows.len(), width]);
        Self { dtype, shape, file: SourceFile::made(bytes.into(), place), range, blocks: None }
    }

    /// All its numbers; `None` if they can't be read, or one of them isn't finite.
    pub(crate) fn numbers(&self) -> Option<Vec<f32>> {
        let shape = Shape::new([self.shape.iter().product()]);
        let data = tensor_data(self.bytes().ok()?, self.dtype, shape, Order::AsStored, DType::F32).ok()?;
        data.try_to_vec().ok()
    }

    /// How many bytes.
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }
}

/// All tensors of a component, by the names its files give them.
#[derive(Clone)]
pub(crate) struct Weights {
    pub(crate) tensors: BTreeMap<String, Stored>,
    /// The files, relative to the checkpoint.
    pub(crate) files: Vec<String>,
}

impl Weights {
    /// Maps a component's files, which lie in `folder`, and reads their headers.
    ///
    /// # Errors
    /// No weights, pickled weights only, a shard that is missing, or a file that isn't sound safetensors.
    pub(crate) fn open(source: &Source, component: &str, folder: &str, preferred: Variant) -> Result<Self> {
        if let Source::File(file) = source {
            return file.weights(component);
        }
        let files = find_files(source, component, folder, preferred)?;
        let mut tensors = BTreeMap::new();
        for file in &files {
            let missing =
                || Error::new(format!("a part of the {component}'s weights is missing: {}", source.locate(file)));
            for (key, stored) in read_header(&source.open(file)?.ok_or_else(missing)?)?.tensors {
                if tensors.contains_key(&key) {
                    return Err(Error::new(format!("the tensor {key} is stored twice: {}", source.locate(file))));
                }
                tensors.insert(key, stored);
            }
        }
        Ok(Self { tensors, files })
    }
}

/// Where a folder has a component's weights.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WeightFiles {
    /// In one file.
    Whole(String),
    /// In several, which an index names. Their names begin with the stem, and have the variant in them.
    Sharded { index: String, stem: &'static str, variant: &'static str },
    /// In pickles, which aren't opened.
    Pickled,
    /// Nowhere.
    Absent,
}

/// Which of the files in a component's folder hold its weights.
pub(crate) fn weight_files(names: &[String], preferred: Variant) -> WeightFiles {
    let variants = match preferred {
        Variant::Full => ["", ".fp16"],
        Variant::Fp16 => [".fp16", ""],
    };
    for variant in variants {
        for stem in STEMS {
            let whole = format!("{stem}{variant}.safetensors");
            if names.contains(&whole) {
                return WeightFiles::Whole(whole);
            }
            // Diffusers' `_add_variant` puts the variant before the last ending; it used to come earlier
            // (`pipeline_loading_utils.py`, `legacy_variant_index_re`).
            let indices =
                [format!("{stem}.safetensors.index{variant}.json"), format!("{stem}.safetensors{variant}.index.json")];
            if let Some(index) = indices.into_iter().find(|index| names.contains(index)) {
                return WeightFiles::Sharded { index, stem, variant };
            }
        }
    }
    let pickled = names.iter().any(|name| PICKLES.iter().any(|ending| name.ends_with(ending)));
    if pickled { WeightFiles::Pickled } else { WeightFiles::Absent }
}

/// The files that hold a component's weights, relative to the checkpoint.
fn find_files(source: &Source, component: &str, folder: &str, preferred: Variant) -> Result<Vec<String>> {
    let place = source.locate(folder);
    match weight_files(&source.names(folder), preferred) {
        WeightFiles::Whole(file) => Ok(vec![inside(folder, &file)]),
        WeightFiles::Sharded { index, .. } => read_index(source, folder, &inside(folder, &index)),
        WeightFiles::Pickled => Err(Error::new(format!(
            "the {component}'s weights are pickled (.bin), which can run code when opened: {place}"
        ))
        .advise("Get the model's safetensors files, or convert it with Diffusers: pipe.save_pretrained(folder, safe_serialization=True)")),
        WeightFiles::Absent => Err(Error::new(format!("the {component} has no weights: {place}"))
            .advise("There should be a diffusion_pytorch_model.safetensors or model.safetensors")),
    }
}

/// The path of a file in a folder; the model's own has no name.
pub(crate) fn inside(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

/// The files that a sharded checkpoint's index names.
pub(crate) fn read_index(source: &Source, folder: &str, path: &str) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let broken = |why: &str| Error::new(format!("this index of weight files {why}: {}", source.locate(path)));
    let text = source.read_text(path)?.unwrap_or_default();
    let index: Index = serde_json::from_str(&text).map_err(|error| broken("can't be read").caused_by(error))?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    if names.is_empty() {
        return Err(broken("names no files"));
    }
    if let Some(name) = names.iter().find(|name| !is_plain_name(name)) {
        return Err(broken(&format!("names a file outside its folder ({name})")));
    }
    Ok(names.into_iter().map(|name| inside(folder, &name)).collect())
}

/// What the header of a weight file says.
pub(crate) struct Header {
    pub(crate) tensors: Vec<(String, Stored)>,
    /// What whoever wrote it had to say.
    pub(crate) metadata: HashMap<String, String>,
}

/// Parses and checks a header: every tensor's bytes lie inside the file, don't overlap, and fit its shape and dtype.
///
/// # Errors
/// The file is neither sound safetensors nor a GGUF file that is read here.
pub(crate) fn read_header(file: &SourceFile) -> Result<Header> {
    let bytes = file.all()?;
    if bytes.starts_with(gguf::MAGIC) {
        return gguf::read_header(file, &bytes);
    }
    let (header_len, header) =
        SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error, &bytes, &file.place))?;
    // The header's own length comes first, in eight bytes; offsets count from the header's end.
    let data = 8 + header_len;
    let stored = |info: &TensorInfo| Stored {
        dtype: info.dtype,
        shape: info.shape.clone(),
        file: file.clone(),
        range: data + info.data_offsets.0..data + info.data_offsets.1,
        blocks: None,
    };
    let tensors = header.tensors().into_iter().map(|(key, info)| (key, stored(info))).collect();
    Ok(Header { tensors, metadata: header.metadata().clone().unwrap_or_default() })
}

/// A file that isn't sound safetensors, in words.
fn damaged(error: SafeTensorError, bytes: &[u8], path: &str) -> Error {
    let why = match &error {
        SafeTensorError::HeaderTooSmall => "it is empty or cut short".to_owned(),
        SafeTensorError::InvalidHeaderLength => "its header is longer than the file".to_owned(),
        SafeTensorError::HeaderTooLarge => "its header claims to be larger than 100 MB".to_owned(),
        SafeTensorError::MetadataIncompleteBuffer => "it isn't as long as its header says".to_owned(),
        SafeTensorError::InvalidOffset(key) => format!("the bytes of tensor {key} overlap another's or leave a gap"),
        SafeTensorError::TensorInvalidInfo | SafeTensorError::ValidationOverflow => match misfit(bytes) {
            Some((key, shape)) => format!("the shape {shape:?} of tensor {key} doesn't fit its bytes"),
            None => "a tensor's shape doesn't fit its bytes".to_owned(),
        },
        _ => "its header can't be read".to_owned(),
    };
    let damaged = Error::new(format!("this safetensors file is damaged, {why}: {path}")).advise("Download it again");
    match error {
        SafeTensorError::InvalidHeader(_) | SafeTensorError::InvalidHeaderDeserialization(_) => {
            damaged.caused_by(error)
        }
        _ => damaged,
    }
}

/// The first tensor of a header whose shape and dtype ask for another number of bytes than it has: the library that
/// checks the header doesn't name it.
fn misfit(bytes: &[u8]) -> Option<(String, Vec<usize>)> {
    let length = u64::from_le_bytes(bytes.first_chunk::<8>().copied()?);
    let header = bytes.get(8..)?.get(..usize::try_from(length).ok()?)?;
    let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).ok()?;
    header.into_iter().find_map(|(key, info)| {
        let info: TensorInfo = serde_json::from_value(info).ok()?;
        let elements = info.shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        let bits = elements.and_then(|elements| elements.checked_mul(info.dtype.bitsize()));
        let (start, end) = info.data_offsets;
        (bits != end.checked_sub(start)?.checked_mul(8)).then_some((key, info.shape))
    })
}
