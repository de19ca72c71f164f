//! StoredTensor bytes to tensor data of the wanted dtype, in parallel, with a check that every number is finite.
//!
//! Data that already is as wanted isn't copied: the tensor borrows the mapped file. Limits: floating-point tensors on
//! little-endian machines.

use std::borrow::Cow;

use burn::tensor::{AllocationProperty, Bytes as Shared, DType, Element, Shape, TensorData, bf16, f16};
use bytes::Bytes;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use safetensors::Dtype;

use crate::base::q8_0;

/// Why a tensor can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// A dtype that no model's weights are kept in here.
    Dtype(Dtype),
    /// A NaN, or an infinity.
    NotFinite,
}

/// In which order the stored numbers are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AxisOrder {
    AsStored,
    /// The last of the wanted axes is stored as the first, as the rows of a matrix which are wanted as its columns.
    LastFirst,
}

/// Elements that a thread converts at a time: source and result stay in its cache.
const CHUNK: usize = 1 << 14;

/// Returns the tensor in the wanted dtype (`F32`, `F16` or `BF16`). `shape` is the wanted one, and has as many elements as
/// `bytes` of `dtype` hold.
///
/// # Errors
/// It isn't made of floating-point numbers, or one of them isn't finite in the wanted dtype.
pub(crate) fn tensor_data(
    bytes: Bytes,
    dtype: Dtype,
    shape: Shape,
    order: AxisOrder,
    wanted: DType,
) -> Result<TensorData, Unusable> {
    match wanted {
        DType::F16 => converted::<f16>(bytes, dtype, shape, order),
        DType::BF16 => converted::<bf16>(bytes, dtype, shape, order),
        _ => converted::<f32>(bytes, dtype, shape, order),
    }
}

fn converted<To: Number>(bytes: Bytes, dtype: Dtype, shape: Shape, order: AxisOrder) -> Result<TensorData, Unusable> {
    match dtype {
        Dtype::F32 => from::<f32, To>(bytes, shape, order),
        Dtype::F16 => from::<f16, To>(bytes, shape, order),
        Dtype::BF16 => from::<bf16, To>(bytes, shape, order),
        Dtype::F64 => from::<f64, To>(bytes, shape, order),
        Dtype::F8_E4M3 => from::<f32, To>(widened(&bytes, from_e4m3), shape, order),
        Dtype::F8_E5M2 => from::<f32, To>(widened(&bytes, from_e5m2), shape, order),
        other => Err(Unusable::Dtype(other)),
    }
}

fn from<From: Number, To: Number>(bytes: Bytes, shape: Shape, order: AxisOrder) -> Result<TensorData, Unusable> {
    // Files of other writers, and files built into the binary, may lie unaligned.
    let stored: Cow<'_, [From]> =
        bytemuck::try_cast_slice(&bytes).map_or_else(|_| bytemuck::pod_collect_to_vec(&bytes).into(), Cow::Borrowed);
    let is_as_wanted = From::dtype() == To::dtype() && order == AxisOrder::AsStored;
    if is_as_wanted && matches!(stored, Cow::Borrowed(_)) {
        if !stored.par_chunks(CHUNK).all(all_finite) {
            return Err(Unusable::NotFinite);
        }
        let shared = Shared::from_shared(bytes, AllocationProperty::File);
        return Ok(TensorData::from_bytes(shared, shape, To::dtype()));
    }
    let source = match order {
        AxisOrder::AsStored => stored,
        AxisOrder::LastFirst => {
            let width = stored.len().checked_div(shape[shape.num_dims() - 1]).unwrap_or_default();
            transpose(&stored, width).into()
        }
    };
    let mut numbers = vec![To::zeroed(); source.len()];
    let finite = source.par_chunks(CHUNK).zip(numbers.par_chunks_mut(CHUNK)).all(|(source, target)| {
        convert(source, target);
        // Widening keeps every number as it is and narrowing may overflow: look at the narrower side.
        if size_of::<To>() > size_of::<From>() { all_finite(source) } else { all_finite(target) }
    });
    if finite { Ok(TensorData::new(numbers, shape)) } else { Err(Unusable::NotFinite) }
}

/// Numbers whose bytes are handed out.
struct Numbers(Vec<f32>);

impl AsRef<[u8]> for Numbers {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// Returns the f32 that blocks of GGUF's `Q8_0` stand for.
pub(super) fn from_q8_0(bytes: &[u8]) -> Bytes {
    /// BlockFormat that a thread expands at a time.
    const BLOCKS: usize = CHUNK / q8_0::NUMBERS;
    let mut numbers = vec![0.0; bytes.len() / q8_0::BYTES * q8_0::NUMBERS];
    let targets = numbers.par_chunks_mut(BLOCKS * q8_0::NUMBERS);
    bytes.par_chunks(BLOCKS * q8_0::BYTES).zip(targets).for_each(|(blocks, numbers)| q8_0::expand(blocks, numbers));
    Bytes::from_owner(Numbers(numbers))
}

/// Numbers of a byte each as f32, by a table.
fn widened(bytes: &[u8], number: fn(u8) -> f32) -> Bytes {
    let mut table = [0.0; 256];
    for (byte, entry) in (0..=u8::MAX).zip(&mut table) {
        *entry = number(byte);
    }
    let mut numbers = vec![0.0; bytes.len()];
    bytes.par_chunks(CHUNK).zip(numbers.par_chunks_mut(CHUNK)).for_each(|(source, target)| {
        for (to, from) in target.iter_mut().zip(source) {
            *to = table[usize::from(*from)];
        }
    });
    Bytes::from_owner(Numbers(numbers))
}

/// torch's `float8_e4m3fn` (arXiv 2209.05433): a sign, four bits of exponent, three of mantissa; no infinities, and NaN
/// where all other bits are set.
fn from_e4m3(byte: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(byte >> 3 & 0xf), f32::from(byte & 7));
    let size = match byte & 0x7f {
        0x7f => f32::NAN,
        0..8 => mantissa * 2.0_f32.powi(-9),
        _ => (8.0 + mantissa) * 2.0_f32.powi(exponent - 10),
    };
    if byte & 0x80 == 0 { size } else { -size }
}

/// torch's `float8_e5m2`: the upper half of an f16.
fn from_e5m2(byte: u8) -> f32 {
    f16::from_bits(u16::from(byte) << 8).to_f32()
}

/// Converts numbers by way of f32.
fn convert<From: Number, To: Number>(source: &[From], target: &mut [To]) {
    if To::dtype() == DType::F32 {
        From::widen(source, bytemuck::cast_slice_mut(target));
    } else {
        let mut wide = vec![0.0; source.len()];
        From::widen(source, &mut wide);
        To::narrow(&wide, target);
    }
}

/// Returns the transpose of a row-major matrix whose rows are `width` long.
fn transpose<N: Number>(matrix: &[N], width: usize) -> Vec<N> {
    /// Tiles of this size are turned in the cache: they read and write whole cache lines.
    const TILE: usize = 32;
    let height = matrix.len().checked_div(width).unwrap_or_default();
    let mut transposed = vec![N::zeroed(); matrix.len()];
    transposed.par_chunks_mut((TILE * height).max(1)).enumerate().for_each(|(band, rows)| {
        for first in (0..height).step_by(TILE) {
            let mut tile = [[N::zeroed(); TILE]; TILE];
            for (line, stored) in tile.iter_mut().zip(matrix.chunks_exact(width).skip(first)) {
                for (to, from) in line.iter_mut().zip(stored.iter().skip(band * TILE)) {
                    *to = *from;
                }
            }
            for (i, row) in rows.chunks_exact_mut(height).enumerate() {
                for (to, line) in row.iter_mut().skip(first).zip(&tile) {
                    *to = line[i];
                }
            }
        }
    });
    transposed
}

/// Returns whether no number is NaN or infinite: in IEEE 754 those, and only those, have every bit of the exponent set.
///
/// Looks at a word of eight bytes at a time: adding one to an exponent of ones, and to no other, carries into the sign's
/// place. The loop is plain, so that it is fast in a build that optimises little.
fn all_finite<N: Number>(numbers: &[N]) -> bool {
    let (words, rest) = bytemuck::cast_slice::<N, u8>(numbers).as_chunks::<8>();
    let mut tail = [0; 8];
    for (to, from) in tail.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut carries = (u64::from_le_bytes(tail) & N::EXPONENT) + N::EXPONENT_ONE;
    for word in words {
        carries |= (u64::from_le_bytes(*word) & N::EXPONENT) + N::EXPONENT_ONE;
    }
    carries & (N::EXPONENT + N::EXPONENT_ONE) == 0
}

/// A floating-point type that weights are kept in.
trait Number: Element + bytemuck::Pod + Send + Sync {
    /// The exponent's bits of every number in a word of eight bytes.
    const EXPONENT: u64;
    /// The lowest bit of each exponent.
    const EXPONENT_ONE: u64;
    fn widen(source: &[Self], target: &mut [f32]);
    fn narrow(source: &[f32], target: &mut [Self]);
}

impl Number for f32 {
    const EXPONENT: u64 = 0x7f80_0000_7f80_0000;
    const EXPONENT_ONE: u64 = 0x0080_0000_0080_0000;
    fn widen(source: &[Self], target: &mut [f32]) {
        target.copy_from_slice(source);
    }
    fn narrow(source: &[f32], target: &mut [Self]) {
        target.copy_from_slice(source);
    }
}

impl Number for f16 {
    const EXPONENT: u64 = 0x7c00_7c00_7c00_7c00;
    const EXPONENT_ONE: u64 = 0x0400_0400_0400_0400;
    fn widen(source: &[Self], target: &mut [f32]) {
        source.convert_to_f32_slice(target);
    }
    fn narrow(source: &[f32], target: &mut [Self]) {
        target.convert_from_f32_slice(source);
    }
}

impl Number for bf16 {
    const EXPONENT: u64 = 0x7f80_7f80_7f80_7f80;
    const EXPONENT_ONE: u64 = 0x0080_0080_0080_0080;
    fn widen(source: &[Self], target: &mut [f32]) {
        source.convert_to_f32_slice(target);
    }
    fn narrow(source: &[f32], target: &mut [Self]) {
        target.convert_from_f32_slice(source);
    }
}

impl Number for f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    const EXPONENT_ONE: u64 = 0x0010_0000_0000_0000;
    fn widen(source: &[Self], target: &mut [f32]) {
        for (to, from) in target.iter_mut().zip(source) {
            *to = *from as f32;
        }
    }
    fn narrow(source: &[f32], target: &mut [Self]) {
        for (to, from) in target.iter_mut().zip(source) {
            *to = f64::from(*from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_byte_stands_for_the_number_that_torch_says() {
        let golden: Value = serde_json::from_str(include_str!("../../../tests/golden/single_file/fp8.json"))
            .expect("the golden is JSON");
        for (name, number) in [("float8_e4m3fn", from_e4m3 as fn(u8) -> f32), ("float8_e5m2", from_e5m2)] {
            let expected = golden[name].as_array().expect("numbers");
            assert_eq!(expected.len(), 256);
            for (byte, expected) in (0..=u8::MAX).zip(expected) {
                let expected = match expected {
                    Value::Null => f32::NAN,
                    Value::String(text) => text.parse().expect("an infinity"),
                    number => number.as_f64().expect("a number") as f32,
                };
                let found = number(byte);
                assert!(
                    found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan()),
                    "{name}: {byte}"
                );
            }
        }
    }
}
