//! `Families`: the rows that the storage rooms are handed.

use std::fmt;

use super::architecture::Architecture;
use super::identified::Identified;
use super::identify;
use super::row::{FamilyRow, PipelineClass};

/// All families that are known, the first to be asked first.
#[derive(Clone, Copy)]
pub struct Families(&'static [&'static FamilyRow]);

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|row| row.id)).finish()
    }
}

impl Families {
    /// Takes these rows.
    pub const fn new(rows: &'static [&'static FamilyRow]) -> Self {
        Self(rows)
    }

    /// Returns the rows.
    pub fn rows(self) -> &'static [&'static FamilyRow] {
        self.0
    }

    /// Returns all pipelines that can be opened.
    pub fn pipelines(self) -> impl Iterator<Item = &'static PipelineClass> {
        self.0.iter().flat_map(|row| row.pipelines)
    }

    /// Returns the pipeline of a class, with its family; `None` if it can't be opened.
    pub fn pipeline(self, class: &str) -> Option<(&'static FamilyRow, &'static PipelineClass)> {
        self.0.iter().find_map(|row| Some((*row, row.pipelines.iter().find(|pipeline| pipeline.name == class)?)))
    }

    /// Returns the network of a pipeline's class, if the class alone tells.
    pub fn architecture_of_class(self, class: &str) -> Option<&'static Architecture> {
        if let Some((_, pipeline)) = self.pipeline(class) {
            return pipeline.architecture;
        }
        let mut named = self.0.iter().flat_map(|row| row.named_pipelines);
        named.find(|(begins, _)| class.starts_with(begins)).map(|(_, architecture)| *architecture)
    }

    /// Returns the family of a network.
    pub fn family_of(self, architecture: &Architecture) -> Option<&'static FamilyRow> {
        self.0.iter().copied().find(|row| row.architectures.contains(&architecture))
    }

    /// Recognises a file by its tensors' names and shapes.
    pub fn identify<'a>(self, tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Identified {
        identify::identify(self.0, tensors)
    }

    /// Returns what can be opened out of a single file, in words.
    pub(crate) fn openable(self) -> String {
        self.0.iter().filter_map(|row| row.openable).collect::<Vec<_>>().join(", ")
    }
}
