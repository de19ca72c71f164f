//! Where a model's tree of files lies: a folder on disk, or built into the binary.

use std::path::PathBuf;

use super::bundled;
use super::files::Files;
use crate::base::error::Result;
use crate::storage::weights::SourceFile;

/// A tree of files that are there.
pub(crate) enum FileTree {
    /// A folder on disk.
    Folder(PathBuf),
    /// The model built into the binary.
    Bundled,
}

impl FileTree {
    /// Returns the names of the files directly inside a folder, sorted; empty if there is no such folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::Folder(root) => std::fs::read_dir(root.join(folder))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
            Self::Bundled => bundled::FILES
                .iter()
                .filter_map(|(path, _)| path.strip_prefix(folder)?.strip_prefix('/'))
                .filter(|name| !name.contains('/'))
                .map(str::to_owned)
                .collect(),
        };
        names.sort();
        names
    }
}

impl Files for FileTree {
    fn open(&self, path: &str) -> Result<Option<SourceFile>> {
        match self {
            Self::Folder(root) => {
                let path = root.join(path);
                // Links count as what they point to: the Hub's cache is made of them.
                if path.is_file() { SourceFile::on_disk(&path).map(Some) } else { Ok(None) }
            }
            Self::Bundled => {
                let found = bundled::FILES.iter().find(|(name, _)| *name == path);
                Ok(found.map(|(_, content)| SourceFile::built_in(content, self.locate(path))))
            }
        }
    }

    fn locate(&self, path: &str) -> String {
        match self {
            Self::Folder(root) => root.join(path).display().to_string(),
            Self::Bundled => format!("bundled:{path}"),
        }
    }
}
