//! The config that a model's authors write, `name.yaml` beside `name.safetensors`, as A1111 looks for it
//! (`modules/sd_models_config.py`, `find_checkpoint_config_near_filename`).
//!
//! What shapes tell is taken from them. Of the rest, this reads what Diffusers reads of its `original_config`
//! (`single_file_utils.py`: `create_unet_diffusers_config_from_ldm`, `create_vae_diffusers_config_from_ldm`,
//! `_legacy_load_scheduler`).

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::configs::{MadeFiles, path as config_path};
use crate::base::error::{Error, Result};
use crate::base::impostor::Impostor;

/// More than any such file has.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
struct LdmFile {
    model: LdmParams<LdmModel>,
}

#[derive(Deserialize)]
struct LdmParams<T> {
    params: T,
}

/// What is read of a config.
#[derive(Deserialize)]
struct LdmModel {
    parameterization: Option<String>,
    linear_start: Option<f64>,
    linear_end: Option<f64>,
    timesteps: Option<u32>,
    scale_factor: Option<f64>,
    unet_config: Option<LdmParams<LdmUnet>>,
}

#[derive(Deserialize)]
struct LdmUnet {
    // -1 stands for none.
    num_heads: Option<i32>,
    num_head_channels: Option<i32>,
}

/// A model's config in its authors' format.
pub(crate) struct OriginalConfig(LdmModel);

impl OriginalConfig {
    /// That of a model's file; `None` if there is none.
    ///
    /// # Errors
    /// It can't be read, or isn't such a config.
    pub(crate) fn beside(model: &Path) -> Result<Option<Self>> {
        let path = model.with_extension("yaml");
        if !path.is_file() {
            return Ok(None);
        }
        let broken = || {
            Error::new(format!("this isn't a model's config: {}", path.display()))
                .advise("It is read since it lies beside a model and has its name")
        };
        if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() > MAX_BYTES) {
            return Err(broken());
        }
        let text = std::fs::read_to_string(&path).map_err(|error| broken().caused_by(error))?;
        let whole: LdmFile = serde_saphyr::from_str(&text).map_err(|error| match Impostor::of(text.as_bytes()) {
            Some(impostor) => Error::new(format!("this is no model's config, {}: {}", impostor.what(), path.display()))
                .advise(impostor.advice()),
            None => broken().caused_by(Error::new(error.without_snippet().to_string())),
        })?;
        Ok(Some(Self(whole.model.params)))
    }

    /// Returns whether the model predicts velocity rather than noise.
    pub(crate) fn is_velocity(&self) -> bool {
        self.0.parameterization.as_deref() == Some("v")
    }

    /// Brings a model's files to what it says.
    pub(crate) fn apply(&self, files: &mut MadeFiles) {
        let Self(model) = self;
        for (key, value) in [("beta_start", model.linear_start), ("beta_end", model.linear_end)] {
            if let Some(value) = value {
                files.set_scheduler(key, json!(value));
            }
        }
        if let Some(timesteps) = model.timesteps {
            files.set_scheduler("num_train_timesteps", json!(timesteps));
        }
        if let Some(factor) = model.scale_factor
            && let Some(config) = files.config(&config_path("vae"))
        {
            config.insert("scaling_factor".to_owned(), json!(factor));
        }
        if let Some(unet) = &model.unet_config
            && let Some(config) = files.config(&config_path("unet"))
            && let Some(heads) = unet.params.heads(config.get("block_out_channels"))
        {
            config.insert("attention_head_dim".to_owned(), heads);
        }
    }
}

impl LdmUnet {
    /// Returns how many heads each level has, under the name that Diffusers has for it.
    fn heads(&self, channels: Option<&Value>) -> Option<Value> {
        if let Some(heads) = self.num_heads.filter(|heads| *heads > 0) {
            return Some(json!(heads));
        }
        let width = u64::try_from(self.num_head_channels?).ok().filter(|width| *width > 0)?;
        let heads = channels?.as_array()?.iter().map(|channels| Some(channels.as_u64()? / width));
        heads.collect::<Option<Vec<_>>>().map(|heads| json!(heads))
    }
}
