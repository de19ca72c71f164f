//! Reads a component's `config.json`: Diffusers' defaults for absent keys, and an error that names an option that isn't
//! supported.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::base::error::{Error, Result};

/// The keys and values of a `config.json`, as in the file.
pub type NetworkConfig = Map<String, Value>;

/// A value that a config states once for all blocks, or once for each block.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// The same value for all blocks.
    One(T),
    /// A value for each block.
    Many(Vec<T>),
}

impl<T: Copy> OneOrMany<T> {
    /// Returns the value of each of `blocks` blocks.
    ///
    /// # Errors
    /// The list has another length: the message names `key`.
    pub fn expand(&self, blocks: usize, key: &str) -> Result<Vec<T>> {
        match self {
            Self::One(value) => Ok(vec![*value; blocks]),
            Self::Many(values) if values.len() == blocks => Ok(values.clone()),
            Self::Many(values) => {
                Err(Error::new(format!("config.json: {key} has {} entries for {blocks} blocks", values.len())))
            }
        }
    }
}

/// Reads a config into its struct.
///
/// # Errors
/// A value has the wrong type, or a key of `fixed` has another value than the one that is supported.
pub fn read<T: DeserializeOwned>(config: &NetworkConfig, fixed: &[(&str, Value)]) -> Result<T> {
    for (key, only) in fixed {
        if let Some(value) = config.get(*key)
            && value != only
            && !value.is_null()
        {
            return Err(Error::new(format!("config.json: {key} = {value} is not supported (only {only} is)")));
        }
    }
    // In Diffusers an explicit null means the default.
    let present: Map<_, _> = config.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
    serde_json::from_value(Value::Object(present))
        .map_err(|e| Error::new("config.json holds a value of the wrong kind").caused_by(e))
}

/// Checks numbers of a config.
///
/// # Errors
/// `fits` is false: the message is `what`.
pub fn check(fits: bool, what: impl FnOnce() -> String) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::new(format!("config.json: {}", what()))) }
}

/// The most channels of a layer: far beyond any model's, and few enough that no count of parameters overflows.
const MOST_CHANNELS: usize = 1 << 16;

/// Checks widths of layers, given with their keys: 1 to 65,536 each.
///
/// # Errors
/// The first width that doesn't fit.
pub fn check_widths(widths: &[(&str, usize)]) -> Result<()> {
    widths.iter().try_for_each(|&(key, width)| {
        check((1..=MOST_CHANNELS).contains(&width), || format!("{key} = {width} is not 1 to {MOST_CHANNELS}"))
    })
}

/// Checks a list of channel counts: 1 to 16 blocks, each count at most 65,536 and a multiple of the norm's groups.
///
/// # Errors
/// The first count that doesn't fit.
pub fn check_channels(channels: &[usize], groups: usize) -> Result<()> {
    check((1..=16).contains(&channels.len()), || format!("block_out_channels has {} entries", channels.len()))?;
    check(groups > 0, || "norm_num_groups = 0".into())?;
    channels.iter().try_for_each(|&c| {
        check(c > 0 && c <= MOST_CHANNELS && c % groups == 0, || {
            format!("block_out_channels holds {c}, which is no multiple of norm_num_groups = {groups} up to 65536")
        })
    })
}
