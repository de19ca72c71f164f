//! Putting stored tensors into a burn module: by name, checked, converted one at a time.
//!
//! A module's field names are the checkpoint's parameter names, with children of a `Vec`, tuple or array by index.
//! burn keeps the weight of a `Linear` as `[in, out]` and files as `[out, in]`: it is transposed here, once, since a
//! matrix product over a transposed view is up to half slower. burn's own loader (`burn-store`) isn't used: it converts
//! on one thread, several times slower.
//! Limits: parameters are floating-point tensors; `LinearLayout::Col` is not understood.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Tensor};

use super::convert::{Order, Unusable, tensor_data};
use super::keys;
use super::weights::{Stored, Weights};
use crate::error::{Error, Result};

/// How a component's files differ from the module its config asks for: everything by name, as files spell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Parameters of the module that no file has.
    pub missing: Vec<String>,
    /// Tensors of the files that the module has no place for.
    pub unused: Vec<String>,
    /// Parameters whose shape differs.
    pub mis_shaped: Vec<MisShaped>,
}

/// A parameter whose shape differs from the file's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MisShaped {
    /// The file's name of it.
    pub key: String,
    /// The shape that the config asks for, in the file's order of axes.
    pub expected: Vec<usize>,
    /// The shape in the file.
    pub found: Vec<usize>,
}

impl Mismatch {
    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.mis_shaped.is_empty()
    }
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    /// One line, with the first names of each list.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mis_shaped: Vec<String> = self.mis_shaped.iter().map(MisShaped::to_string).collect();
        let lists = [("missing", &self.missing), ("unused", &self.unused), ("of another shape", &mis_shaped)];
        let mut separator = "";
        for (what, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
            write!(f, "{separator}{} {what} ({})", names.len(), some_of(names))?;
            separator = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for MisShaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} where {:?} is expected", self.key, self.found, self.expected)
    }
}

/// The first names of a list that may be long.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

/// Told after each tensor how many bytes of the files it was; `Break` stops the loading.
pub type OnTensor<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// Loads `weights` into every parameter of `module`, on the device the module was built for. `None` when stopped.
///
/// # Errors
/// [`Mismatch`] as the cause if names or shapes differ; a tensor that can't be used or isn't finite.
pub(super) fn load_into<M: Module>(
    module: M,
    weights: &Weights,
    dtype: DType,
    place: &str,
    on_tensor: &mut OnTensor<'_>,
) -> Result<Option<M>> {
    let mut loader = Loader::new(weights, dtype, place, on_tensor)?;
    let module = module.map(&mut loader);
    let flow = loader.finish()?;
    Ok(flow.is_continue().then_some(module))
}

struct Loader<'a> {
    /// By canonical name: the file's name and the tensor. What is loaded is taken out.
    waiting: BTreeMap<String, (&'a str, &'a Stored)>,
    dtype: DType,
    /// Where the weights come from, for messages.
    place: &'a str,
    path: Vec<String>,
    containers: Vec<String>,
    mismatch: Mismatch,
    failed: Option<Error>,
    on_tensor: &'a mut OnTensor<'a>,
    flow: ControlFlow<()>,
}

impl<'a> Loader<'a> {
    fn new(weights: &'a Weights, dtype: DType, place: &'a str, on_tensor: &'a mut OnTensor<'a>) -> Result<Self> {
        let mut waiting = BTreeMap::new();
        for (key, stored) in weights.tensors.iter().filter(|(key, _)| !keys::is_no_parameter(key)) {
            if let Some((other, _)) = waiting.insert(keys::canonical(key), (key.as_str(), stored)) {
                return Err(Error::new(format!("{other} and {key} are the same parameter: {place}")));
            }
        }
        let mismatch = Mismatch::default();
        let (path, containers, flow) = (Vec::new(), Vec::new(), ControlFlow::Continue(()));
        Ok(Self { waiting, dtype, place, path, containers, mismatch, failed: None, on_tensor, flow })
    }

    fn finish(mut self) -> Result<ControlFlow<()>> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.mismatch.unused = self.waiting.into_values().map(|(key, _)| key.to_owned()).collect();
        if self.mismatch.is_empty() {
            return Ok(self.flow);
        }
        let place = self.place;
        Err(Error::new(format!("the weights aren't those that the config asks for: {place}")).caused_by(self.mismatch))
    }

    /// The stored tensor for the parameter at the current path, in the parameter's shape.
    fn tensor<const D: usize>(&mut self, param: &Param<Tensor<D>>) -> Option<Tensor<D>> {
        let path = self.path.join(".");
        let Some((key, stored)) = self.waiting.remove(&keys::canonical(&path)) else {
            self.mismatch.missing.push(keys::as_in_files(&path).into_owned());
            return None;
        };
        let shape = param.lazy_shape();
        let mut expected = shape.to_vec();
        let is_in_linear = self.containers.last().is_some_and(|container| container == "Struct:Linear");
        let order = if is_in_linear && D == 2 { Order::Transposed } else { Order::AsStored };
        if order == Order::Transposed {
            expected.reverse();
        }
        if without_trailing_ones(&stored.shape, D) != expected {
            let found = stored.shape.clone();
            self.mismatch.mis_shaped.push(MisShaped { key: key.to_owned(), expected, found });
            return None;
        }
        if self.failed.is_some() || !self.mismatch.is_empty() || self.flow.is_break() {
            return None;
        }
        let data = stored.bytes().and_then(|bytes| {
            tensor_data(bytes, stored.dtype, shape, order, self.dtype)
                .map_err(|unusable| explain(&unusable, key, self.place))
        });
        let data = data.map_err(|error| self.failed = Some(error)).ok()?;
        self.flow = (self.on_tensor)(stored.len() as u64);
        let device = param.lazy_device();
        // Weights stay as long as the model: kept apart from the memory that the steps reuse.
        Some(device.memory_persistent_allocations(data, |data| Tensor::from_data(data, (&device, self.dtype))))
    }
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        // The variant of an enum is burn's business: files know only the field that holds it.
        if !container_type.starts_with("Enum:") {
            self.path.push(name.to_owned());
        }
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.pop();
        }
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.tensor(&param) {
            Some(tensor) => {
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            None => param,
        }
    }
}

/// Old files keep a linear layer as a convolution of 1x1: `[out, in, 1, 1]` for `[out, in]`.
fn without_trailing_ones(shape: &[usize], rank: usize) -> &[usize] {
    match shape.split_at_checked(rank) {
        Some((front, ones)) if ones.iter().all(|size| *size == 1) => front,
        _ => shape,
    }
}

fn explain(unusable: &Unusable, key: &str, place: &str) -> Error {
    match unusable {
        Unusable::Dtype(dtype) => Error::new(format!("can't use weights of type {dtype:?} ({key}): {place}"))
            .advise("Weights should be F32, F16, BF16, F64, F8_E4M3 or F8_E5M2"),
        Unusable::NotFinite => Error::new(format!("the weights hold a NaN or an infinite number ({key}): {place}"))
            .advise("The file is damaged, or was converted to a type that is too small for it: get it again"),
    }
}
