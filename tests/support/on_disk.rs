//! What a program that was closed has left on disk: its preferences, and what the journal keeps.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use burnisher::session::journal::{self, Kept};
use burnisher::session::settings::{Draft, Settings};

/// The preferences with what the journal keeps beside them.
#[derive(Default)]
pub(crate) struct OnDisk {
    pub(crate) settings: Settings,
    pub(crate) kept: Kept,
}

impl OnDisk {
    /// Reads both; `path` is the file of the preferences.
    pub(crate) fn read(path: &Path) -> Self {
        let (settings, error) = Settings::load(path);
        assert!(error.is_none(), "{error:?}");
        Self { settings, kept: journal::read(path).expect("a sound journal") }
    }

    /// Writes both, while no program runs.
    pub(crate) fn write(&self, path: &Path) {
        self.settings.save(path).expect("settings");
        journal::write(path, &self.kept).expect("a journal");
    }

    pub(crate) fn draft(&self) -> &Draft {
        &self.kept.draft
    }
}

impl Deref for OnDisk {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl DerefMut for OnDisk {
    fn deref_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}
