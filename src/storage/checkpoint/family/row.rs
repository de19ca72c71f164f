//! `FamilyRow`: all that the storage rooms have to know of a family of models.

use std::path::Path;

use serde_json::{Map, Value};

use super::architecture::Architecture;
use super::identified::KeyLayout;
use super::key_map::KeyMap;
use super::tensors::Tensors;
use crate::content::request::TaskKind;
use crate::storage::checkpoint::weight_files::Weights;

/// A family of models: those that one set of networks and one set of rules serve.
pub struct FamilyRow {
    /// Its name in code and in files: `stable_diffusion`.
    pub id: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What of it can be opened out of a single file, as the rest of "Only .. can be opened"; `None` where nothing can.
    pub openable: Option<&'static str>,
    /// The pipelines that can be opened; none for a family that is only recognised.
    pub pipelines: &'static [PipelineClass],
    /// Pipelines that can't be opened, by how the names of their classes begin.
    pub named_pipelines: &'static [(&'static str, &'static Architecture)],
    /// The components that a pipeline may have and that something is known of. A single file needs those that its configs name.
    pub components: &'static [ComponentSpec],
    /// Its networks.
    pub architectures: &'static [&'static Architecture],
    /// How its files are told from others.
    pub(crate) recognition: Recognition,
    /// How its single files are read; `None` where none is opened.
    pub(crate) single_file: Option<SingleFileRules>,
}

/// A pipeline's class in Diffusers.
pub struct PipelineClass {
    /// Its name: `StableDiffusionPipeline`.
    pub name: &'static str,
    /// The components that it can't do without.
    pub required: &'static [&'static str],
    /// Those that it makes use of where they are there.
    pub optional: &'static [&'static str],
    /// What it does as a rule, first what it is named for. The networks may allow less.
    pub tasks: &'static [TaskKind],
    /// Steps by default (`__call__`).
    pub steps: usize,
    /// Classifier-free guidance by default (`__call__`); `None` where there is none.
    pub guidance_scale: Option<f64>,
    /// The network, where the class alone tells; `None` where the weights do.
    pub architecture: Option<&'static Architecture>,
}

/// A component of a pipeline.
pub struct ComponentSpec {
    /// Its name in `model_index.json`.
    pub id: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// The classes that it may have; none where all are good.
    pub classes: &'static [&'static str],
    /// Where it may lie beside a single file that lacks it, `{}` standing for the file's name without ending; `None` for what the
    /// file itself has to have.
    pub(crate) beside: Option<&'static str>,
}

/// Looks for a network of a family; it may be found without its architecture.
pub(crate) type FindNetwork = fn(&Tensors<'_>) -> Option<FoundNetwork>;

/// A network among a file's tensors.
pub(crate) type FoundNetwork = (Option<&'static Architecture>, KeyLayout);

/// How files of a family are told from others.
pub(crate) struct Recognition {
    /// Tensors that only the network of one architecture has, in whole checkpoints and alone.
    pub(crate) marks: &'static [(&'static str, &'static Architecture)],
    /// Looks at all tensors for a network of the family.
    pub(crate) network: Option<FindNetwork>,
    /// The widths of the texts that the networks read: LoRAs, ControlNets and the like have no other mark.
    pub(crate) text_widths: &'static [(usize, &'static Architecture)],
    /// What the names of tensors in LoRAs for it contain.
    pub(crate) lora_marks: &'static [(&'static str, &'static Architecture)],
    /// Channels of latents that no VAE of another family has.
    pub(crate) latent_channels: &'static [(usize, &'static Architecture)],
}

/// How the single files of a family are read.
pub(crate) struct SingleFileRules {
    /// The key map of a file with these tensors.
    pub(crate) key_map: fn(&[&str]) -> Box<dyn KeyMap>,
    /// Brings a component's config to what its tensors are.
    pub(crate) complete: fn(component: &str, weights: &Weights, config: &mut Map<String, Value>),
    /// Files that every model of the family has, by their paths in its folder.
    pub(crate) built_in: &'static [(&'static str, &'static [u8])],
    /// Where words of textual inversion go.
    pub(crate) words: Option<WordTable>,
}

/// Where a text encoder keeps its words.
pub(crate) struct WordTable {
    /// The text encoder.
    pub(crate) component: &'static str,
    /// Its tokenizer.
    pub(crate) tokenizer: &'static str,
    /// How the name of the tensor with the vocabulary's rows ends.
    pub(crate) vocabulary: &'static str,
    /// The tensor with the rows of further words.
    pub(crate) learned: &'static str,
}

impl Recognition {
    /// Recognises nothing.
    pub(crate) const NONE: Self =
        Self { marks: &[], network: None, text_widths: &[], lora_marks: &[], latent_channels: &[] };
}

impl FamilyRow {
    /// Describes a family that is recognised and not opened.
    pub(crate) const fn named(
        id: &'static str,
        label: &'static str,
        architectures: &'static [&'static Architecture],
        recognition: Recognition,
    ) -> Self {
        Self {
            id,
            label,
            openable: None,
            pipelines: &[],
            named_pipelines: &[],
            components: &[],
            architectures,
            recognition,
            single_file: None,
        }
    }

    /// Returns its component of a name, if something is known of it.
    pub fn component(&self, id: &str) -> Option<&'static ComponentSpec> {
        self.components.iter().find(|component| component.id == id)
    }
}

impl ComponentSpec {
    /// Describes a component that a single file has to have itself.
    pub(crate) const fn new(id: &'static str, label: &'static str, classes: &'static [&'static str]) -> Self {
        Self { id, label, classes, beside: None }
    }

    /// Returns where it may lie beside a single file that lacks it, if anywhere.
    pub(crate) fn place_beside(&self, model: &Path) -> Option<String> {
        let stem = model.file_stem().unwrap_or_default().to_string_lossy();
        self.beside.map(|place| place.replace("{}", &stem))
    }

    /// Describes the same component, which may lie beside a single file.
    pub(crate) const fn beside(self, place: &'static str) -> Self {
        Self { beside: Some(place), ..self }
    }
}
