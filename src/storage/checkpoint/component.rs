//! A component of a model, with its config.

use serde_json::{Map, Value};

use super::family::FamilyRow;
use super::files::{Files, is_plain_name, read_json};
use super::index::{beside_index, check_class, config_file};
use crate::base::error::{Error, Result};

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
    pub(super) folder: String,
}

impl Component {
    pub(super) fn open(files: &impl Files, family: &FamilyRow, name: &str, library: &str, class: &str) -> Result<Self> {
        if !is_plain_name(name) {
            return Err(Error::new(format!(
                "a component can't be called {name:?}: {}",
                files.locate("model_index.json")
            )));
        }
        check_class(family, name, class, &files.locate("model_index.json"))?;
        let path = format!("{name}/{}", config_file(class));
        let missing = || {
            Error::new(format!("the model's {name} is missing: {}", files.locate(&path)))
                .advise("The model isn't complete: download all of it")
        };
        let (config, folder) = match read_json(files, &path)? {
            Some(config) => (config, name),
            // Where a component has no folder, Diffusers looks beside the index (`load_sub_model`): google/ddpm-* are such.
            None => (beside_index(files, class)?.ok_or_else(missing)?, ""),
        };
        let [name, library, class, folder] = [name, library, class, folder].map(str::to_owned);
        Ok(Self { name, library, class, config, folder })
    }
}
