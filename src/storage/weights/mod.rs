//! Weight files: safetensors and GGUF, from their headers to numbers of the wanted type.
//!
//! Headers are read and checked before anything else of a file is; numbers are converted tensor by tensor. What a tensor
//! belongs to is decided elsewhere.

mod convert;
mod file;
mod gguf;
mod header;
mod read;
mod tensors;

pub(crate) use convert::{AxisOrder, Unusable, tensor_data};
pub(crate) use file::SourceFile;
pub(crate) use header::Flaw;
pub(crate) use read::{is_gguf, read_header, read_path};
pub(crate) use tensors::{BlockFormat, StoredTensor, WeightHeader};
