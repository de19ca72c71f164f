//! A component of a model, with its config.

use serde_json::{Map, Value};

use super::family::FamilyRow;
use super::files::{Files, read_json};
use super::index::{NamedComponent, beside_index, check_class, config_file, is_scheduler};
use crate::base::error::{Error, Result};

/// A component that is there, with its config.
pub struct Component {
    /// The name in `model_index.json`, also that of its folder.
    pub name: String,
    /// The Python package of its class.
    pub library: String,
    /// Its class.
    pub class: String,
    /// Its config file (`config.json`, `scheduler_config.json`, ..), keys in the file's order. A scheduler's `_class_name` is
    /// always [`Self::class`].
    pub config: Map<String, Value>,
    /// Where its files lie, relative to the model: a folder of its name, or beside the index.
    pub(super) folder: String,
}

impl Component {
    /// Reads the config of a component; `None` where the model has none and does without.
    pub(super) fn open(files: &impl Files, family: &FamilyRow, named: NamedComponent<'_>) -> Result<Option<Self>> {
        let NamedComponent { name, library, class, is_required } = named;
        check_class(family, name, class, &files.locate("model_index.json"))?;
        let path = format!("{name}/{}", config_file(class));
        // Where a component has no folder, Diffusers looks beside the index (`load_sub_model`): google/ddpm-* are such.
        let found = match read_json(files, &path)? {
            Some(config) => Some((config, name)),
            None => beside_index(files, class)?.map(|config| (config, "")),
        };
        let Some((mut config, folder)) = found else {
            let missing = || {
                Error::new(format!("the model's {name} is missing: {}", files.locate(&path)))
                    .advise("The model isn't complete: download all of it")
            };
            return if is_required { Err(missing()) } else { Ok(None) };
        };
        // Diffusers builds the class that the index names, from a config of any other (`ConfigMixin.extract_init_dict`).
        if is_scheduler(class) {
            config.insert("_class_name".to_owned(), class.into());
        }
        let [name, library, class, folder] = [name, library, class, folder].map(str::to_owned);
        Ok(Some(Self { name, library, class, config, folder }))
    }
}
