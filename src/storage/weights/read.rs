//! Reading the header of a weight file, whichever of the known formats it is in.

use std::fs::{self, File};
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

use safetensors::tensor::Metadata;

use super::file::SourceFile;
use super::gguf;
use super::header::{self, Flaw};
use super::tensors::{StoredTensor, WeightHeader};
use crate::base::error::{Error, Result};

/// Reads and checks the header of a safetensors or GGUF file: every tensor's bytes lie inside the file, don't overlap, and fit
/// its shape and type.
///
/// # Errors
/// The file is neither a sound safetensors file nor a GGUF file that is read here.
pub(crate) fn read_header(file: &SourceFile) -> Result<WeightHeader> {
    let bytes = file.all()?;
    if bytes.starts_with(gguf::MAGIC) {
        return gguf::read_header(file, &bytes);
    }
    let len = bytes.len() as u64;
    let parsed = header::parse(&mut Cursor::new(&bytes), len).unwrap_or_else(|cause| Err(unreadable(&cause)));
    match parsed {
        Ok((tensors, data)) => Ok(stored(&tensors, data, len, file)),
        Err(Flaw::Impostor(impostor)) => {
            Err(Error::new(format!("this file holds no weights, {}: {}", impostor.what(), file.place))
                .advise(impostor.advice()))
        }
        Err(Flaw::Damaged(_)) if file.place.to_ascii_lowercase().ends_with(".gguf") => {
            Err(Error::new(format!("this GGUF file is damaged, it doesn't begin as one: {}", file.place))
                .advise("Download it again"))
        }
        Err(Flaw::Damaged(why)) => {
            Err(Error::new(format!("this safetensors file is damaged, {why}: {}", file.place))
                .advise("Download it again"))
        }
        Err(flaw) => Err(Error::new(format!("{}: {}", flaw.sentence(), file.place)).advise(flaw.advice())),
    }
}

/// Reads the header of a safetensors file on disk. The file is read and not mapped: another program may be writing it.
///
/// # Errors
/// There is no such file, it can't be read, or it isn't sound.
pub(crate) fn read_path(path: &Path) -> Result<WeightHeader, Flaw> {
    let metadata = fs::metadata(path).map_err(|cause| unreadable(&cause))?;
    // Opening a pipe would wait for someone to write to it.
    if !metadata.is_file() {
        return Err(Flaw::Unreadable("it is no file".to_owned()));
    }
    let mut file = File::open(path).map_err(|cause| unreadable(&cause))?;
    let parsed = header::parse(&mut file, metadata.len()).unwrap_or_else(|cause| Err(unreadable(&cause)));
    let (tensors, data) = parsed?;
    Ok(stored(&tensors, data, metadata.len(), &SourceFile::of(file, path)))
}

/// Returns whether a file on disk begins as a GGUF file does.
pub(crate) fn is_gguf(path: &Path) -> bool {
    let mut beginning = vec![0; gguf::MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut beginning)).is_ok() && beginning == gguf::MAGIC
}

fn unreadable(cause: &std::io::Error) -> Flaw {
    match cause.kind() {
        ErrorKind::NotFound => Flaw::Missing,
        _ => Flaw::Unreadable(cause.to_string()),
    }
}

/// Returns the tensors of a file whose numbers begin at `data`.
fn stored(tensors: &Metadata, data: usize, bytes: u64, file: &SourceFile) -> WeightHeader {
    let metadata = tensors.metadata().clone().unwrap_or_default();
    let tensors = tensors.tensors().into_iter().map(|(key, info)| {
        let range = data + info.data_offsets.0..data + info.data_offsets.1;
        (key, StoredTensor { dtype: info.dtype, shape: info.shape.clone(), file: file.clone(), range, blocks: None })
    });
    WeightHeader { tensors: tensors.collect(), metadata, bytes }
}
