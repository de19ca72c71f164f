//! A VAE in a file of its own, in either layout.

use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::model_ref;
use crate::storage::checkpoint::family::{Families, FileKind, KeyLayout, SingleFileRules};
use crate::storage::checkpoint::weight_files::Weights;
use crate::storage::weights::{SourceFile, read_header};

/// Opens a VAE's file for a model of a family with these rules: its tensors under Diffusers' names.
///
/// # Errors
/// There is no such file, it is no sound safetensors file, or no VAE.
pub(in crate::storage::checkpoint) fn open(
    path: &Path,
    families: Families,
    rules: &SingleFileRules,
) -> Result<Weights> {
    model_ref::check_file(path)?;
    let header = read_header(&SourceFile::on_disk(path)?)?;
    let found = families.identify(header.shapes());
    // A whole model has one, too.
    if !found.has_vae || (found.kind == FileKind::Checkpoint && found.layout == KeyLayout::Diffusers) {
        return Err(Error::new(format!("this file is no VAE but {found}: {}", path.display())));
    }
    let names = (rules.key_map)(&header.names());
    let tensors = header.tensors.into_iter().filter_map(|(key, stored)| {
        let key =
            if found.kind == FileKind::Vae && found.layout == KeyLayout::Diffusers { key } else { names.vae(&key)? };
        Some((key, stored))
    });
    Ok(Weights { tensors: tensors.collect(), files: vec![path.display().to_string()] })
}
