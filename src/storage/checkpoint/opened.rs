//! `Checkpoint`: an opened model, whose configs are read and whose weights aren't yet.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::DType;
use serde_json::{Map, Value};

use super::backing::Backing;
use super::card::{self, Recommended};
use super::component::Component;
use super::files::{Files, read_json};
use super::index::{library_and_class, required_components};
use super::ldm::shapes::Shapes;
use super::load::{self, Comparison, OnTensor};
use super::single_file::{self, SingleFile};
use super::source::Source;
use super::weight_files::{Variant, Weights};
use crate::base::error::{Error, Result};
use crate::base::model_ref::{self, ModelRef};
use crate::base::stop::Outcome;
use crate::storage::hub;

/// An opened model: configs read, weights not yet.
pub struct Checkpoint {
    backing: Backing,
    pub(super) class_name: String,
    pub(super) index: Map<String, Value>,
    pub(super) components: Vec<Component>,
    pub(super) recommended: Recommended,
    /// Another VAE than its own.
    vae: Option<Weights>,
}

/// What a model is opened with beside its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A safetensors file with another VAE than the model's own.
    pub vae: Option<PathBuf>,
    /// Whether to take the weights that are averaged over the training (EMA) out of a single file that has both, rather than
    /// the last ones, which Diffusers takes.
    pub use_averaged: bool,
}

impl Checkpoint {
    /// Opens a model: reads its index and every component's config.
    ///
    /// # Errors
    /// There is no such model; it isn't in diffusers format, and no single file of a known family; its pipeline or a
    /// component is of a class that isn't known here; a component is missing; a JSON file is broken.
    pub fn open(model: &ModelRef) -> Result<Self> {
        Self::open_with(model, &Options::default())
    }

    /// As [`Self::open`], with another VAE or other weights.
    ///
    /// # Errors
    /// As [`Self::open`]; the other VAE is none; there are no averaged weights.
    pub fn open_with(model: &ModelRef, options: &Options) -> Result<Self> {
        let vae = options.vae.as_deref();
        let backing = match model {
            ModelRef::Bundled => Backing::Tree(Source::Bundled),
            ModelRef::Folder(path) => {
                model_ref::check_folder(path)?;
                Backing::Tree(Source::Folder(path.clone()))
            }
            ModelRef::File(path) => Backing::Single(Box::new(SingleFile::read(path, vae, options.use_averaged)?)),
            ModelRef::Hub(id) => Backing::Tree(Source::Folder(hub::local(id)?)),
        };
        let mut checkpoint = Self::read(backing, model)?;
        if let (Some(path), ModelRef::Bundled | ModelRef::Folder(_) | ModelRef::Hub(_)) = (vae, model) {
            checkpoint.replace_vae(path)?;
        }
        Ok(checkpoint)
    }

    fn read(backing: Backing, model: &ModelRef) -> Result<Self> {
        let index = read_json(&backing, "model_index.json")?.ok_or_else(|| {
            Error::new(format!("this folder has no model_index.json: {model}")).advise(
                "A model in diffusers format has one, beside the folders unet, vae, text_encoder, tokenizer and scheduler",
            )
        })?;
        let class_name = index.get("_class_name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let required = required_components(&class_name, model)?;
        let mut components = Vec::new();
        for (name, value) in &index {
            if let Some((library, class)) = library_and_class(value) {
                components.push(Component::open(&backing, name, library, class)?);
            }
        }
        if let Some(name) = required.iter().find(|name| !components.iter().any(|component| component.name == **name)) {
            return Err(Error::new(format!("the model_index.json names no {name}: {model}")));
        }
        let recommended = backing.read_text("README.md").ok().flatten();
        let recommended = recommended.map(|readme| card::recommended(&readme)).unwrap_or_default();
        Ok(Self { backing, class_name, index, components, recommended, vae: None })
    }

    /// Puts another VAE in the place of the model's own.
    fn replace_vae(&mut self, path: &Path) -> Result<()> {
        self.component("vae")?;
        let weights = single_file::open_vae(path)?;
        let shapes = weights.tensors.iter().map(|(key, stored)| (key.as_str(), stored.shape.as_slice()));
        for component in self.components.iter_mut().filter(|component| component.name == "vae") {
            Shapes::new(shapes.clone()).complete("vae", &mut component.config);
        }
        self.vae = Some(weights);
        Ok(())
    }

    /// The pipeline's class in Diffusers, for example `StableDiffusionPipeline`.
    pub fn class_name(&self) -> &str {
        &self.class_name
    }

    /// The components that are there, in the index's order.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Whether it draws without a prompt.
    pub fn is_unconditional(&self) -> bool {
        self.component("unet").is_ok_and(|unet| unet.class == "UNet2DModel")
    }

    /// The component of a name.
    ///
    /// # Errors
    /// The model has none.
    pub fn component(&self, name: &str) -> Result<&Component> {
        let found = self.components.iter().find(|component| component.name == name);
        found
            .ok_or_else(|| Error::new(format!("this model has no {name}: {}", self.backing.locate("model_index.json"))))
    }

    /// What the model's card recommends.
    pub fn recommended(&self) -> Recommended {
        self.recommended
    }

    /// A text file of the model, for example `tokenizer/vocab.json`.
    ///
    /// # Errors
    /// There is no such file, or it isn't text.
    pub fn text(&self, path: &str) -> Result<String> {
        let missing = || Error::new(format!("a file of the model is missing: {}", self.backing.locate(path)));
        self.backing.read_text(path)?.ok_or_else(missing)
    }

    /// Any file of the model; `None` if there is none of this name.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.backing.open(path)?.map(|file| Ok(file.all()?.to_vec())).transpose()
    }

    /// A component's files beside a module built from its config, told from their headers.
    ///
    /// # Errors
    /// The files are missing, damaged or pickled.
    pub fn compare<M: Module>(&self, component: &str, module: &M, dtype: DType) -> Result<Comparison> {
        let weights = self.weights(component, Variant::of(dtype))?;
        Comparison::of(module, &weights, self.backing.locate(self.folder(component)))
    }

    pub(super) fn weights(&self, component: &str, preferred: Variant) -> Result<Weights> {
        if let ("vae", Some(weights)) = (component, &self.vae) {
            return Ok(weights.clone());
        }
        self.backing.weights(component, self.folder(component), preferred)
    }

    /// Where a component's files lie, relative to the model.
    fn folder<'a>(&'a self, component: &'a str) -> &'a str {
        self.component(component).map_or(component, |component| &component.folder)
    }

    /// Loads a component's weights into a module built from its config, on the module's device, as `dtype` (`F32`, `F16`
    /// or `BF16`). Tensors are converted one at a time; those that already have the dtype borrow the mapped file.
    ///
    /// # Errors
    /// The files are missing, damaged or pickled; names are missing or shapes differ from the module's ([`Mismatch`] is the
    /// cause and lists all of them); a number is NaN or infinite; what `on_tensor` says.
    pub fn load<M: Module>(
        &self,
        component: &str,
        module: M,
        dtype: DType,
        on_tensor: &mut OnTensor<'_>,
    ) -> Outcome<M> {
        let weights = self.weights(component, Variant::of(dtype))?;
        load::load_into(module, &weights, dtype, &self.backing.locate(self.folder(component)), on_tensor)
    }
}
