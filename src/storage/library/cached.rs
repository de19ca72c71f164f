//! A repository in a cache of the Hub: `models--owner--name/{blobs, refs, snapshots}`, each snapshot a model.
//!
//! Limits: repositories without a model in diffusers format or a Stable Diffusion checkpoint are passed over; the cache
//! holds language models too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::area::LibraryApp;
use super::file_name::is_candidate;
use super::folder::Pipeline;
use super::item::{ItemState, LibraryItem, modified};
use super::{file, file_name};
use crate::base::model_ref::{HubId, ModelRef};
use crate::storage::checkpoint::FileTree;
use crate::storage::checkpoint::family::{Families, FileKind};

/// The digits of a commit that people read.
const SHORT: usize = 7;

/// Every model in a repository.
pub(super) fn inspect(repository: &Path, app: LibraryApp, families: Families) -> Vec<LibraryItem> {
    let Some(name) = repository.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Vec::new() };
    let repo = name.trim_start_matches("models--").replacen("--", "/", 1);
    // Of a cache elsewhere, no name leads to it.
    let id = HubId::parse(&repo).filter(|_| app == LibraryApp::Hub);
    let (revisions, begun) = (revisions(repository), begun(repository));
    let snapshots = folders(&repository.join("snapshots"));
    let mut items: Vec<LibraryItem> = snapshots
        .iter()
        .flat_map(|(commit, path)| {
            // A download notes its revision when it is over: what has none as yet was most likely asked for without one.
            let is_begun = revisions.is_empty() && snapshots.len() == 1 && !begun.is_empty();
            let unnamed = || Some(commit.clone()).filter(|_| !is_begun);
            let revision = revisions.get(commit).cloned().unwrap_or_else(unnamed);
            let shown = match &revision {
                Some(revision) if revision == commit => {
                    format!("{repo}@{}", commit.chars().take(SHORT).collect::<String>())
                }
                Some(revision) => format!("{repo}@{revision}"),
                None => repo.clone(),
            };
            let model = id
                .as_ref()
                .map_or_else(|| ModelRef::Folder(path.clone()), |id| ModelRef::Hub(HubId { revision, ..id.clone() }));
            snapshot(path, model, &shown, app, families)
        })
        .collect();
    if let (true, Some(id)) = (snapshots.is_empty() && !begun.is_empty(), id) {
        items.push(only_begun(repository, id, repo, &begun));
    }
    items
}

/// What a snapshot holds.
fn snapshot(path: &Path, model: ModelRef, name: &str, app: LibraryApp, families: Families) -> Vec<LibraryItem> {
    let is_pipeline = fs::symlink_metadata(path.join("model_index.json")).is_ok();
    let pipeline =
        || Pipeline::inspect(&FileTree::Folder(path.to_owned()), families).item(model, name.to_owned(), app, path);
    let mut items: Vec<LibraryItem> = is_pipeline.then(pipeline).into_iter().collect();
    let Ok(entries) = path.read_dir() else { return items };
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| is_candidate(&path.to_string_lossy(), false) && !(is_pipeline && file_name::is_component(path)))
        .collect();
    files.sort();
    let single = files.iter().map(|path| file::inspect(path, app, None, families)).map(|item| {
        let name = if is_component(&item) { name.to_owned() } else { format!("{name}/{}", item.name) };
        LibraryItem { name, ..item }
    });
    // The weights of a language model are of no kind that is known, or can't be used.
    let is_gguf =
        |item: &LibraryItem| item.path.as_deref().is_some_and(|path| path.extension().is_some_and(|it| it == "gguf"));
    let is_other = |item: &LibraryItem| is_gguf(item) && matches!(item.state, ItemState::NotOpenable { .. });
    items.extend(
        single.filter(|item| !matches!(item.kind, FileKind::Unknown | FileKind::TextEncoder) && !is_other(item)),
    );
    items
}

fn is_component(item: &LibraryItem) -> bool {
    item.path.as_deref().is_some_and(file_name::is_component)
}

/// A repository of which nothing has come whole yet.
fn only_begun(repository: &Path, id: HubId, name: String, begun: &[u64]) -> LibraryItem {
    let files = if begun.len() == 1 { "file" } else { "files" };
    LibraryItem {
        model: Some(ModelRef::Hub(id)),
        name,
        kind: FileKind::Checkpoint,
        architecture: None,
        precisions: std::collections::BTreeSet::new(),
        bytes: begun.iter().sum(),
        app: LibraryApp::Hub,
        path: Some(repository.to_owned()),
        state: ItemState::Partial { missing: vec![format!("all but the beginning of {} {files}", begun.len())] },
        modified: modified(repository),
        files: Vec::new(),
        damaged: Vec::new(),
    }
}

/// What has come of files of a repository that aren't whole yet: each one's length so far.
fn begun(repository: &Path) -> Vec<u64> {
    let Ok(entries) = repository.join("blobs").read_dir() else { return Vec::new() };
    let parts = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(".incomplete"));
    parts.filter_map(|entry| Some(entry.metadata().ok()?.len())).collect()
}

/// The revision by which each commit is asked for: `None` is `main`, which comes before others.
fn revisions(repository: &Path) -> BTreeMap<String, Option<String>> {
    /// `refs/pr/12` is one folder down.
    const DEPTH: usize = 4;
    fn read(folder: &Path, above: &str, depth: usize, found: &mut BTreeMap<String, Option<String>>) {
        let Ok(entries) = folder.read_dir() else { return };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let revision = if above.is_empty() { name } else { format!("{above}/{name}") };
            let path = entry.path();
            if path.is_dir() && depth < DEPTH {
                read(&path, &revision, depth + 1, found);
            } else if let Ok(commit) = fs::read_to_string(&path) {
                let is_main = revision == "main";
                let known = found.entry(commit.trim().to_owned()).or_insert_with(|| Some(revision));
                if is_main {
                    *known = None;
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    read(&repository.join("refs"), "", 0, &mut found);
    found
}

/// The folders in a folder by name, sorted.
fn folders(folder: &Path) -> BTreeMap<String, PathBuf> {
    let Ok(entries) = folder.read_dir() else { return BTreeMap::new() };
    let folders =
        entries.filter_map(|entry| Some((entry.as_ref().ok()?.file_name().into_string().ok()?, entry.ok()?.path())));
    folders.filter(|(name, path)| !name.starts_with('.') && path.is_dir()).collect()
}
