//! Searching the Hub for models that can be opened here.

use std::pin::pin;

use futures_util::TryStreamExt;
use hf_hub::repository::ModelInfo;
use hf_hub::{HFClient, HFError};

use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::storage::checkpoint::family::Families;
use crate::storage::hub::client::{Client, patiently};
use crate::storage::hub::failure::{Failure, Refusal, no_answer};
use crate::storage::hub::info::gate;
use crate::storage::hub::offer::Gate;

/// How many models to look through for those that can be opened.
const LOOKED_THROUGH: usize = 100;

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

/// See [`super::Hub::search`].
pub(super) async fn search(client: &Client, families: Families, text: &str, limit: usize) -> Result<Vec<FoundModel>> {
    // Trying again, and what to do about a refusal, is decided here: hf-hub's own tries are off.
    let hub = HFClient::builder()
        .client(client.http.clone())
        .endpoint(client.options.endpoint.clone())
        .cache_dir(client.options.cache.clone())
        .retry_max_attempts(0);
    let hub = match &client.options.token {
        Some(token) => hub.token(token.secret()),
        None => hub,
    };
    let hub = hub.build().map_err(|_| Error::new("can't set up a search of the Hub"))?;
    patiently(client, async || {
        let found = hub.list_models().search(text).filter("diffusers").sort("downloads").full(true);
        let found = found.limit(LOOKED_THROUGH).send().map_err(|error| failure(client, error))?;
        let mut found = pin!(found);
        let mut models = Vec::new();
        while let Some(model) = found.try_next().await.map_err(|error| failure(client, error))? {
            models.extend(openable(families, model));
            if models.len() == limit {
                break;
            }
        }
        Ok(models)
    })
    .await
}

/// A model that can be opened here, as far as the Hub's tags and list of files tell.
fn openable(families: Families, model: ModelInfo) -> Option<FoundModel> {
    let tags = model.tags.unwrap_or_default();
    let class_name = tags.iter().find_map(|tag| tag.strip_prefix("diffusers:")).map(str::to_owned);
    if class_name.as_ref().is_some_and(|class| families.pipeline(class).is_none()) {
        return None;
    }
    let files = model.siblings.unwrap_or_default();
    if !files.is_empty() && !files.iter().any(|file| file.rfilename == "model_index.json") {
        return None;
    }
    Some(FoundModel {
        id: HubId::parse(&model.id)?,
        class_name,
        licence: tags.iter().find_map(|tag| tag.strip_prefix("license:")).map(str::to_owned),
        gate: model.gated.as_ref().map_or(Gate::Open, gate),
        downloads: model.downloads.unwrap_or_default(),
        likes: model.likes.unwrap_or_default(),
        updated: model.last_modified,
    })
}

fn failure(client: &Client, error: HFError) -> Failure {
    let (context, after) = match error {
        HFError::Request { source, .. } => return no_answer(&source),
        HFError::RateLimited { retry_after, context } => (context, retry_after),
        HFError::Http { context } | HFError::AuthRequired { context } | HFError::Forbidden { context } => {
            (context, None)
        }
        _ => return Failure::Final(Error::new("the Hub's answer can't be read")),
    };
    let (status, code) = (context.status.as_u16(), context.error_code.as_deref());
    Refusal { status, code, after: after.map(|after| after.as_secs()) }.failure(&client.asked(None))
}
