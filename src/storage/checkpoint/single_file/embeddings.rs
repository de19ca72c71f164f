//! Words that a model is taught by small files (textual inversion), from the folder `embeddings` that A1111 and `ComfyUI`
//! have: beside the model, or beside one of the three folders that it is in, with all folders below it. Of a model that is
//! reached by a link, both places count.
//!
//! A word is called like its file, as A1111 has it, and also like its tensor where that is a name (`<cat-toy>`), as
//! Diffusers has it. Limits: safetensors; pickles, and files of another kind, for another family or damaged, are left out, and a
//! note says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::storage::checkpoint::family::{Families, FileKind};
use crate::storage::weights::{SourceFile, StoredTensor, read_header};

/// More rows than a prompt has places are of no use.
const MAX_ROWS: usize = 75;

/// So many folders above a model may have embeddings beside them.
const ABOVE: usize = 4;

/// So deep are folders of embeddings looked through.
const DEPTH: usize = 8;

/// Files that a note names.
const NAMED: usize = 3;

/// The tensor that A1111 keeps a word in.
const NO_NAME: &str = "emb_params";

/// Words, and the rows that they put behind a text encoder's table.
#[derive(Default)]
pub(crate) struct WordEmbeddings {
    /// Each word's first row and how many they are.
    pub(crate) words: BTreeMap<String, (usize, usize)>,
    pub(crate) rows: Vec<Vec<f32>>,
    /// Which files are left out, and why: a note a reason.
    pub(crate) notes: Vec<String>,
}

impl WordEmbeddings {
    /// Reads those for a text encoder of such a width.
    pub(super) fn beside(model: &Path, width: usize, families: Families) -> Self {
        let mut found = Self::default();
        let mut left_out: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for path in files(model) {
            let (name, rows) = match read(&path, width, families) {
                Ok(read) => read,
                Err(why) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    left_out.entry(why).or_default().push(name.into_owned());
                    continue;
                }
            };
            let place = (found.rows.len(), rows.len());
            found.rows.extend(rows);
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            for word in [stem.as_ref(), &name].into_iter().filter(|word| *word != NO_NAME) {
                found.words.entry(word.to_ascii_lowercase()).or_insert(place);
            }
        }
        found.notes = left_out.iter().map(|(why, names)| left_out_note(names, why)).collect();
        found
    }
}

/// Says which files of words are left out: the first few by name.
fn left_out_note(names: &[String], why: &str) -> String {
    let shown = names.get(..NAMED).unwrap_or(names);
    let more = names.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("words in {}{more} are left out: {why}", shown.join(", "))
}

/// Lists the files in the folders of embeddings, sorted.
fn files(model: &Path) -> Vec<PathBuf> {
    let (mut files, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for place in places(model) {
        for folder in place.ancestors().skip(1).take(ABOVE) {
            collect(&folder.join("embeddings"), DEPTH, &mut seen, &mut files);
        }
    }
    files.into_iter().collect()
}

/// Returns where a model lies, without `..` and not relative to anything: where its name is, and where its content is.
fn places(model: &Path) -> BTreeSet<PathBuf> {
    let folder = model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = folder.canonicalize().ok().zip(model.file_name()).map(|(folder, name)| folder.join(name));
    named.into_iter().chain(model.canonicalize()).collect()
}

/// Collects the files in a folder and below it. A folder that several links lead to is looked through once.
fn collect(folder: &Path, depth: usize, seen: &mut BTreeSet<PathBuf>, files: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = folder.read_dir() else { return };
    if folder.canonicalize().is_ok_and(|real| !seen.insert(real)) {
        return;
    }
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, seen, files);
            }
        } else if is_safetensors(&path) || is_pickle(&path) {
            files.insert(path);
        }
    }
}

fn is_safetensors(path: &Path) -> bool {
    ends_in(path, "safetensors")
}

fn is_pickle(path: &Path) -> bool {
    ends_in(path, "pt") || ends_in(path, "bin")
}

fn ends_in(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted))
}

/// Reads the tensor's name, and its rows.
///
/// # Errors
/// Why the file is left out.
fn read(path: &Path, width: usize, families: Families) -> Result<(String, Vec<Vec<f32>>), &'static str> {
    if is_pickle(path) {
        return Err("pickles aren't opened; take them as .safetensors");
    }
    let damaged = "the file is damaged, or can't be read";
    let header = SourceFile::on_disk(path).and_then(|file| read_header(&file)).map_err(|_| damaged)?;
    let found = families.identify(header.shapes());
    let no_words = "the file is something else";
    let [(name, stored)] = header.tensors.as_slice() else { return Err(no_words) };
    if found.kind != FileKind::Embedding {
        return Err(no_words);
    }
    if stored.shape.last() != Some(&width) {
        return Err("they are for models of another kind");
    }
    if rows(stored) > MAX_ROWS {
        return Err("they are longer than a prompt");
    }
    let numbers = stored.numbers().ok_or(damaged)?;
    let rows: Vec<_> = numbers.chunks(width.max(1)).map(<[f32]>::to_vec).collect();
    if rows.is_empty() { Err(damaged) } else { Ok((name.clone(), rows)) }
}

fn rows(stored: &StoredTensor) -> usize {
    stored.shape.iter().rev().skip(1).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A1111's folders with a model and two words, one of them in a folder of its own.
    fn webui() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a folder");
        for file in
            ["ui/models/sd/x.safetensors", "ui/embeddings/good.safetensors", "ui/embeddings/neg/Bad.SAFETENSORS"]
        {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(path, "").expect("a file");
        }
        let model = home.path().join("ui/models/sd/x.safetensors");
        (home, model)
    }

    fn names(model: &Path) -> Vec<String> {
        let names = files(model).into_iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        names.collect()
    }

    #[test]
    fn a_note_names_a_few_of_the_files_that_are_left_out() {
        let names: Vec<String> = (1..=5).map(|number| format!("{number}.pt")).collect();
        assert_eq!(left_out_note(&names[..2], "why"), "words in 1.pt, 2.pt are left out: why");
        assert_eq!(left_out_note(&names, "why"), "words in 1.pt, 2.pt, 3.pt and 2 more are left out: why");
    }

    #[test]
    fn words_are_found_in_subfolders_however_the_model_is_named() {
        let (home, model) = webui();
        let expected = ["good.safetensors", "Bad.SAFETENSORS"];
        assert_eq!(names(&model), expected);
        assert_eq!(names(&home.path().join("ui/embeddings/../models/sd/./x.safetensors")), expected);
        // Tests run in the package's own folder.
        let here = std::env::current_dir().expect("a folder");
        assert_eq!(
            places(Path::new("Cargo.toml")),
            [here.canonicalize().expect("it is there").join("Cargo.toml")].into()
        );
        #[cfg(unix)]
        {
            let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
            let relative = up.join(model.strip_prefix("/").expect("an absolute path"));
            assert!(relative.is_relative());
            assert_eq!(names(&relative), expected);
            let link = home.path().join("elsewhere.safetensors");
            std::os::unix::fs::symlink(&model, &link).expect("a link");
            assert_eq!(names(&link), expected);
            std::os::unix::fs::symlink("..", home.path().join("ui/embeddings/neg/round")).expect("a link");
            assert_eq!(names(&model).len(), 2, "a link that leads back is no further folder");
        }
    }
}
