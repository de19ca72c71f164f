//! Conversions between tensors and the slices that the kernels use: nothing is copied if the values are in row-major order.

use burn::tensor::{DType, Device, Shape, Tensor, TensorData};
use burn_flex::{Flex, FlexTensor};

/// Tells whether the kernels take this tensor: f32, on the CPU.
pub(in crate::ops) fn takes<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && x.device() == Device::flex()
}

/// The backend's view of a tensor: its buffer and strides.
pub(super) fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor
        .try_into_primitive::<Flex>()
        .unwrap_or_else(|e| unreachable!("a CPU kernel was given another device's tensor: {e:?}"))
}

/// A tensor whose values can be read as one row-major slice.
pub(super) struct Values(FlexTensor);

impl Values {
    pub(super) fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        let tensor = primitive(tensor);
        debug_assert_eq!(tensor.dtype(), DType::F32);
        Self(tensor.to_contiguous())
    }

    pub(super) fn get(&self) -> &[f32] {
        let start = self.0.layout().start_offset();
        &self.0.storage::<f32>()[start..start + self.0.layout().num_elements()]
    }
}

/// A tensor from row-major values.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(values, Shape::from(shape));
    Tensor::from_primitive::<Flex>(FlexTensor::from_data(data))
}
