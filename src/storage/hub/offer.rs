//! What a repository offers: licence, gate, and the files that a download would fetch.

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::base::stop::Outcome;
use crate::storage::checkpoint::family::Families;
use crate::storage::checkpoint::{check_class, named_components, pipeline};
use crate::storage::hub::cache::{self, Repo};
use crate::storage::hub::client::Client;
use crate::storage::hub::good_models::present_name;
use crate::storage::hub::info::{ListedFile, RepoInfo};
use crate::storage::hub::listing::{Gate, Licence, Wanted};
use crate::storage::hub::{Variant, plan};

/// What a disk keeps free besides a download, so that it isn't full to the brim.
pub(super) const SPARE_BYTES: u64 = 64_000_000;

/// A model on the Hub, as a download would fetch it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The repository by its present name, with the revision that was asked for.
    pub id: HubId,
    /// The name that was asked for: another one if the repository has moved.
    pub asked: HubId,
    /// The commit that the revision stands for: 40 hexadecimal digits.
    pub commit: String,
    /// The pipeline's class in Diffusers, for example `StableDiffusionPipeline`.
    pub class_name: String,
    /// What its author allows.
    pub licence: Licence,
    /// Whether the licence has to be accepted on the Hub.
    pub gate: Gate,
    /// What the author asks to be read before the licence is accepted.
    pub gate_text: Option<String>,
    /// The files that the pipeline needs, in the order of their names.
    pub files: Vec<Wanted>,
    /// How many bytes they are.
    pub bytes: u64,
    /// How many of them are here already.
    pub bytes_here: u64,
    /// Free space on the cache's disk, in bytes; `None` if that can't be found out.
    pub free_bytes: Option<u64>,
    /// Downloads over the last month.
    pub downloads: Option<u64>,
    /// People who like it.
    pub likes: Option<u64>,
    /// When it last changed, as the Hub writes it: `2024-09-04T12:00:00.000Z`.
    pub updated: Option<String>,
}

impl Offer {
    /// Whether the disk has room for what is missing, as far as is known.
    pub fn fits_on_disk(&self) -> bool {
        let missing = self.bytes.saturating_sub(self.bytes_here);
        missing == 0 || self.free_bytes.is_none_or(|free| free >= missing.saturating_add(SPARE_BYTES))
    }
}

/// Asks the Hub what a repository offers: all facts in one answer, the index of components in another.
pub(super) fn look(client: &Client, families: Families, asked: &HubId, variant: Variant) -> Outcome<Offer> {
    let name = present_name(asked);
    let mut info = RepoInfo::ask(client, &name)?;
    let id = info.present_id(asked)?;
    if id.repo() != name.repo() {
        // A redirect may have lost what of the answer was asked for.
        info = RepoInfo::ask(client, &id)?;
    }
    let listed = info.files(&id)?;
    let commit = info.commit(&id)?.to_owned();
    if !listed.iter().any(|file| file.path == "model_index.json") {
        return Err(no_pipeline(&id, &listed).into());
    }
    let index = model_index(client, &id, &commit)?;
    let class_name = index.get("_class_name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (family, pipeline) = pipeline(families, &class_name, &id.to_string())?;
    for component in named_components(&index, Some(pipeline), &id.to_string())? {
        check_class(family, component.name, component.class, &id.to_string())?;
    }
    let names: Vec<&str> = listed.iter().map(|file| file.path.as_str()).collect();
    let chosen = plan::plan(&names, &index, pipeline, variant).map_err(|lack| {
        Error::new(format!("The model in this repository can't be opened here: {id}")).caused_by(lack)
    })?;
    let mut files = Vec::new();
    for file in listed.into_iter().filter(|file| chosen.contains(&file.path)) {
        files.push(file.wanted(&id)?);
    }
    let repo = Repo::new(&client.options.cache, &id);
    Ok(Offer {
        asked: asked.clone(),
        class_name,
        licence: info.licence(),
        gate: info.gate(),
        gate_text: info.gate_text(),
        bytes: total(&files)?,
        bytes_here: files.iter().map(|file| repo.bytes_here(&commit, file)).sum(),
        free_bytes: cache::free_bytes(&client.options.cache),
        downloads: info.downloads,
        likes: info.likes,
        updated: info.last_modified,
        commit,
        files,
        id,
    })
}

/// Asks for a model's index of components.
fn model_index(client: &Client, id: &HubId, commit: &str) -> Outcome<Map<String, Value>> {
    let answer = client.answer(Some(id), &client.file_url(id, commit, "model_index.json"))?;
    let index = serde_json::from_slice(&answer)
        .map_err(|error| Error::new(format!("The model_index.json can't be read: {id}")).caused_by(error))?;
    Ok(index)
}

/// The files' sizes in all.
fn total(files: &[Wanted]) -> Result<u64> {
    let sum = files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.bytes));
    sum.ok_or_else(|| Error::new("The Hub lists files larger than any disk"))
}

fn no_pipeline(id: &HubId, listed: &[ListedFile]) -> Error {
    let error = Error::new(format!("This repository holds no model in diffusers format: {id}"));
    if listed.iter().any(|file| file.path.ends_with(".safetensors")) {
        return error
            .advise("It has no model_index.json, but single files: fetch one of those and open it by its path");
    }
    error.advise("It has no model_index.json; look for a repository with the tag `diffusers`")
}
