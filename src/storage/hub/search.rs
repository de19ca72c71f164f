//! Searching the Hub for models that can be opened here.

use serde::Deserialize;
use serde_json::Value;

use crate::base::error::Error;
use crate::base::model_ref::HubId;
use crate::base::stop::Outcome;
use crate::storage::checkpoint::family::Families;
use crate::storage::hub::client::Client;
use crate::storage::hub::info::gate;
use crate::storage::hub::listing::Gate;

/// How many models to look through for those that can be opened.
const LOOKED_THROUGH: &str = "100";

/// A model that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundModel {
    /// Its name.
    pub id: HubId,
    /// The pipeline's class in Diffusers, if the Hub knows it.
    pub class_name: Option<String>,
    /// The Hub's short name of its licence.
    pub licence: Option<String>,
    /// Whether that has to be accepted on the Hub first.
    pub gate: Gate,
    /// Downloads over the last month.
    pub downloads: u64,
    /// People who like it.
    pub likes: u64,
    /// When it last changed, as the Hub writes it.
    pub updated: Option<String>,
}

/// A model in the Hub's answer. Limits: of its some twenty fields, those that are used here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedModel {
    id: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default)]
    gated: Value,
    downloads: Option<u64>,
    likes: Option<u64>,
    last_modified: Option<String>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// See [`super::Hub::search`].
pub(super) fn search(client: &Client, families: Families, text: &str, limit: usize) -> Outcome<Vec<FoundModel>> {
    let query = [
        ("search", text),
        ("filter", "diffusers"),
        ("sort", "downloads"),
        ("direction", "-1"),
        ("limit", LOOKED_THROUGH),
        ("full", "true"),
    ];
    let answer = client.answer(None, &client.api_url(&[], &query))?;
    let listed: Vec<ListedModel> = serde_json::from_slice(&answer)
        .map_err(|error| Error::new("The Hub's answer to the search can't be read").caused_by(error))?;
    Ok(listed.into_iter().filter_map(|model| openable(families, model)).take(limit).collect())
}

/// A model that can be opened here, as far as the Hub's tags and list of files tell.
fn openable(families: Families, model: ListedModel) -> Option<FoundModel> {
    let class_name = model.tags.iter().find_map(|tag| tag.strip_prefix("diffusers:")).map(str::to_owned);
    if class_name.as_ref().is_some_and(|class| families.pipeline(class).is_none()) {
        return None;
    }
    let files = &model.siblings;
    if !files.is_empty() && !files.iter().any(|file| file.rfilename == "model_index.json") {
        return None;
    }
    Some(FoundModel {
        id: HubId::parse(&model.id)?,
        class_name,
        licence: model.tags.iter().find_map(|tag| tag.strip_prefix("license:")).map(str::to_owned),
        gate: gate(&model.gated),
        downloads: model.downloads.unwrap_or_default(),
        likes: model.likes.unwrap_or_default(),
        updated: model.last_modified,
    })
}
