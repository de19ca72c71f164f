//! `Architecture`: one network of a family, by the name that people have for it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::storage::checkpoint::weight_files::Weights;
use crate::storage::weights::WeightHeader;

/// One network of a family, for example that of Stable Diffusion 1 for inpainting. Names are unique.
pub struct Architecture {
    /// What people call it.
    pub name: &'static str,
    /// What people call a file with the network alone.
    pub(crate) network: &'static str,
    /// What its single files are completed with; `None` where those can't be opened.
    pub(crate) configs: Option<Configs>,
}

/// The small files of an architecture's diffusers folder. Each text is a JSON object: a file's content under its path.
pub(crate) struct Configs {
    /// The files of a model that predicts noise.
    pub(crate) noise: &'static str,
    /// The files of a model that predicts velocity, where others were published.
    pub(crate) velocity: Option<&'static str>,
    /// Whether a file that says nothing of it predicts velocity, told from its header and its UNet's weights; `None` where none
    /// does.
    pub(crate) is_velocity: Option<fn(&WeightHeader, Option<&Weights>) -> bool>,
}

impl Architecture {
    /// Describes an architecture whose files are recognised and not opened.
    pub(crate) const fn named(name: &'static str, network: &'static str) -> Self {
        Self { name, network, configs: None }
    }

    /// Returns whether single files of it can be opened.
    pub fn is_openable(&self) -> bool {
        self.configs.is_some()
    }
}

impl Configs {
    /// Returns the files of a model that predicts noise, or velocity.
    pub(crate) fn of(&self, is_velocity: bool) -> &'static str {
        self.velocity.filter(|_| is_velocity).unwrap_or(self.noise)
    }
}

impl PartialEq for Architecture {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Architecture {}

impl fmt::Debug for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}
