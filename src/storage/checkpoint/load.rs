//! Putting stored tensors into a burn module: by name, checked, converted one at a time.
//!
//! A module's field names are the checkpoint's parameter names, with children of a `Vec`, tuple or array by index.
//! burn keeps the weight of a `Linear` as `[in, out]` and files as `[out, in]`: it is transposed here, once, since a
//! matrix product over a transposed view is up to half slower. A convolution's weight is `[out, in, kernel, kernel]` in
//! both, but on a GPU it lies in memory as `[in, kernel, kernel, out]`, which is how the kernel reads it. burn's own loader
//! (`burn-store`) isn't used: it converts on one thread, several times slower.
//! Limits: parameters are floating-point tensors; `LinearLayout::Col` is not understood.

use std::collections::BTreeMap;
use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Shape, Tensor};
use serde::Serialize;

use super::keys;
use super::weight_files::Weights;
use crate::base::error::{Error, Result};
use crate::base::stop::{Outcome, Stop};
use crate::storage::weights::{AxisOrder, StoredTensor, Unusable, tensor_data};

/// How a component's files differ from the module its config asks for: everything by name, as files spell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Parameters of the module that no file has.
    pub missing: Vec<String>,
    /// Tensors of the files that the module has no place for. As in Diffusers they hinder nothing.
    pub unused: Vec<String>,
    /// Parameters whose shape differs.
    pub mis_shaped: Vec<MisShaped>,
}

/// A parameter whose shape differs from the file's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MisShaped {
    /// The file's name of it.
    pub key: String,
    /// The shape that the config asks for, in the file's order of axes.
    pub expected: Vec<usize>,
    /// The shape in the file.
    pub found: Vec<usize>,
}

impl Mismatch {
    /// Returns whether files and module are the same.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.mis_shaped.is_empty()
    }

    /// Returns whether the module can't be filled from the files.
    pub fn is_fatal(&self) -> bool {
        !self.missing.is_empty() || !self.mis_shaped.is_empty()
    }

    /// Returns the tensors that nothing reads, in words; `None` if there are none.
    pub fn note(&self) -> Option<String> {
        let tensors = if self.unused.len() == 1 { "tensor isn't" } else { "tensors aren't" };
        (!self.unused.is_empty()).then(|| format!("{} {tensors} used: {}", self.unused.len(), some_of(&self.unused)))
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

/// Returns the first names of a list that may be long.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

/// Is told after each tensor how many bytes of the files it was; an error stops the loading.
pub type OnTensor<'a> = dyn FnMut(u64) -> Outcome<()> + 'a;

/// Loads `weights` into every parameter of `module`, on the device the module was built for.
///
/// # Errors
/// [`Mismatch`] as the cause if names are missing or shapes differ; a tensor that can't be used or isn't finite; what `on_tensor`
/// says.
pub(super) fn load_into<M: Module>(
    module: M,
    weights: &Weights,
    dtype: DType,
    place: &str,
    on_tensor: &mut OnTensor<'_>,
) -> Outcome<M> {
    let matching = Matching::new(weights, place)?;
    let mut loader = Loader { matching, dtype, place, ended: Ok(()), on_tensor };
    let module = module.map(&mut loader);
    loader.finish()?;
    Ok(module)
}

/// A component's files beside the module that its config asks for.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// How they differ.
    pub mismatch: Mismatch,
    /// What [`load_into`] will tell of: bytes of the files.
    pub stored_bytes: u64,
    /// How many numbers the module has.
    pub parameters: u64,
    /// Where the files lie, for messages.
    place: String,
}

impl Comparison {
    /// `weights` beside the parameters of `module`. Nothing is read, and nothing allocated.
    ///
    /// # Errors
    /// A parameter is stored under two names.
    pub(super) fn of<M: Module>(module: &M, weights: &Weights, place: String) -> Result<Self> {
        let mut matching = Matching::new(weights, &place)?;
        module.visit(&mut matching);
        let Matching { stored_bytes, parameters, .. } = matching;
        Ok(Self { mismatch: matching.finish(), stored_bytes, parameters, place })
    }

    /// Makes sure that the module can be filled.
    ///
    /// # Errors
    /// Names are missing or shapes differ: [`Mismatch`] is the cause.
    pub fn check(&self) -> Result<()> {
        if self.mismatch.is_fatal() { Err(refuse(self.mismatch.clone(), &self.place)) } else { Ok(()) }
    }
}

/// Says what is wrong with a module that can't be filled.
fn refuse(mismatch: Mismatch, place: &str) -> Error {
    Error::new(format!("the weights aren't those that the config asks for: {place}")).caused_by(mismatch)
}

/// A walk through a module's parameters, each looked up by name.
struct Matching<'a> {
    /// By canonical name: the file's name and the tensor. What was found is taken out.
    waiting: BTreeMap<String, (&'a str, &'a StoredTensor)>,
    path: Vec<String>,
    containers: Vec<String>,
    mismatch: Mismatch,
    stored_bytes: u64,
    parameters: u64,
}

/// The stored tensor of a parameter.
struct FoundTensor<'a> {
    key: &'a str,
    stored: &'a StoredTensor,
    /// In the order in which the numbers are to lie in memory.
    shape: Shape,
    order: AxisOrder,
    /// Whether the module has its first axis where `shape` has the last.
    is_last_axis_first: bool,
}

impl<'a> Matching<'a> {
    fn new(weights: &'a Weights, place: &str) -> Result<Self> {
        let mut waiting = BTreeMap::new();
        for (key, stored) in weights.tensors.iter().filter(|(key, _)| !keys::is_no_parameter(key)) {
            if let Some((other, _)) = waiting.insert(keys::canonical(key), (key.as_str(), stored)) {
                return Err(Error::new(format!("{other} and {key} are the same parameter: {place}")));
            }
        }
        let (path, containers, mismatch) = (Vec::new(), Vec::new(), Mismatch::default());
        Ok(Self { waiting, path, containers, mismatch, stored_bytes: 0, parameters: 0 })
    }

    fn finish(mut self) -> Mismatch {
        self.mismatch.unused = self.waiting.into_values().map(|(key, _)| key.to_owned()).collect();
        self.mismatch
    }

    fn enter(&mut self, name: &str, container_type: &str) {
        // The variant of an enum is burn's business: files know only the field that holds it.
        if !container_type.starts_with("Enum:") {
            self.path.push(name.to_owned());
        }
        self.containers.push(container_type.to_owned());
    }

    fn exit(&mut self, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.pop();
        }
        self.containers.pop();
    }

    /// Returns the stored tensor for the parameter at the current path, if it has the parameter's shape.
    fn find<const D: usize>(&mut self, param: &Param<Tensor<D>>) -> Option<FoundTensor<'a>> {
        let path = self.path.join(".");
        let shape = param.lazy_shape();
        self.parameters = self.parameters.saturating_add(shape.num_elements() as u64);
        let Some((key, stored)) = self.waiting.remove(&keys::canonical(&path)) else {
            self.mismatch.missing.push(keys::as_in_files(&path).into_owned());
            return None;
        };
        let container = self.containers.last().map_or("", String::as_str);
        let is_linear = container == "Struct:Linear" && D == 2;
        let is_gpu_convolution = container == "Struct:Conv2d" && D == 4 && param.lazy_device() != Device::flex();
        let mut expected = shape.to_vec();
        if is_linear {
            expected.reverse();
        }
        if without_trailing_ones(&stored.shape, D) == expected {
            self.stored_bytes += stored.len() as u64;
            let order = if is_linear || is_gpu_convolution { AxisOrder::LastFirst } else { AxisOrder::AsStored };
            let mut in_memory = shape.to_vec();
            if is_gpu_convolution {
                in_memory.rotate_left(1);
            }
            let shape = in_memory.into();
            return Some(FoundTensor { key, stored, shape, order, is_last_axis_first: is_gpu_convolution });
        }
        let found = stored.shape.clone();
        self.mismatch.mis_shaped.push(MisShaped { key: key.to_owned(), expected, found });
        None
    }
}

impl ModuleVisitor for Matching<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        self.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = self.find(param);
    }
}

struct Loader<'a> {
    matching: Matching<'a>,
    dtype: DType,
    /// Where the weights come from, for messages.
    place: &'a str,
    /// Why nothing more is read.
    ended: Outcome<()>,
    on_tensor: &'a mut OnTensor<'a>,
}

impl Loader<'_> {
    fn finish(self) -> Outcome<()> {
        if let Err(Stop::Failed(error)) = self.ended {
            return Err(error.into());
        }
        let mismatch = self.matching.finish();
        if mismatch.is_fatal() { Err(refuse(mismatch, self.place).into()) } else { self.ended }
    }

    /// Returns the tensor for the parameter at the current path, on its device.
    fn tensor<const D: usize>(&mut self, param: &Param<Tensor<D>>) -> Option<Tensor<D>> {
        let FoundTensor { key, stored, shape, order, is_last_axis_first } = self.matching.find(param)?;
        if self.ended.is_err() || self.matching.mismatch.is_fatal() {
            return None;
        }
        let data = stored.bytes().and_then(|bytes| {
            tensor_data(bytes, stored.dtype, shape, order, self.dtype)
                .map_err(|unusable| explain(&unusable, key, self.place))
        });
        let data = data.map_err(|error| self.ended = Err(error.into())).ok()?;
        self.ended = (self.on_tensor)(stored.len() as u64);
        let device = param.lazy_device();
        // Weights stay as long as the model: kept apart from the memory that the steps reuse.
        let tensor =
            device.memory_persistent_allocations(data, |data| Tensor::<D>::from_data(data, (&device, self.dtype)));
        // Only the names of the axes change.
        let rotated: [usize; D] = std::array::from_fn(|axis| (axis + D - 1) % D);
        Some(if is_last_axis_first { tensor.permute(rotated) } else { tensor })
    }
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.matching.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        self.matching.exit(container_type);
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
