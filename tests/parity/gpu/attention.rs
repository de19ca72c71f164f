//! Attention: all heads of the published models, and sizes that are no multiple of anything.

use burn::tensor::{DType, Device, FloatDType};
use burnisher::ops::{self, AttentionMask};

use super::{difference, gpu, normal, tensor, values};

/// Of queries, keys and values.
struct Case {
    batch: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    dim: usize,
    mask: AttentionMask,
}

impl Case {
    fn new(queries: usize, keys: usize, heads: usize, dim: usize, mask: AttentionMask) -> Self {
        Self { batch: 1, queries, keys, heads, dim, mask }
    }

    fn attention(&self, [q, k, v]: &[Vec<f32>; 3], dtype: FloatDType, device: &Device) -> Vec<f32> {
        let width = self.heads * self.dim;
        let x = |values: &[f32], length| tensor(values, [self.batch, length, width], dtype, device);
        values(ops::attention(x(q, self.queries), x(k, self.keys), x(v, self.keys), self.heads, self.mask))
    }

    /// Compares the GPU in both formats with the CPU in f32.
    fn compare(&self, inputs: &[Vec<f32>; 3]) {
        let theirs = self.attention(inputs, FloatDType::F32, &Device::flex());
        // f32: sums in another order, of up to 512 products and 130 weights. f16: the answer alone is rounded.
        for (dtype, most) in [(FloatDType::F32, 1e-5), (FloatDType::F16, 2e-3)] {
            let difference = difference(&self.attention(inputs, dtype, &gpu()), &theirs);
            let Self { queries, keys, heads, dim, mask, .. } = self;
            println!("{queries} x {keys}, {heads} heads of {dim}, {mask:?}, {dtype:?}: {difference:.1e}");
            assert!(difference <= most, "{queries} x {keys}, {heads} heads of {dim}, {dtype:?}: {difference:.1e}");
        }
    }

    /// Normal random numbers; spread scores make the running maximum change from tile to tile.
    fn inputs(&self) -> [Vec<f32>; 3] {
        let row = self.batch * self.heads * self.dim;
        let q = normal(1, self.queries * row).into_iter().map(|x| 2.0 * x).collect();
        [q, normal(2, self.keys * row), normal(3, self.keys * row)]
    }
}

#[test]
fn attention_on_the_gpu_is_the_cpus_for_the_heads_of_the_published_models() {
    use AttentionMask::{Causal, None};
    for case in [
        // SD1.5: 8 heads, of its own pixels and the text's 77 tokens.
        Case::new(96, 96, 8, 40, None),
        Case { batch: 2, ..Case::new(70, 77, 8, 40, None) },
        Case::new(64, 77, 8, 80, None),
        Case::new(40, 77, 8, 160, None),
        // SDXL.
        Case::new(64, 77, 10, 64, None),
        Case::new(33, 77, 20, 64, None),
        // CLIP.
        Case { batch: 2, ..Case::new(77, 77, 12, 64, Causal) },
        // The autoencoder.
        Case::new(100, 100, 1, 512, None),
    ] {
        case.compare(&case.inputs());
    }
}

#[test]
fn attention_on_the_gpu_is_right_at_any_size() {
    use AttentionMask::{Causal, None};
    for case in [
        Case::new(1, 1, 1, 1, None),
        Case::new(5, 3, 2, 8, None),
        Case { batch: 3, ..Case::new(65, 129, 3, 37, None) },
        Case::new(67, 67, 2, 6, Causal),
        Case::new(130, 130, 1, 50, Causal),
        Case::new(20, 40, 2, 171, None),
        Case::new(70, 70, 1, 330, Causal),
    ] {
        case.compare(&case.inputs());
    }
}

#[test]
fn scores_that_f16_cannot_hold_are_weighed_right_on_the_gpu() {
    let case = Case::new(33, 77, 2, 64, AttentionMask::None);
    let width = case.heads * case.dim;
    // Multiples of 256 whose products f32 sums up without rounding, in any order.
    let coarse = |x: Vec<f32>| x.into_iter().map(|x| (x * 2.0).round() * 256.0).collect::<Vec<_>>();
    let (q, k) = (coarse(normal(1, case.queries * width)), coarse(normal(2, case.keys * width)));
    let score = |q: &[f32], k: &[f32]| q.iter().zip(k).map(|(q, k)| q * k).sum::<f32>() / 8.0;
    assert!(score(&q[..64], &k[..64]).abs() > 1e5, "{}", score(&q[..64], &k[..64]));
    let inputs = [q, k, normal(3, case.keys * width)];
    case.compare(&inputs);
    // What models ask for whose attention overflows in f16.
    let theirs = case.attention(&inputs, FloatDType::F32, &Device::flex());
    for device in [gpu(), Device::flex()] {
        let [q, k, v] = &inputs;
        let x = |values: &[f32], length| tensor(values, [1, length, width], FloatDType::F16, &device);
        let ours = ops::attention_in_f32(x(q, case.queries), x(k, case.keys), x(v, case.keys), case.heads, case.mask);
        assert_eq!(ours.dtype(), DType::F16);
        let difference = difference(&values(ours), &theirs);
        assert!(difference <= 2e-3, "{device:?}: {difference:.1e}");
    }
}
