//! GGUF's `Q8_0` blocks: an f16, then 32 signed bytes that it multiplies (`ggml/src/ggml-quants.c`, `dequantize_row_q8_0`).

use half::f16;

/// Numbers in a block.
pub const NUMBERS: usize = 32;
/// Bytes of a block.
pub const BYTES: usize = 2 + NUMBERS;

/// Writes the numbers that consecutive blocks stand for. Bytes after the last whole block stand for nothing.
pub fn expand(blocks: &[u8], numbers: &mut [f32]) {
    let blocks = blocks.as_chunks::<BYTES>().0;
    for (block, numbers) in blocks.iter().zip(numbers.as_chunks_mut::<NUMBERS>().0) {
        let ([low, high, ..], stored) = (*block, &block[2..]);
        let factor = f16::from_le_bytes([low, high]).to_f32();
        for (number, byte) in numbers.iter_mut().zip(stored) {
            *number = factor * f32::from(byte.cast_signed());
        }
    }
}
