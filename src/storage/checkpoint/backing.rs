//! What an opened model is read from: a tree of files, or a single file that is made to look like one.

use super::component::Component;
use super::file_tree::FileTree;
use super::files::Files;
use super::index::has_weights;
use super::single_file::SingleFile;
use super::weight_files::{Variant, WeightFiles, Weights, weight_files};
use crate::base::error::Result;
use crate::storage::weights::SourceFile;

/// What an opened model is read from.
pub(super) enum Backing {
    /// A folder, or the model built into the binary.
    Tree(FileTree),
    /// A file with all weights, whose configs are made.
    Single(Box<SingleFile>),
}

impl Backing {
    /// Returns the weights of a component, whose files lie in `folder`.
    ///
    /// # Errors
    /// No weights, pickled weights only, or damaged ones.
    pub(super) fn weights(&self, component: &str, folder: &str, preferred: Variant) -> Result<Weights> {
        match self {
            Self::Tree(source) => Weights::open(source, component, folder, preferred),
            Self::Single(file) => file.weights(component),
        }
    }

    /// Returns notes on the files beside it that are left out.
    pub(super) fn notes(&self) -> &[String] {
        match self {
            Self::Tree(_) => &[],
            Self::Single(file) => &file.notes,
        }
    }

    /// Returns what of a component's weights isn't there; `None` where all is, and for one that has no weights.
    pub(super) fn lack(&self, component: &Component) -> Option<&'static str> {
        let Self::Tree(source) = self else { return None };
        if !has_weights(&component.class) {
            return None;
        }
        match weight_files(&source.names(&component.folder), Variant::Full) {
            WeightFiles::Whole(_) | WeightFiles::Sharded { .. } => None,
            WeightFiles::Pickled => Some("its weights are there only as pickles (.bin), which aren't opened"),
            WeightFiles::Absent => Some("it has no weights"),
        }
    }
}

impl Files for Backing {
    fn open(&self, path: &str) -> Result<Option<SourceFile>> {
        match self {
            Self::Tree(source) => source.open(path),
            Self::Single(file) => file.open(path),
        }
    }

    fn locate(&self, path: &str) -> String {
        match self {
            Self::Tree(source) => source.locate(path),
            Self::Single(file) => file.locate(path),
        }
    }
}
