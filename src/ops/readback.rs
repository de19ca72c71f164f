//! Numbers from the device to main memory.

use burn::tensor::{DType, Tensor};

use crate::base::error::{Error, Result};

/// Reads a tensor back from its device, in f32 and row-major. It waits until the device has computed it.
///
/// # Errors
/// The device failed.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let failed = |e: &dyn std::fmt::Debug| Error::new(format!("The device failed: {e:?}"));
    let data = tensor.cast(DType::F32).try_into_data().map_err(|e| failed(&e))?;
    data.try_into_vec().map_err(|e| failed(&e))
}
