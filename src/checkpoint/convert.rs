//! Stored bytes to tensor data of the wanted dtype, in parallel, with a check that every number is finite.
//!
//! Data that already has the wanted dtype isn't copied: the tensor borrows the mapped file. Limits: floating-point
//! tensors on little-endian machines.

use std::borrow::Cow;

use burn::tensor::{AllocationProperty, Bytes, DType, Element, Shape, TensorData, bf16, f16};
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use safetensors::Dtype;

use super::weights::Stored;

/// Why a tensor can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// A dtype that no model's weights are kept in here.
    Dtype(Dtype),
    /// A NaN, or an infinity.
    NotFinite,
}

/// Elements that a thread converts at a time: source and result stay in its cache.
const CHUNK: usize = 1 << 14;

/// The tensor in the wanted dtype (`F32`, `F16` or `BF16`), with a shape of as many elements as it is stored with.
///
/// # Errors
/// It isn't made of floating-point numbers, or one of them isn't finite in the wanted dtype.
pub(super) fn tensor_data(stored: &Stored, shape: Shape, wanted: DType) -> Result<TensorData, Unusable> {
    match wanted {
        DType::F16 => converted::<f16>(stored, shape),
        DType::BF16 => converted::<bf16>(stored, shape),
        _ => converted::<f32>(stored, shape),
    }
}

fn converted<To: Number>(stored: &Stored, shape: Shape) -> Result<TensorData, Unusable> {
    match stored.dtype {
        Dtype::F32 => from::<f32, To>(stored, shape),
        Dtype::F16 => from::<f16, To>(stored, shape),
        Dtype::BF16 => from::<bf16, To>(stored, shape),
        Dtype::F64 => from::<f64, To>(stored, shape),
        other => Err(Unusable::Dtype(other)),
    }
}

fn from<From: Number, To: Number>(stored: &Stored, shape: Shape) -> Result<TensorData, Unusable> {
    let is_aligned = stored.bytes.as_ptr().addr().is_multiple_of(align_of::<To>());
    if From::dtype() == To::dtype() && is_aligned {
        let finite = stored.bytes.par_chunks(CHUNK * size_of::<To>()).all(all_finite::<To>);
        let bytes = Bytes::from_shared(stored.bytes.clone(), AllocationProperty::File);
        return if finite { Ok(TensorData::from_bytes(bytes, shape, To::dtype())) } else { Err(Unusable::NotFinite) };
    }
    let mut numbers = vec![To::zeroed(); shape.num_elements()];
    let chunks = stored.bytes.par_chunks(CHUNK * size_of::<From>()).zip(numbers.par_chunks_mut(CHUNK));
    let finite = chunks.all(|(source, target)| {
        convert::<From, To>(source, target);
        // Widening keeps every number as it is and narrowing may overflow: look at the narrower side.
        if size_of::<To>() > size_of::<From>() {
            all_finite::<From>(source)
        } else {
            all_finite::<To>(bytemuck::cast_slice(target))
        }
    });
    if finite { Ok(TensorData::new(numbers, shape)) } else { Err(Unusable::NotFinite) }
}

/// Converts as many numbers as `target` holds, by way of f32.
fn convert<From: Number, To: Number>(source: &[u8], target: &mut [To]) {
    // Files made by other writers, and files built into the binary, may lie unaligned.
    let source: Cow<'_, [From]> =
        bytemuck::try_cast_slice(source).map_or_else(|_| bytemuck::pod_collect_to_vec(source).into(), Cow::Borrowed);
    if To::dtype() == DType::F32 {
        From::widen(&source, bytemuck::cast_slice_mut(target));
    } else {
        let mut wide = vec![0.0; source.len()];
        From::widen(&source, &mut wide);
        To::narrow(&wide, target);
    }
}

/// Whether no number is NaN or infinite: in IEEE 754 those, and only those, have every bit of the exponent set.
///
/// Looks at a word of eight bytes at a time: adding one to an exponent of ones, and to no other, carries into the sign's
/// place. The loop is plain, so that it is fast in a build that optimises little.
fn all_finite<N: Number>(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
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
