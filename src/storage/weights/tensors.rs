//! A tensor as it lies in its file, and what the header of a file says.

use std::collections::HashMap;
use std::ops::Range;

use burn::tensor::{DType, Shape};
use bytes::Bytes;
use safetensors::Dtype;

use super::convert::{AxisOrder, from_q8_0, tensor_data};
use super::file::SourceFile;
use crate::base::error::Result;

/// How numbers are kept in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockFormat {
    /// 32 numbers of a byte each, and a factor.
    Q8_0,
}

/// A tensor as it lies in its file.
#[derive(Clone)]
pub(crate) struct StoredTensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) file: SourceFile,
    /// Where in the file: as long as shape and dtype ask for, the header was checked.
    pub(crate) range: Range<usize>,
    /// Whether the file has the numbers in blocks, which become those of `dtype` as they are read.
    pub(crate) blocks: Option<BlockFormat>,
}

/// What the header of a weight file says.
pub(crate) struct WeightHeader {
    pub(crate) tensors: Vec<(String, StoredTensor)>,
    /// What the program that wrote the file noted in it.
    pub(crate) metadata: HashMap<String, String>,
    /// The file's length.
    pub(crate) bytes: u64,
}

impl WeightHeader {
    /// Returns the names of its tensors.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.tensors.iter().map(|(key, _)| key.as_str()).collect()
    }

    /// Returns the names and shapes of its tensors.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(key, stored)| (key.as_str(), stored.shape.as_slice()))
    }
}

impl StoredTensor {
    /// Returns its bytes, little-endian, mapped for as long as they are held where the file has them as they are.
    ///
    /// # Errors
    /// The file can't be mapped any more.
    pub(crate) fn bytes(&self) -> Result<Bytes> {
        let stored = self.file.range(self.range.clone())?;
        Ok(match self.blocks {
            None => stored,
            Some(BlockFormat::Q8_0) => from_q8_0(&stored),
        })
    }

    /// Returns one of three equal parts, by its first axis. `None` if they can't be equal.
    pub(crate) fn third(&self, index: usize) -> Option<Self> {
        let (rows, columns) = self.shape.split_first()?;
        let len = self.len() / 3;
        let is_whole = rows % 3 == 0 && len * 3 == self.len() && index < 3;
        let start = self.range.start + index * len;
        let shape = [&[rows / 3], columns].concat();
        is_whole.then(|| Self { shape, range: start..start + len, ..self.clone() })
    }

    /// Makes a matrix of f32 that isn't in any file.
    pub(crate) fn made(rows: &[Vec<f32>], width: usize, place: String) -> Self {
        let bytes: Vec<u8> = rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        let range = 0..bytes.len();
        let (dtype, shape) = (Dtype::F32, vec![rows.len(), width]);
        Self { dtype, shape, file: SourceFile::made(bytes.into(), place), range, blocks: None }
    }

    /// Returns all its numbers; `None` if they can't be read, or one of them isn't finite.
    pub(crate) fn numbers(&self) -> Option<Vec<f32>> {
        let shape = Shape::new([self.shape.iter().product()]);
        let data = tensor_data(self.bytes().ok()?, self.dtype, shape, AxisOrder::AsStored, DType::F32).ok()?;
        data.try_to_vec().ok()
    }

    /// Returns its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }
}
