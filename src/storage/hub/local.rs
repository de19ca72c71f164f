//! Models that lie in the Hub's cache on this machine, whole.
//!
//! A snapshot may be half a model: Python notes a revision before its files are there, and fetches single files too. It
//! is taken for a model when all is there that its pipeline can't do without.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::base::model_ref::{HubId, ModelRef};
use crate::storage::checkpoint::family::Families;
use crate::storage::hub::cache::Repo;
use crate::storage::hub::environment::Options;
use crate::storage::hub::good_models::present_name;
use crate::storage::hub::{Variant, plan};

/// Where models of the Hub lie on this machine. Whoever opens models by name has one of them, and nobody else looks for the cache.
#[derive(Clone, Debug)]
pub struct Shelf {
    cache: PathBuf,
    families: Families,
    /// Whether a folder `owner/name` in the working directory goes before the cache, as in Diffusers.
    has_working_directory: bool,
}

impl Shelf {
    /// Models of one cache, and from nowhere else.
    pub fn in_cache(cache: PathBuf, families: Families) -> Self {
        Self { cache, families, has_working_directory: false }
    }

    /// Models as a script of Diffusers finds them: a folder of the repository's name in the working directory, or else the cache
    /// that the environment names. For the command line: the working directory of a window is an accident.
    pub fn of_script(families: Families) -> Self {
        Self { cache: Options::from_env(None).cache, families, has_working_directory: true }
    }

    /// The model as a path: one of the Hub becomes the folder that it lies in.
    ///
    /// # Errors
    /// It isn't there, or not all of it.
    pub fn resolve(&self, model: &ModelRef) -> Result<ModelRef> {
        match model {
            ModelRef::Hub(id) => self.folder(id).map(ModelRef::Folder),
            other => Ok(other.clone()),
        }
    }

    /// The folder of a repository's model.
    ///
    /// # Errors
    /// It isn't there, or not all of it.
    pub fn folder(&self, id: &HubId) -> Result<PathBuf> {
        let folder = Path::new(&id.owner).join(&id.name);
        if self.has_working_directory && id.revision.is_none() && folder.is_dir() {
            return Ok(folder);
        }
        in_cache(&self.cache, self.families, id)
    }
}

/// The snapshot of a repository's model in a cache.
fn in_cache(cache: &Path, families: Families, id: &HubId) -> Result<PathBuf> {
    let revision = id.revision.as_deref().unwrap_or("main");
    let mut advice = format!("`burnisher download {id}` fetches it from the Hub");
    let mut error = Error::new(format!("This model isn't on this machine: {id}"));
    for name in [id, &present_name(id)] {
        let repo = Repo::new(cache, name);
        let snapshot = repo.snapshot(&repo.commit(revision));
        if !snapshot.is_dir() {
            continue;
        }
        match check(&snapshot, families) {
            Ok(()) => return Ok(snapshot),
            Err(lack) => {
                error = Error::new(format!("Only a part of this model is on this machine: {id}")).caused_by(lack);
                advice = format!("`burnisher download {id}` fetches the rest from the Hub");
            }
        }
    }
    Err(error.advise(advice))
}

/// Says what a snapshot lacks.
fn check(snapshot: &Path, families: Families) -> Result<()> {
    let index = fs::read_to_string(snapshot.join("model_index.json"));
    let index = index.map_err(|_| Error::new("it has no model_index.json"))?;
    let Ok(Value::Object(index)) = serde_json::from_str(&index) else {
        return Err(Error::new("its model_index.json isn't sound JSON"));
    };
    let class = index.get("_class_name").and_then(Value::as_str).unwrap_or_default();
    // What can't be opened is for whoever opens it to say.
    let Some((_, pipeline)) = families.pipeline(class) else { return Ok(()) };
    let mut names = Vec::new();
    for entry in entries(snapshot) {
        if entry.is_dir() {
            names.extend(entries(&entry));
        } else {
            names.push(entry);
        }
    }
    // Links count as what they point to: one whose blob is gone is no file.
    let names = names.iter().filter(|path| path.is_file()).filter_map(|path| path.strip_prefix(snapshot).ok());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().replace('\\', "/")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    plan::plan(&names, &index, pipeline, Variant::Full).map(drop)
}

/// What lies directly in a folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Families = Families::new(&[]);

    /// Tests run in the package's own folder.
    #[test]
    fn a_folder_in_the_working_directory_is_a_model_for_a_script_alone() {
        let id = HubId::parse("src/storage").expect("a name");
        let model = ModelRef::Hub(id.clone());
        let of_script = Shelf::of_script(NONE).resolve(&model).expect("the folder is there");
        assert_eq!(of_script, ModelRef::Folder("src/storage".into()));
        let cache = tempfile::tempdir().expect("a folder");
        let error =
            Shelf::in_cache(cache.path().into(), NONE).resolve(&model).expect_err("the cache is empty").to_string();
        assert!(error.starts_with("This model isn't on this machine: src/storage"), "{error}");
        let folder = ModelRef::Folder("src/storage".into());
        assert_eq!(Shelf::in_cache(cache.path().into(), NONE).resolve(&folder).expect("a path"), folder);
    }
}
