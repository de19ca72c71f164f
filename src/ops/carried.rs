//! What a layer's weight carries: adapters added to it, and a compact form of its numbers.
//!
//! It hangs on the parameter, through burn's reparameterisation, so that a walk over a network by parameter name reaches it
//! ([`carry`]) and `Param::val` gives the effective weight; [`Linear`](super::Linear) and [`Conv2d`](super::Conv2d) compute
//! with it without ever making that. Limits: a parameter carries one [`Carried`] for as long as it exists (burn has no way to
//! take it off again). To change the adapters of a network, keep its handles.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use burn::module::{Module, ModuleVisitor, Param, ParamId, Reparameterization, Reparameterizer};
use burn::tensor::{Shape, Tensor};

use super::adapter::Adapter;
use super::quantized::Quantized;

/// A handle on what a weight carries. Clones are the same.
#[derive(Module, Debug, Default)]
pub struct Carried {
    #[module(skip)]
    quantized: Option<Quantized>,
    #[module(skip)]
    adapters: Arc<RwLock<Vec<Adapter>>>,
}

impl Carried {
    /// Carries a compact weight, which stands for the parameter's own numbers: those aren't read, and take no memory.
    pub fn of(quantized: Quantized) -> Self {
        Self { quantized: Some(quantized), ..Self::default() }
    }

    /// Replaces the adapters, from the next use of the layer on.
    pub fn set_adapters(&self, adapters: Vec<Adapter>) {
        *self.adapters.write().unwrap_or_else(PoisonError::into_inner) = adapters;
    }

    /// The adapters that change anything.
    pub(super) fn active_adapters(&self) -> Vec<Adapter> {
        let adapters = self.adapters.read().unwrap_or_else(PoisonError::into_inner);
        adapters.iter().filter(|adapter| adapter.strength() != 0.0).cloned().collect()
    }

    pub(super) fn quantized(&self) -> Option<&Quantized> {
        self.quantized.as_ref()
    }

    /// The weight as it would be without adapters; `base` is the parameter's own.
    pub(super) fn without_adapters<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        match &self.quantized {
            None => base,
            Some(quantized) => arranged(quantized.tensor(&base.device(), base.dtype()), base.shape()),
        }
    }
}

impl Reparameterization for Carried {
    const NAME: &'static str = "carried";

    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        let shape = base.shape();
        let weight = self.without_adapters(base);
        let adapters = self.active_adapters();
        adapters.iter().fold(weight, |weight, adapter| weight + arranged(adapter.change(), shape.clone()))
    }
}

/// `[outputs, inputs]` as the layer keeps it: a linear layer transposed, a convolution with its inputs taken apart.
fn arranged<const D: usize>(matrix: Tensor<2>, shape: Shape) -> Tensor<D> {
    if D == 2 { matrix.transpose().reshape(shape) } else { matrix.reshape(shape) }
}

/// Gives the weights of a network what they are to carry. `choose` is told each parameter's name, as in checkpoints, and its
/// shape.
pub fn carry<M: Module>(module: M, mut choose: impl FnMut(&str, &Shape) -> Option<Carried>) -> M {
    let mut names = ParameterNames::default();
    module.visit(&mut names);
    let chosen = names.found.into_iter().filter_map(|(id, name, shape)| Some((id, choose(&name, &shape)?)));
    module.apply_reparameterization(Attach(chosen.collect()))
}

/// The names of a network's parameters.
#[derive(Default)]
struct ParameterNames {
    path: Vec<String>,
    found: Vec<(ParamId, String, Shape)>,
}

impl ModuleVisitor for ParameterNames {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        // Checkpoints know nothing of the variant of an enum.
        if !container_type.starts_with("Enum:") {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((param.id, self.path.join("."), param.lazy_shape()));
    }
}

/// Hangs what was chosen on its parameters.
struct Attach(HashMap<ParamId, Carried>);

impl Reparameterizer for Attach {
    type Reparam = Carried;

    fn reparameterize<const D: usize>(
        &mut self,
        _path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<Carried>) {
        let carried = self.0.remove(&param.id);
        if carried.as_ref().is_none_or(|carried| carried.quantized.is_none()) {
            return (param, carried);
        }
        // One number shown as all of them: the parameter keeps its shape, device and format, and takes no memory.
        let (id, shape, device) = (param.id, param.lazy_shape(), param.lazy_device());
        let placeholder = Tensor::<D>::zeros([1; D], &device).expand(shape);
        (Param::initialized(id, placeholder), carried)
    }
}
