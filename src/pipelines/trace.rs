//! A record of the numbers inside a run, for comparison with another implementation.
//!
//! Limits: everything is read back from the device and kept in memory until it is written, so a traced run is slower
//! and larger than an ordinary one.

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::base::error::{Error, Result};

/// Named arrays of f32: `initial_latents`, `prompt_embeds` (negative first), `timesteps`, `latents_0..N-1` (after each
/// step), where the task has them `image_latents`, `mask`, `masked_image_latents` and `depth_mask`, and `image`
/// (`[height, width, 3]` in 0..1; with a leading `batch` if there are several pictures).
#[derive(Debug, Default)]
pub struct Trace {
    tensors: Vec<Traced>,
}

#[derive(Debug)]
struct Traced {
    name: String,
    shape: Vec<usize>,
    /// Little-endian.
    bytes: Vec<u8>,
}

impl Trace {
    /// Keeps an array, row-major. Names are given once.
    pub fn record(&mut self, name: impl Into<String>, shape: impl Into<Vec<usize>>, values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensors.push(Traced { name: name.into(), shape: shape.into(), bytes });
    }

    /// The arrays as a safetensors file.
    ///
    /// # Errors
    /// A shape that doesn't fit its values.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let views = self.tensors.iter().map(Traced::view).collect::<Result<Vec<_>>>()?;
        let named = self.tensors.iter().map(|traced| &traced.name).zip(&views);
        safetensors::serialize(named, None).map_err(|cause| Error::new("the trace can't be written").caused_by(cause))
    }
}

impl Traced {
    fn view(&self) -> Result<TensorView<'_>> {
        TensorView::new(Dtype::F32, self.shape.clone(), &self.bytes).map_err(|cause| {
            let Self { name, shape, .. } = self;
            Error::new(format!("the trace of {name} doesn't fit its shape {shape:?}")).caused_by(cause)
        })
    }
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    #[test]
    fn arrays_come_back_by_name_with_shape_and_values() {
        let mut trace = Trace::default();
        trace.record("latents_0", [1, 2, 1, 1], &[1.5, -0.0]);
        trace.record("timesteps", [1], &[999.0]);
        let file = trace.to_safetensors().expect("a file");
        let file = SafeTensors::deserialize(&file).expect("that opens");
        let latents = file.tensor("latents_0").expect("by name");
        assert_eq!((latents.dtype(), latents.shape()), (Dtype::F32, &[1, 2, 1, 1][..]));
        assert_eq!(latents.data(), [1.5f32.to_le_bytes(), (-0.0f32).to_le_bytes()].concat());
        assert_eq!(file.names().len(), 2);
    }

    #[test]
    fn a_shape_that_does_not_fit_is_an_error() {
        let mut trace = Trace::default();
        trace.record("image", [2, 2, 3], &[0.0]);
        assert!(trace.to_safetensors().expect_err("it doesn't fit").to_string().contains("image"));
    }
}
