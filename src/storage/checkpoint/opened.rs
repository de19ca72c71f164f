//! `Checkpoint`: an opened model, whose configs are read and whose weights aren't yet.

use std::path::Path;

use burn::module::Module;
use burn::tensor::DType;
use serde_json::{Map, Value};

use super::backing::Backing;
use super::card::{self, Recommended};
use super::component::Component;
use super::family::{Families, FamilyRow, PipelineClass};
use super::file_tree::FileTree;
use super::files::{Files, read_json};
use super::index::{named_components, pipeline};
use super::load::{self, Comparison, OnTensor};
use super::options::CheckpointOptions;
use super::single_file::{self, SingleFile};
use super::weight_files::{Variant, Weights};
use crate::base::error::{Error, Result};
use crate::base::model_ref::{self, ModelRef};
use crate::base::stop::Outcome;

/// An opened model: configs read, weights not yet.
pub struct Checkpoint {
    backing: Backing,
    families: Families,
    family: &'static FamilyRow,
    pipeline: &'static PipelineClass,
    pub(super) index: Map<String, Value>,
    pub(super) components: Vec<Component>,
    pub(super) recommended: Recommended,
    /// Components that the index names and that the model does without, and why each isn't there.
    left_out: Vec<(String, &'static str)>,
    /// Another VAE than its own.
    vae: Option<Weights>,
}

impl Checkpoint {
    /// Opens a model that lies on this machine, by its path: reads its index and every component's config. Where a model of the
    /// Hub lies is for its caller to find out.
    ///
    /// # Errors
    /// There is no such model; it isn't in diffusers format, and no single file of a known family; its pipeline or a
    /// component is of a class that isn't known here; a component is missing; a JSON file is broken; the other VAE is none;
    /// there are no averaged weights.
    pub fn open(model: &ModelRef, families: Families, options: &CheckpointOptions) -> Result<Self> {
        let vae = options.vae.as_deref();
        let backing = match model {
            ModelRef::Bundled => Backing::Tree(FileTree::Bundled),
            ModelRef::Folder(path) => {
                model_ref::check_folder(path)?;
                Backing::Tree(FileTree::Folder(path.clone()))
            }
            ModelRef::File(path) => Backing::Single(Box::new(SingleFile::read(path, families, options)?)),
            ModelRef::Hub(id) => {
                return Err(Error::new(format!("this model isn't on this machine: {id}"))
                    .advise(format!("`burnisher download {id}` fetches it from the Hub")));
            }
        };
        let mut checkpoint = Self::read(backing, families, model)?;
        if let (Some(path), ModelRef::Bundled | ModelRef::Folder(_)) = (vae, model) {
            checkpoint.replace_vae(path)?;
        }
        Ok(checkpoint)
    }

    fn read(backing: Backing, families: Families, model: &ModelRef) -> Result<Self> {
        let index = read_json(&backing, "model_index.json")?.ok_or_else(|| {
            Error::new(format!("this folder has no model_index.json: {model}"))
                .advise("A model in diffusers format has one, beside a folder for each of its components")
        })?;
        let class_name = index.get("_class_name").and_then(Value::as_str).unwrap_or_default();
        let (family, pipeline) = pipeline(families, class_name, &model.to_string())?;
        let (mut components, mut left_out) = (Vec::new(), Vec::new());
        for named in named_components(&index, Some(pipeline), &backing.locate("model_index.json"))? {
            let component = Component::open(&backing, family, named)?;
            let lack = component.as_ref().map_or(Some("it isn't there"), |component| backing.lack(component));
            match (component, lack.filter(|_| !named.is_required)) {
                (_, Some(lack)) => left_out.push((named.name.to_owned(), lack)),
                (component, None) => components.extend(component),
            }
        }
        let is_there = |name: &str| components.iter().any(|component| component.name == name);
        if let Some(name) = pipeline.required.iter().find(|name| !is_there(name)) {
            return Err(Error::new(format!("the model_index.json names no {name}: {model}")));
        }
        let recommended = backing.read_text("README.md").ok().flatten();
        let recommended = recommended.map(|readme| card::recommended(&readme)).unwrap_or_default();
        Ok(Self { backing, families, family, pipeline, index, components, recommended, left_out, vae: None })
    }

    /// Puts another VAE in the place of the model's own.
    fn replace_vae(&mut self, path: &Path) -> Result<()> {
        self.component("vae")?;
        let no_rules = || Error::new(format!("{} can't be used with another VAE", self.family.label));
        let rules = self.family.single_file.as_ref().ok_or_else(no_rules)?;
        let weights = single_file::open_vae(path, self.families, rules)?;
        for component in self.components.iter_mut().filter(|component| component.name == "vae") {
            (rules.complete)("vae", &weights, &mut component.config);
        }
        self.vae = Some(weights);
        Ok(())
    }

    /// Returns the pipeline's class in Diffusers, for example `StableDiffusionPipeline`.
    pub fn class_name(&self) -> &str {
        self.pipeline.name
    }

    /// Returns the family that it belongs to.
    pub fn family(&self) -> &'static FamilyRow {
        self.family
    }

    /// Returns its pipeline, as the family knows it.
    pub fn pipeline(&self) -> &'static PipelineClass {
        self.pipeline
    }

    /// Returns the components that are there, in the index's order.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Returns the component of a name.
    ///
    /// # Errors
    /// The model has none.
    pub fn component(&self, name: &str) -> Result<&Component> {
        let found = self.components.iter().find(|component| component.name == name);
        found
            .ok_or_else(|| Error::new(format!("this model has no {name}: {}", self.backing.locate("model_index.json"))))
    }

    /// Returns whether the index names a component that isn't there, and that the model does without.
    pub fn is_left_out(&self, name: &str) -> bool {
        self.left_out.iter().any(|(left_out, _)| left_out == name)
    }

    /// Returns notes on the components that the model does without, though its index names them, and on files beside it that are
    /// left out.
    pub fn notes(&self) -> Vec<String> {
        let note = |(name, lack): &(String, &str)| format!("{name}: {lack}; the model does without");
        self.left_out.iter().map(note).chain(self.backing.notes().iter().cloned()).collect()
    }

    /// Returns what the model's card recommends.
    pub fn recommended(&self) -> Recommended {
        self.recommended
    }

    /// Reads a text file of the model, for example `tokenizer/vocab.json`.
    ///
    /// # Errors
    /// There is no such file, or it isn't text.
    pub fn text(&self, path: &str) -> Result<String> {
        let missing = || Error::new(format!("a file of the model is missing: {}", self.backing.locate(path)));
        self.backing.read_text(path)?.ok_or_else(missing)
    }

    /// Reads any file of the model; `None` if there is none of this name.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.backing.open(path)?.map(|file| Ok(file.all()?.to_vec())).transpose()
    }

    /// Compares a component's files with a module built from its config, by their headers.
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

    /// Returns where a component's files lie, relative to the model.
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
