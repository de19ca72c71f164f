//! Weights kept smaller than f32: in the form that files have them, expanded a few rows at a time where they are needed.

use burn::tensor::{DType, Device, Tensor, TensorData, f16};
use bytes::Bytes;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use crate::base::error::{Error, Result};
use crate::base::q8_0;

/// How the numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightFormat {
    /// GGUF's blocks of 32 bytes that share a factor.
    Q8_0,
    /// 16-bit floats.
    F16,
}

impl WeightFormat {
    /// Bytes of a row of `inputs` numbers; `None` if no such row can be kept.
    fn row_bytes(self, inputs: usize) -> Option<usize> {
        match self {
            Self::Q8_0 => inputs.is_multiple_of(q8_0::NUMBERS).then(|| inputs / q8_0::NUMBERS * q8_0::BYTES),
            Self::F16 => inputs.checked_mul(2),
        }
    }
}

/// A weight in a compact form: a row of `inputs` numbers for each output, as files have it. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Quantized {
    format: WeightFormat,
    bytes: Bytes,
    outputs: usize,
    inputs: usize,
    row_bytes: usize,
}

impl Quantized {
    /// A weight of so many outputs and inputs. The bytes may be part of a mapped file: they aren't copied.
    ///
    /// # Errors
    /// The format can't keep rows of that length, or the bytes are more or fewer.
    pub fn new(format: WeightFormat, bytes: Bytes, [outputs, inputs]: [usize; 2]) -> Result<Self> {
        let row_bytes = format.row_bytes(inputs).filter(|row| *row > 0);
        match row_bytes {
            Some(row_bytes) if row_bytes.checked_mul(outputs) == Some(bytes.len()) => {
                Ok(Self { format, bytes, outputs, inputs, row_bytes })
            }
            _ => Err(Error::new(format!(
                "A weight of {outputs} x {inputs} numbers can't be {} bytes of {format:?}",
                bytes.len()
            ))),
        }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Outputs and inputs.
    pub(super) fn dims(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// Writes the numbers of consecutive rows, from row `first` on, into `numbers`.
    ///
    /// # Panics
    /// There are fewer rows, or `numbers` isn't a whole number of rows: a fault of the caller.
    pub(super) fn expand(&self, first: usize, numbers: &mut [f32]) {
        let rows = numbers.len() / self.inputs;
        assert_eq!(rows * self.inputs, numbers.len(), "whole rows are expanded");
        let stored = &self.bytes[first * self.row_bytes..(first + rows) * self.row_bytes];
        stored.par_chunks(self.row_bytes).zip(numbers.par_chunks_mut(self.inputs)).for_each(|(stored, numbers)| {
            match self.format {
                WeightFormat::Q8_0 => q8_0::expand(stored, numbers),
                WeightFormat::F16 => widen(stored, numbers),
            }
        });
    }

    /// All of it as a tensor, `[outputs, inputs]`.
    pub(super) fn tensor(&self, device: &Device, dtype: DType) -> Tensor<2> {
        let mut numbers = vec![0.0; self.outputs * self.inputs];
        self.expand(0, &mut numbers);
        Tensor::from_data(TensorData::new(numbers, self.dims()), (device, dtype))
    }
}

fn widen(stored: &[u8], numbers: &mut [f32]) {
    // A mapped file may lie unaligned.
    match bytemuck::try_cast_slice::<u8, f16>(stored) {
        Ok(halves) => halves.convert_to_f32_slice(numbers),
        Err(_) => {
            for (number, half) in numbers.iter_mut().zip(stored.as_chunks().0) {
                *number = f16::from_le_bytes(*half).to_f32();
            }
        }
    }
}
