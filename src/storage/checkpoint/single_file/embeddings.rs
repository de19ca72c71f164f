//! Words that a model is taught by small files (textual inversion), from the folder `embeddings` that A1111 and `ComfyUI`
//! have: beside the model, or beside one of the three folders that it is in.
//!
//! A word is called like its file, as A1111 has it, and also like its tensor where that is a name (`<cat-toy>`), as
//! Diffusers has it. Limits: safetensors; files of another kind, for another family or damaged are left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::storage::checkpoint::family::{Families, FileKind};
use crate::storage::weights::{SourceFile, StoredTensor, read_header};

/// More rows than a prompt has places are of no use.
const MAX_ROWS: usize = 75;

/// The tensor that A1111 keeps a word in.
const NO_NAME: &str = "emb_params";

/// Words, and the rows that they put behind a text encoder's table.
#[derive(Default)]
pub(crate) struct WordEmbeddings {
    /// Each word's first row and how many they are.
    pub(crate) words: BTreeMap<String, (usize, usize)>,
    pub(crate) rows: Vec<Vec<f32>>,
}

impl WordEmbeddings {
    /// Reads those for a text encoder of such a width.
    pub(super) fn beside(model: &Path, width: usize, families: Families) -> Self {
        let mut found = Self::default();
        for path in files(model) {
            let Some((name, rows)) = read(&path, width, families) else { continue };
            let place = (found.rows.len(), rows.len());
            found.rows.extend(rows);
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            for word in [stem.as_ref(), &name].into_iter().filter(|word| *word != NO_NAME) {
                found.words.entry(word.to_ascii_lowercase()).or_insert(place);
            }
        }
        found
    }
}

/// Lists the files in the folders of embeddings, sorted.
fn files(model: &Path) -> Vec<PathBuf> {
    let folders = model.ancestors().skip(1).take(4).map(|folder| folder.join("embeddings"));
    let entries = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors")))
        .collect();
    files.sort();
    files
}

/// Reads the tensor's name, and its rows.
fn read(path: &Path, width: usize, families: Families) -> Option<(String, Vec<Vec<f32>>)> {
    let header = read_header(&SourceFile::on_disk(path).ok()?).ok()?;
    let found = families.identify(header.shapes());
    let [(name, stored)] = header.tensors.as_slice() else { return None };
    let fits = found.kind == FileKind::Embedding && stored.shape.last() == Some(&width) && rows(stored) <= MAX_ROWS;
    let numbers = fits.then(|| stored.numbers()).flatten()?;
    let rows: Vec<_> = numbers.chunks(width.max(1)).map(<[f32]>::to_vec).collect();
    (!rows.is_empty()).then(|| (name.clone(), rows))
}

fn rows(stored: &StoredTensor) -> usize {
    stored.shape.iter().rev().skip(1).product()
}
