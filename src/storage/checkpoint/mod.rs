//! Checkpoints: opening a model in diffusers format and loading its weights into burn modules.
//!
//! A model is a folder with a `model_index.json` that names its components, each in a folder of its own with a config
//! and safetensors weights. The bundled model is the same, read out of the binary; a single file is made to look the same.
//! Nothing here knows what a component does: configs are handed out as JSON, weights go wherever a module's field names say.
//! Limits: Stable Diffusion 1 and 2, and unconditional models; no pickles (`.bin`).

mod bundled;
mod card;
mod convert;
mod describe;
pub mod family;
pub(crate) mod gguf;
mod keys;
mod ldm;
mod load;
pub(crate) mod single_file;
pub(crate) mod source;
pub(crate) mod weights;

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::DType;
use serde_json::{Map, Value};

pub use card::Recommended;
pub use describe::{ComponentDescription, Description, WeightsDescription};
pub use load::{Comparison, MisShaped, Mismatch, OnTensor};

use crate::base::error::{Error, Result};
use crate::base::model_ref::{self, ModelRef};
use ldm::shapes::Shapes;
use single_file::SingleFile;
use source::{Source, is_plain_name};
use weights::{Variant, Weights};

/// The pipelines that can be opened, each with the components it can't do without.
pub(crate) const PIPELINES: [(&str, &[&str]); 6] = [
    ("StableDiffusionPipeline", &TEXT_TO_IMAGE),
    ("StableDiffusionImg2ImgPipeline", &TEXT_TO_IMAGE),
    ("StableDiffusionInpaintPipeline", &TEXT_TO_IMAGE),
    ("StableDiffusionDepth2ImgPipeline", &["text_encoder", "tokenizer", "unet", "vae", "scheduler", "depth_estimator"]),
    ("DDPMPipeline", &UNCONDITIONAL),
    ("DDIMPipeline", &UNCONDITIONAL),
];
const UNCONDITIONAL: [&str; 2] = ["unet", "scheduler"];
const TEXT_TO_IMAGE: [&str; 5] = ["text_encoder", "tokenizer", "unet", "vae", "scheduler"];

/// The classes that a component may have. Schedulers aren't listed: there are many, and they know themselves.
const CLASSES: [(&str, &[&str]); 6] = [
    ("text_encoder", &["CLIPTextModel"]),
    ("tokenizer", &["CLIPTokenizer", "CLIPTokenizerFast"]),
    ("unet", &["UNet2DConditionModel", "UNet2DModel"]),
    ("vae", &["AutoencoderKL"]),
    ("safety_checker", &["StableDiffusionSafetyChecker"]),
    ("depth_estimator", &["DPTForDepthEstimation"]),
];

/// An opened model: configs read, weights not yet.
pub struct Checkpoint {
    source: Source,
    class_name: String,
    index: Map<String, Value>,
    components: Vec<Component>,
    recommended: Recommended,
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

/// A component that is there, with its config.
pub struct Component {
    /// The name in `model_index.json`, also that of its folder.
    pub name: String,
    /// The Python package of its class.
    pub library: String,
    /// Its class.
    pub class: String,
    /// Its config file (`config.json`, `scheduler_config.json`, ..), keys in the file's order.
    pub config: Map<String, Value>,
    /// Where its files lie, relative to the model: a folder of its name, or beside the index.
    folder: String,
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
        let source = match model {
            ModelRef::Bundled => Source::Bundled,
            ModelRef::Folder(path) => {
                model_ref::check_folder(path)?;
                Source::Folder(path.clone())
            }
            ModelRef::File(path) => Source::File(Box::new(SingleFile::open(path, vae, options.use_averaged)?)),
            ModelRef::Hub(id) => Source::Folder(crate::storage::hub::local(id)?),
        };
        let mut checkpoint = Self::read(source, model)?;
        if let (Some(path), ModelRef::Bundled | ModelRef::Folder(_) | ModelRef::Hub(_)) = (vae, model) {
            checkpoint.replace_vae(path)?;
        }
        Ok(checkpoint)
    }

    fn read(source: Source, model: &ModelRef) -> Result<Self> {
        let index = read_json(&source, "model_index.json")?.ok_or_else(|| {
            Error::new(format!("this folder has no model_index.json: {model}")).advise(
                "A model in diffusers format has one, beside the folders unet, vae, text_encoder, tokenizer and scheduler",
            )
        })?;
        let class_name = index.get("_class_name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let required = required_components(&class_name, model)?;
        let mut components = Vec::new();
        for (name, value) in &index {
            if let Some((library, class)) = library_and_class(value) {
                components.push(Component::open(&source, name, library, class)?);
            }
        }
        if let Some(name) = required.iter().find(|name| !components.iter().any(|component| component.name == **name)) {
            return Err(Error::new(format!("the model_index.json names no {name}: {model}")));
        }
        let recommended = source.read_text("README.md").ok().flatten();
        let recommended = recommended.map(|readme| card::recommended(&readme)).unwrap_or_default();
        Ok(Self { source, class_name, index, components, recommended, vae: None })
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
        found.ok_or_else(|| Error::new(format!("this model has no {name}: {}", self.source.locate("model_index.json"))))
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
        let missing = || Error::new(format!("a file of the model is missing: {}", self.source.locate(path)));
        self.source.read_text(path)?.ok_or_else(missing)
    }

    /// Any file of the model; `None` if there is none of this name.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.source.open(path)?.map(|file| Ok(file.all()?.to_vec())).transpose()
    }

    /// A component's files beside a module built from its config, told from their headers.
    ///
    /// # Errors
    /// The files are missing, damaged or pickled.
    pub fn compare<M: Module>(&self, component: &str, module: &M, dtype: DType) -> Result<Comparison> {
        let weights = self.weights(component, Variant::of(dtype))?;
        Comparison::of(module, &weights, self.source.locate(self.folder(component)))
    }

    fn weights(&self, component: &str, preferred: Variant) -> Result<Weights> {
        if let ("vae", Some(weights)) = (component, &self.vae) {
            return Ok(weights.clone());
        }
        Weights::open(&self.source, component, self.folder(component), preferred)
    }

    /// Where a component's files lie, relative to the model.
    fn folder<'a>(&'a self, component: &'a str) -> &'a str {
        self.component(component).map_or(component, |component| &component.folder)
    }

    /// Loads a component's weights into a module built from its config, on the module's device, as `dtype` (`F32`, `F16`
    /// or `BF16`). Tensors are converted one at a time; those that already have the dtype borrow the mapped file.
    /// `None` when `on_tensor` stopped it.
    ///
    /// # Errors
    /// The files are missing, damaged or pickled; names are missing or shapes differ from the module's ([`Mismatch`] is the
    /// cause and lists all of them); a number is NaN or infinite.
    pub fn load<M: Module>(
        &self,
        component: &str,
        module: M,
        dtype: DType,
        on_tensor: &mut OnTensor<'_>,
    ) -> Result<Option<M>> {
        let weights = self.weights(component, Variant::of(dtype))?;
        load::load_into(module, &weights, dtype, &self.source.locate(self.folder(component)), on_tensor)
    }
}

impl Component {
    fn open(source: &Source, name: &str, library: &str, class: &str) -> Result<Self> {
        if !is_plain_name(name) {
            return Err(Error::new(format!(
                "a component can't be called {name:?}: {}",
                source.locate("model_index.json")
            )));
        }
        check_class(name, class, &source.locate("model_index.json"))?;
        let path = format!("{name}/{}", config_file(class));
        let missing = || {
            Error::new(format!("the model's {name} is missing: {}", source.locate(&path)))
                .advise("The model isn't complete: download all of it")
        };
        let (config, folder) = match read_json(source, &path)? {
            Some(config) => (config, name),
            // Where a component has no folder, Diffusers looks beside the index (`load_sub_model`): google/ddpm-* are such.
            None => (beside_index(source, class)?.ok_or_else(missing)?, ""),
        };
        let [name, library, class, folder] = [name, library, class, folder].map(str::to_owned);
        Ok(Self { name, library, class, config, folder })
    }
}

/// Says why a component can't be of a class.
pub(crate) fn check_class(name: &str, class: &str, place: &str) -> Result<()> {
    match CLASSES.iter().find(|(component, _)| *component == name) {
        Some((_, known)) if !known.contains(&class) => {
            Err(Error::new(format!("can't use a {name} of class {class}: {place}"))
                .advise(format!("Only {} is known here", known.join(" or "))))
        }
        _ => Ok(()),
    }
}

/// The components that a pipeline class needs.
pub(crate) fn required_components(class_name: &str, model: &ModelRef) -> Result<&'static [&'static str]> {
    let found = PIPELINES.iter().find(|(known, _)| *known == class_name).map(|(_, required)| *required);
    found.ok_or_else(|| {
        let known = PIPELINES.map(|(known, _)| known).join(", ");
        let what = if class_name.is_empty() { "a model of no named class" } else { class_name };
        Error::new(format!("can't open {what}: {model}")).advise(format!("Known pipelines are {known}"))
    })
}

/// `["diffusers", "AutoencoderKL"]`; `None` for what is no component, and for an absent one (`[null, null]`).
pub(crate) fn library_and_class(value: &Value) -> Option<(&str, &str)> {
    match value.as_array()?.as_slice() {
        [library, class] => Some((library.as_str()?, class.as_str()?)),
        _ => None,
    }
}

/// The name that Diffusers and transformers give to a class's config file.
pub(crate) fn config_file(class: &str) -> &'static str {
    if class.ends_with("Scheduler") {
        "scheduler_config.json"
    } else if class.contains("Tokenizer") {
        "tokenizer_config.json"
    } else if class.contains("Processor") || class.contains("FeatureExtractor") {
        "preprocessor_config.json"
    } else {
        "config.json"
    }
}

/// The config of a class beside the index; `None` if there is none, or one of another class.
pub(crate) fn beside_index(source: &Source, class: &str) -> Result<Option<Map<String, Value>>> {
    let config = read_json(source, config_file(class))?;
    Ok(config.filter(|config| config.get("_class_name").and_then(Value::as_str) == Some(class)))
}

/// A JSON object; `None` if there is no such file.
pub(crate) fn read_json(source: &Source, path: &str) -> Result<Option<Map<String, Value>>> {
    let Some(text) = source.read_text(path)? else { return Ok(None) };
    let broken = |error| Error::new(format!("this file isn't sound JSON: {}", source.locate(path))).caused_by(error);
    // Python writes `-Infinity` (DPM-Solver's `lambda_min_clipped`), which is no JSON: it becomes a string.
    let lenient = |_| serde_json::from_str(&text.replace(": -Infinity", ": \"-Infinity\""));
    serde_json::from_str(&text).or_else(lenient).map(Some).map_err(broken)
}
