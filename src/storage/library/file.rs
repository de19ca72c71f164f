//! A single file: what its first bytes say it is.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::area::LibraryApp;
use super::file_name::is_component;
use super::header;
use super::item::{ItemState, LibraryItem, WeightFile, modified};
use crate::base::impostor::Impostor;
use crate::base::model_ref::ModelRef;
use crate::storage::checkpoint::family::{Families, FileKind, Identified, KeyLayout};
use crate::storage::checkpoint::is_scaled;
use crate::storage::weights::{SourceFile, is_gguf, read_header, read_path};

/// What there is to say of weights of 8 bits with factors beside them.
const SCALED: &str = "Its weights have factors beside them, which this app can't use. Take its f16 or plain fp8 file";

/// Looks at a file. `holds` is the kind of part that lies in its folder.
pub(super) fn inspect(path: &Path, app: LibraryApp, holds: Option<FileKind>, families: Families) -> LibraryItem {
    let mut item = LibraryItem {
        model: None,
        name: name(path),
        kind: holds.unwrap_or(FileKind::Checkpoint),
        architecture: None,
        precisions: BTreeSet::new(),
        bytes: fs::metadata(path).map_or(0, |metadata| metadata.len()),
        app,
        path: Some(path.to_owned()),
        state: ItemState::Whole,
        modified: modified(path),
        files: Vec::new(),
        damaged: Vec::new(),
    };
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    item.files.push(WeightFile { path: real.clone(), bytes: item.bytes });
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if ["safetensors", "sft"].contains(&&*ending) {
        match read_path(path) {
            Ok(header) => {
                let identified = families.identify(header.shapes());
                (item.kind, item.architecture) = (identified.kind, identified.architecture);
                item.precisions = header::precisions(&header);
                item.state = state(&identified, families, path);
                if item.state == ItemState::Whole && header.tensors.iter().any(|(key, _)| is_scaled(key)) {
                    item.state = ItemState::NotOpenable { why: SCALED.to_owned() };
                }
            }
            Err(flaw) => {
                item.state = ItemState::Broken { why: format!("{}. {}", flaw.sentence(), flaw.advice()) };
                item.damaged.push(real);
            }
        }
    } else if ending == "gguf" && is_gguf(path) {
        match SourceFile::on_disk(path).and_then(|file| read_header(&file)) {
            Ok(header) => {
                let identified = families.identify(header.shapes());
                (item.kind, item.architecture) = (identified.kind, identified.architecture);
                item.precisions = header.tensors.iter().map(|(_, stored)| header::type_name(stored)).collect();
                item.state = state(&identified, families, path);
            }
            Err(error) => item.state = ItemState::NotOpenable { why: error.to_string() },
        }
    } else {
        item.state = ItemState::NotOpenable { why: unopenable(path, &ending) };
    }
    item.model = matches!(item.kind, FileKind::Checkpoint | FileKind::Unet).then(|| ModelRef::File(path.to_owned()));
    item
}

/// Returns what people call a file: where it is named as any component's, its folder says more.
fn name(path: &Path) -> String {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match path.parent().and_then(Path::file_name) {
        Some(folder) if is_component(path) => format!("{}/{}", folder.to_string_lossy(), stem(path)),
        _ => stem(path),
    }
}

/// Returns whether a sound file can be used, by the same rules as opening it.
fn state(identified: &Identified, families: Families, path: &Path) -> ItemState {
    let not_openable = |why: String| ItemState::NotOpenable { why };
    match identified.kind {
        FileKind::Checkpoint | FileKind::Unet => {}
        FileKind::Unknown => return not_openable("It is no Stable Diffusion model".to_owned()),
        _ => return ItemState::Whole,
    }
    let Some(architecture) = identified.architecture.filter(|architecture| architecture.is_openable()) else {
        return not_openable(format!("It is {identified}, which this app can't draw with yet"));
    };
    if identified.layout == KeyLayout::Diffusers {
        return not_openable("It is one component of a model in diffusers format, and no model by itself".to_owned());
    }
    // What a file lacks may lie in a folder of its name beside it.
    let has_folder = path.with_extension("").is_dir();
    let has_vae = identified.has_vae || path.with_extension("vae.safetensors").is_file();
    let family = families.family_of(architecture);
    let parts = [("vae", has_vae), ("text_encoder", identified.has_text_encoder)];
    let missing = parts.into_iter().filter(|(_, is_there)| !is_there && !has_folder).map(|(id, _)| {
        let component = family.and_then(|family| family.component(id));
        let place = component.and_then(|component| component.place_beside(path));
        let advice = place.map_or_else(String::new, |place| format!(" (put one beside it as {place})"));
        format!("the {}{advice}", component.map_or(id, |component| component.label))
    });
    let missing: Vec<String> = missing.collect();
    if missing.is_empty() { ItemState::Whole } else { ItemState::Partial { missing } }
}

/// Says why a file that isn't safetensors can't be opened.
fn unopenable(path: &Path, ending: &str) -> String {
    let mut beginning = [0; 16];
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let read = is_file.then(|| File::open(path).and_then(|mut file| file.read(&mut beginning)).ok()).flatten();
    if let Some(impostor) = read.and_then(|read| Impostor::of(beginning.get(..read)?)) {
        return format!("It is no model: {}. {}", impostor.what(), impostor.advice());
    }
    match (ending, read) {
        (_, None) => "It can't be read",
        (_, Some(0)) => "It is empty. Fetch it again from where it came from",
        // https://www.sqlite.org/fileformat.html
        _ if beginning.starts_with(b"SQLite format 3\0") => {
            "It is in Draw Things' own format. Look for the model as .safetensors"
        }
        ("gguf", _) => "It should be in GGUF format and isn't. Fetch it again from where it came from",
        ("tdict", _) => "It is in DiffusionBee's own format. Look for the model as .safetensors",
        // A zip archive, as torch writes since 1.6, or a bare pickle of protocol 2.
        _ if beginning.starts_with(b"PK\x03\x04") || beginning.starts_with(&[0x80, 2]) => {
            "It is pickled, which can run code when it is opened. Look for it as .safetensors; most are published as both"
        }
        _ => "It is in no format that is known here. Look for it as .safetensors",
    }
    .to_owned()
}
