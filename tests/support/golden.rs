//! Reading golden data: JSON, and arrays from safetensors files below `tests/golden`.

use std::fs;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;

/// An array of numbers with its shape.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Array {
    /// The largest absolute difference from other values of this shape; a NaN on either side is infinitely far.
    pub(crate) fn largest_difference(&self, values: &[f32]) -> f32 {
        assert_eq!(self.values.len(), values.len(), "as many values as the golden has");
        let difference = |(a, b): (&f32, &f32)| if (a - b).is_nan() { f32::INFINITY } else { (a - b).abs() };
        self.values.iter().zip(values).map(difference).fold(0.0, f32::max)
    }
}

/// The arrays of a safetensors file.
pub(crate) struct Arrays {
    content: Vec<u8>,
}

impl Arrays {
    /// Opens `tests/golden/{name}.safetensors`.
    pub(crate) fn open(name: &str) -> Self {
        Self { content: read(&format!("{name}.safetensors")) }
    }

    /// A file's content that is already in memory, such as a trace's.
    pub(crate) fn from_bytes(content: Vec<u8>) -> Self {
        Self { content }
    }

    /// The names of all arrays.
    pub(crate) fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.content).expect("a well-formed safetensors file");
        file.names().into_iter().map(ToOwned::to_owned).collect()
    }

    /// An array of f32, of bytes, or of pictures in 16 bits, which stand for 0..1.
    pub(crate) fn get(&self, name: &str) -> Array {
        let file = SafeTensors::deserialize(&self.content).expect("a well-formed safetensors file");
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let values = match tensor.dtype() {
            Dtype::F32 => tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Dtype::U8 => tensor.data().iter().map(|byte| f32::from(*byte)).collect(),
            Dtype::U16 => {
                let unit = |bytes: &[u8; 2]| f32::from(u16::from_le_bytes(*bytes)) / 65_535.0;
                tensor.data().as_chunks().0.iter().map(unit).collect()
            }
            other => panic!("{name}: no golden has {other:?}"),
        };
        Array { shape: tensor.shape().into(), values }
    }
}

/// The content of `tests/golden/{name}`, which is JSON.
pub(crate) fn json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
