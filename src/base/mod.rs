//! What every other room stands on: errors, stopping, devices, random numbers, hashes, files, threads, the log, and the names of models.

pub mod cancel;
pub mod crash;
pub mod device;
pub mod digest;
pub mod error;
pub mod files;
pub mod impostor;
pub mod lock;
pub mod logging;
pub mod model_ref;
pub mod path_text;
pub mod q8_0;
pub mod rng;
pub mod stop;
pub mod sync;
pub mod system;
pub mod units;
