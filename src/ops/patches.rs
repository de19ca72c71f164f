//! What a convolution holds beside its input and output while it works, for plans of the memory.

use burn::tensor::DType;

use super::cpu;

/// Bytes of the buffers of a 3x3 convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches {
    /// Of the largest of them.
    pub largest: u64,
    /// Of all of them.
    pub total: u64,
}

/// Tells the buffers of a 3x3 convolution whose input has so many bytes.
pub fn convolution_patches(dtype: DType, on_gpu: bool, input_bytes: u64) -> Patches {
    let patches = input_bytes.saturating_mul(9);
    match dtype {
        // The input with its channels side by side, where it doesn't lie so already.
        DType::F16 | DType::F32 if on_gpu => Patches { largest: input_bytes, total: input_bytes },
        // The padded input, nine shifted copies of it, and the matrix of all of them.
        DType::F16 => Patches { largest: patches, total: patches.saturating_mul(2).saturating_add(input_bytes) },
        // A strip of the picture at a time.
        DType::F32 => {
            let strip = patches.min(cpu::PATCH_BYTES_MAX);
            Patches { largest: strip, total: strip }
        }
        _ => Patches { largest: 0, total: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_writes_patches_out_twice_in_f16_and_a_strip_at_a_time_in_f32_and_a_gpu_not_at_all() {
        let convolution_patches = |dtype, bytes| super::convolution_patches(dtype, false, bytes);
        assert_eq!(convolution_patches(DType::F16, 100), Patches { largest: 900, total: 1900 });
        assert_eq!(convolution_patches(DType::F32, 100), Patches { largest: 900, total: 900 });
        let strip = convolution_patches(DType::F32, 1 << 40);
        assert_eq!((strip.largest, strip.total), (cpu::PATCH_BYTES_MAX, cpu::PATCH_BYTES_MAX));
        assert_eq!(convolution_patches(DType::F16, u64::MAX).total, u64::MAX);
        for dtype in [DType::F16, DType::F32] {
            assert_eq!(super::convolution_patches(dtype, true, 100), Patches { largest: 100, total: 100 });
        }
    }
}
