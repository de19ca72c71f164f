//! Numbers from the device to main memory, and waiting for the device. Each wait is a line of the log at its finest level:
//! queued work that is waited for often leaves a GPU idle.

use burn::tensor::{DType, Device, Tensor};

use crate::base::error::{Error, Result};

/// Reads a tensor back from its device, in f32 and row-major. It waits until the device has computed it.
///
/// # Errors
/// The device failed.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    log::trace!("waiting for the device: numbers are read");
    let failed = |e: &dyn std::fmt::Debug| Error::new(format!("The device failed: {e:?}"));
    let data = tensor.cast(DType::F32).try_into_data().map_err(|e| failed(&e))?;
    data.try_into_vec().map_err(|e| failed(&e))
}

/// Waits until the device has computed all that is queued.
///
/// # Errors
/// The device failed.
pub fn wait(device: &Device) -> Result<()> {
    log::trace!("waiting for the device");
    device.sync().map_err(|e| Error::new("The device failed").caused_by(e))
}
