//! f32 kernels for the CPU: what burn's CPU backend does too slowly for a UNet.
//!
//! They read and write the backend's own buffers, so moving in and out costs nothing. Threads are rayon's, as in the backend.

mod attention;
mod conv;
mod gemm;
mod linear;
mod norm;
mod pointwise;
mod simd;

use burn::tensor::{DType, Shape, Tensor, TensorData};
use burn_flex::{Flex, FlexTensor};

pub(super) use attention::attention;
pub(super) use conv::conv2d;
pub(super) use linear::linear;
pub(super) use norm::{group_norm, layer_norm};
pub(super) use pointwise::{Unary, geglu, unary, upsample_nearest_2x};

/// The backend's view of a tensor: its buffer and strides.
fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor
        .try_into_primitive::<Flex>()
        .unwrap_or_else(|e| unreachable!("a CPU kernel was given another device's tensor: {e:?}"))
}

/// A tensor whose values can be read as one row-major slice.
struct Values(FlexTensor);

impl Values {
    fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        let tensor = primitive(tensor);
        debug_assert_eq!(tensor.dtype(), DType::F32);
        Self(tensor.to_contiguous())
    }

    fn get(&self) -> &[f32] {
        let start = self.0.layout().start_offset();
        &self.0.storage::<f32>()[start..start + self.0.layout().num_elements()]
    }
}

/// A tensor from row-major values.
fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(values, Shape::from(shape));
    Tensor::from_primitive::<Flex>(FlexTensor::from_data(data))
}
