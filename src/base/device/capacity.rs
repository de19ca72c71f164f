//! What a device can hold.

use burn::tensor::DType;

/// What a device can hold: all that a plan of its memory needs, known without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// What weights and activations are.
    pub dtype: DType,
    /// The most bytes that one tensor may have; none on the CPU.
    pub max_tensor_bytes: Option<u64>,
    /// Where its memory is.
    pub memory: Memory,
    /// Whether it computes in f16.
    pub has_f16: bool,
}

impl Capacity {
    /// Whether it is a GPU's: the CPU's tensors are as large as its memory allows.
    pub fn is_gpu(&self) -> bool {
        self.max_tensor_bytes.is_some()
    }
}

/// Where the memory of a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It is the machine's main memory: the CPU's, and that of GPUs that have none of their own.
    Main,
    /// It is the GPU's own, of so many bytes; `None` if the driver doesn't tell.
    Own(Option<u64>),
    /// Wherever it is: no more than so many bytes of it may be taken. The user said so.
    Limited(u64),
}
