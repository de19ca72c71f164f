//! What the GPU's path costs, without a GPU: launches, bytes and waits, which are the same on a software rasteriser.
//!
//! Limits only go down: who makes the networks cheaper lowers them.
//!
//! These tests have a process of their own, and take turns in it, since what is counted is counted for the whole process.

mod drawing;
#[path = "../support/launches.rs"]
#[expect(dead_code, reason = "the benchmark uses the rest of it")]
mod launches;
mod limits;
#[path = "../support/networks.rs"]
#[expect(dead_code, reason = "the benchmark uses the rest of it")]
mod networks;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use burnisher::base::device::{self, ComputeDevice, DeviceChoice, DtypeChoice};

/// The GPU, or the software rasteriser, for one test at a time.
fn gpu(dtype: DtypeChoice) -> (ComputeDevice, MutexGuard<'static, ()>) {
    static IN_USE: Mutex<()> = Mutex::new(());
    let turn = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    launches::tune_briefly();
    (device::open(DeviceChoice::Gpu(None), dtype).expect("the device opens"), turn)
}
