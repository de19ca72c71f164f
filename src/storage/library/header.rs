//! The header of a safetensors file, and nothing else of it: eight bytes, then as many as those say, and the file's length.
//!
//! Files are read and not mapped: another program may be writing them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use safetensors::tensor::Metadata;

use super::size_text;
use crate::storage::checkpoint::family::{Identified, identify};
use crate::storage::checkpoint::single_file::is_scaled;

/// What the format allows (`safetensors`, `MAX_HEADER_SIZE`).
const MAX_HEADER: u64 = 100_000_000;

/// The part of a file that a type must have to be named.
const NAMED_SHARE: f64 = 0.01;

/// What a file's header says of its tensors.
#[derive(Debug)]
pub(super) struct Header {
    tensors: Metadata,
    /// The file's length.
    pub(super) bytes: u64,
}

/// Why there is no header to be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// There is no such file, or a link leads nowhere.
    Missing,
    /// It can't be read: why.
    Unreadable(String),
    /// It isn't sound: what is wrong, as the rest of a sentence about it.
    Damaged(String),
}

impl Flaw {
    /// A sentence about a file.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Missing => "It is a link to a file that isn't there".to_owned(),
            Self::Unreadable(why) => format!("It can't be read: {why}"),
            Self::Damaged(why) => format!("It is damaged: {why}"),
        }
    }
}

/// Reads a file's header.
pub(super) fn read(path: &Path) -> Result<Header, Flaw> {
    let unreadable = |cause: std::io::Error| match cause.kind() {
        ErrorKind::NotFound => Flaw::Missing,
        _ => Flaw::Unreadable(cause.to_string()),
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    // Opening a pipe would wait for someone to write to it.
    if !metadata.is_file() {
        return Err(Flaw::Unreadable("it is no file".to_owned()));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    parse(&mut file, metadata.len()).unwrap_or_else(|cause| Err(unreadable(cause)))
}

/// Parses a file's header and compares it with the file's length. The outer error is one of reading.
pub(super) fn parse(file: &mut impl Read, bytes: u64) -> std::io::Result<Result<Header, Flaw>> {
    let damaged = |why: String| Ok(Err(Flaw::Damaged(why)));
    let mut length = [0; 8];
    if bytes < length.len() as u64 {
        return damaged(if bytes == 0 { "it is empty".to_owned() } else { format!("it has only {bytes} bytes") });
    }
    file.read_exact(&mut length)?;
    if let Some(what) = something_else(length) {
        return damaged(what.to_owned());
    }
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > MAX_HEADER {
        return damaged("it doesn't begin as a safetensors file does".to_owned());
    }
    let data = length.len() as u64 + header_bytes;
    if data > bytes {
        return damaged(format!("it ends after {}, within its header", size_text(bytes)));
    }
    let mut header = Vec::new();
    file.take(header_bytes).read_to_end(&mut header)?;
    let tensors: Metadata = match serde_json::from_slice(&header) {
        Ok(tensors) => tensors,
        Err(cause) => return damaged(format!("its header makes no sense ({cause})")),
    };
    let whole = data + tensors.data_len() as u64;
    if bytes < whole {
        return damaged(format!("only {} of {} are there", size_text(bytes), size_text(whole)));
    }
    if bytes > whole {
        return damaged(format!("it is {} longer than its header says", size_text(bytes - whole)));
    }
    Ok(Ok(Header { tensors, bytes }))
}

/// What people get in place of a file when a download goes wrong in the usual ways, by how it begins.
fn something_else(beginning: [u8; 8]) -> Option<&'static str> {
    let lower = beginning.to_ascii_lowercase();
    if lower.starts_with(b"<!doc") || lower.starts_with(b"<html") {
        Some("it is a web page, perhaps one that asks to log in")
    } else if beginning.starts_with(b"version ") {
        Some("it only points to the file, which Git LFS hasn't fetched yet")
    } else if beginning == [0; 8] {
        Some("it is filled with zeros, as by a download that was only begun")
    } else {
        None
    }
}

impl Header {
    /// What the file is.
    pub(super) fn identify(&self) -> Identified {
        let tensors = self.tensors.tensors();
        identify(tensors.iter().map(|(name, info)| (name.as_str(), info.shape.as_slice())))
    }

    /// Whether its numbers only make sense with factors that are stored beside them.
    pub(super) fn is_scaled(&self) -> bool {
        self.tensors.offset_keys().iter().any(|key| is_scaled(key))
    }

    /// The types of most of its numbers.
    pub(super) fn precisions(&self) -> BTreeSet<String> {
        let mut bytes: BTreeMap<String, usize> = BTreeMap::new();
        for info in self.tensors.tensors().values() {
            *bytes.entry(info.dtype.to_string().to_lowercase()).or_default() +=
                info.data_offsets.1.saturating_sub(info.data_offsets.0);
        }
        let least = self.tensors.data_len() as f64 * NAMED_SHARE;
        bytes.into_iter().filter(|(_, bytes)| *bytes as f64 >= least).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(file: &[u8]) -> Result<Header, Flaw> {
        parse(&mut &*file, file.len() as u64).expect("memory can be read")
    }

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.bytes());
        file.resize(file.len() + data, 0);
        file
    }

    const HEADER: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[4,50],"data_offsets":[0,400]},"b":{"dtype":"I64","shape":[],"data_offsets":[400,408]}}"#;

    #[test]
    fn a_header_tells_types_and_lengths() {
        let header = of(&file(HEADER, 408)).expect("sound");
        assert_eq!((header.precisions().len(), header.bytes), (2, HEADER.len() as u64 + 416));
        let mostly = HEADER.replace("[4,50]", "[400,50]").replace("400,408", "40000,40008").replace(",400]", ",40000]");
        let header = of(&file(&mostly, 40008)).expect("sound");
        assert_eq!(header.precisions().into_iter().collect::<Vec<_>>(), ["f16"]);
    }

    #[test]
    fn whatever_is_wrong_with_a_file_is_said() {
        let short = file(HEADER, 100);
        let long = file(HEADER, 1000);
        let overlap = file(&HEADER.replace("[400,408]", "[300,308]"), 408);
        let cases: [(&[u8], &str); 12] = [
            (b"", "it is empty"),
            (b"abc", "it has only 3 bytes"),
            (&short, "only 254 bytes of 562 bytes are there"),
            (&short[..100], "it ends after 100 bytes, within its header"),
            (&long, "it is 592 bytes longer than its header says"),
            (&overlap, "its header makes no sense"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"<HTML><head>", "web page"),
            (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
            (&[0; 64], "filled with zeros"),
            (&[255; 64], "doesn't begin as a safetensors file does"),
            (&[9, 0, 0, 0, 0, 0, 0, 0, b'{', 1, 2, 3, 4, 5, 6, 7, 8], "its header makes no sense"),
        ];
        for (bytes, why) in cases {
            let Err(Flaw::Damaged(said)) = of(bytes) else { panic!("{why}") };
            assert!(said.contains(why), "{said}: {why}");
        }
    }

    #[test]
    fn what_is_no_file_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(&folder.path().join("gone.safetensors")).expect_err("it is gone"), Flaw::Missing);
        assert!(matches!(read(folder.path()), Err(Flaw::Unreadable(_))));
    }
}
