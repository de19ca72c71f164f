//! Feature maps as sequences of pixels, and joining maps. On a GPU a map's channels lie side by side in memory already: there
//! a sequence is another view of the same numbers, and what joins maps keeps them so.

use burn::tensor::Tensor;

use super::gpu;

/// Turns `[batch, channels, height, width]` into the sequence of its pixels, `[batch, height * width, channels]`.
pub fn sequence(x: Tensor<4>) -> Tensor<3> {
    if gpu::takes(&x) { x.permute([0, 2, 3, 1]).flatten(1, 2) } else { x.flatten::<3>(2, 3).swap_dims(1, 2) }
}

/// Reverses [`sequence`].
pub fn picture(x: Tensor<3>, height: usize, width: usize) -> Tensor<4> {
    let [batch, _, channels] = x.dims();
    if gpu::takes(&x) {
        x.reshape([batch, height, width, channels]).permute([0, 3, 1, 2])
    } else {
        x.swap_dims(1, 2).reshape([batch, channels, height, width])
    }
}

/// Adds two maps of one shape.
pub fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    if gpu::takes(&a) {
        let [_, _, height, width] = a.dims();
        // As sequences, since burn's fusion lays a sum out in the order of its axes.
        picture(sequence(a) + sequence(b), height, width)
    } else {
        a + b
    }
}

/// Puts the channels of two maps of one size side by side: `a`'s, then `b`'s.
pub fn concatenate(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    if gpu::takes(&a) { gpu::concatenate(a, b) } else { Tensor::cat(vec![a, b], 1) }
}
