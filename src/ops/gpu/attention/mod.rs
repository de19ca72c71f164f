//! Attention in one launch, without a tensor of scores (the online softmax of Milakov and Gimelshein, 2018; Dao et al.,
//! FlashAttention, 2022).
//!
//! Queries, keys and values are read as linear layers leave them, heads side by side in a row. They are stored in the tensor's
//! number format; products, softmax and sums are in f32.
//!
//! A workgroup answers a tile of queries and goes over the keys tile by tile (`tiles`). Rows pass through shared memory four to a
//! vector (`stage`), and a thread's scores and sums are registers (`thread`). A head of more channels than registers hold, such as
//! the 512 of the autoencoder, is summed up in pieces by several workgroups, which all compute its scores.

mod kernel;
mod stage;
mod thread;
mod tiles;

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;

use super::maps::{empty_like, vector_size};
use kernel::attention_kernel;
use tiles::{QUERIES, Tiles};

/// Computes attention: `q` is `[batch, queries, heads * dim]`, `k` and `v` are `[batch, keys, heads * dim]`.
pub(super) fn attention(q: CubeTensor, k: CubeTensor, v: CubeTensor, heads: usize, causal: bool) -> CubeTensor {
    let (q, k, v) = (into_contiguous(q), into_contiguous(k), into_contiguous(v));
    let shape @ [batch, queries, width] = q.meta.shape().dims();
    let [_, keys, _] = k.meta.shape().dims();
    let dim = width / heads;
    let vector = vector_size(dim);
    let tiles = Tiles::new(dim, vector, causal);
    let out = empty_like(&q, shape);
    let client = q.client.clone();
    let dtype = dtype_to_elem_type(q.dtype);
    let count = [queries.div_ceil(QUERIES), heads * tiles.pieces(), batch].map(|n| n as u32);
    // SAFETY: every read is of a row and a channel that the kernel has compared with the tensors' sizes, and so is every write.
    #[expect(unsafe_code, reason = "CubeCL's checked launch bounds every access again")]
    unsafe {
        attention_kernel::launch_unchecked(
            &client,
            CubeCount::Static(count[0], count[1], count[2]),
            CubeDim::new_1d(tiles.threads() as u32),
            vector,
            q.into_buffer_arg(),
            k.into_buffer_arg(),
            v.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            queries,
            keys,
            width / vector,
            1.0 / (dim as f32).sqrt(),
            tiles,
            dtype,
        );
    }
    out
}
