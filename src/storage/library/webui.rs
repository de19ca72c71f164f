//! The folders of AUTOMATIC1111's web UI and of those made from it: Forge, reForge, SD.Next.
//!
//! Limits: of the arguments in `webui-user.sh` and `webui-user.bat`, those that name folders for models, once each.

use std::fs;
use std::path::{Path, PathBuf};

use super::area::{LibraryApp, SearchArea, present};
use crate::storage::checkpoint::family::FileKind;

/// Below `models` (`modules/paths_internal.py`, `modules/sd_vae.py`, `extensions-builtin/Lora`).
const MODELS: [(&str, Option<FileKind>); 7] = [
    ("Stable-diffusion", None),
    ("Diffusers", None),
    ("VAE", Some(FileKind::Vae)),
    ("text_encoder", Some(FileKind::TextEncoder)),
    ("Lora", Some(FileKind::Lora)),
    ("LyCORIS", Some(FileKind::Lora)),
    ("embeddings", Some(FileKind::Embedding)),
];

/// Arguments that name a folder (`modules/cmd_args.py`).
const ARGUMENTS: [(&str, Option<FileKind>); 4] = [
    ("--ckpt-dir", None),
    ("--vae-dir", Some(FileKind::Vae)),
    ("--embeddings-dir", Some(FileKind::Embedding)),
    ("--lora-dir", Some(FileKind::Lora)),
];

/// Files that people write the arguments in.
const SCRIPTS: [&str; 2] = ["webui-user.sh", "webui-user.bat"];

/// Where to look, if the folder is the web UI's or its `models`.
pub(super) fn areas(folder: &Path) -> Option<Vec<SearchArea>> {
    let root = if folder.join("models/Stable-diffusion").is_dir() || is_program(folder) {
        folder
    } else if folder.join("Stable-diffusion").is_dir() {
        return Some(present(LibraryApp::WebUi, folder, &MODELS));
    } else {
        return None;
    };
    let mut areas = present(LibraryApp::WebUi, &root.join("models"), &MODELS);
    areas.extend(present(LibraryApp::WebUi, root, &[("embeddings", Some(FileKind::Embedding))]));
    for script in SCRIPTS {
        let text = fs::read_to_string(root.join(script)).unwrap_or_default();
        for (argument, holds) in ARGUMENTS {
            areas.extend(
                value_of(&text, argument).map(|path| SearchArea::new(LibraryApp::WebUi, root.join(path), holds)),
            );
        }
    }
    Some(areas)
}

/// Whether the program is here, which may keep its models elsewhere.
fn is_program(folder: &Path) -> bool {
    folder.join("webui.py").is_file() && SCRIPTS.iter().any(|script| folder.join(script).is_file())
}

/// The value of an argument in a script, which may be quoted.
fn value_of(script: &str, argument: &str) -> Option<PathBuf> {
    let is_comment = |line: &str| {
        let line = line.trim_start().to_ascii_lowercase();
        line.starts_with('#') || line.starts_with("::") || line.starts_with("rem ")
    };
    let after = script.lines().filter(|line| !is_comment(line)).find_map(|line| {
        let after = line.split_once(argument)?.1;
        after.starts_with([' ', '=']).then(|| after.trim_start_matches([' ', '=', '\\']))
    })?;
    let value = match after.chars().next()? {
        // In a shell's string the quotes inside are escaped.
        quote @ ('"' | '\'') => after[1..].split(quote).next()?.trim_end_matches('\\'),
        _ => after.split([' ', '"', '\'']).next()?,
    };
    (!value.is_empty()).then(|| PathBuf::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_from_the_arguments_as_people_write_them() {
        for (script, value) in [
            ("export COMMANDLINE_ARGS=\"--xformers --ckpt-dir /data/models --api\"", Some("/data/models")),
            ("export COMMANDLINE_ARGS=\"--ckpt-dir \\\"/data/my models\\\" --api\"", Some("/data/my models")),
            ("export COMMANDLINE_ARGS=\"--ckpt-dir '/data/my models'\"", Some("/data/my models")),
            ("set COMMANDLINE_ARGS=--ckpt-dir \"D:\\my models\" --medvram", Some("D:\\my models")),
            ("set COMMANDLINE_ARGS=--ckpt-dir=D:\\models\r\n", Some("D:\\models")),
            ("#export COMMANDLINE_ARGS=\"--ckpt-dir /data\"", None),
            ("rem set COMMANDLINE_ARGS=--ckpt-dir D:\\models", None),
            ("export COMMANDLINE_ARGS=\"--ckpt-dir\"", None),
            ("", None),
        ] {
            assert_eq!(value_of(script, "--ckpt-dir"), value.map(PathBuf::from), "{script}");
        }
    }
}
