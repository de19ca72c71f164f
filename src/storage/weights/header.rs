//! The header of a safetensors file, and nothing else of it: eight bytes, then as many as those say, and the file's length.
//!
//! Everything it claims is checked against the file's length before anything is allocated for it.

use std::collections::BTreeMap;
use std::io::{self, Read};

use safetensors::tensor::{Metadata, TensorInfo};

use crate::base::impostor::Impostor;
use crate::base::units::size_text;

/// What the format allows (`safetensors`, `MAX_HEADER_SIZE`).
const MAX_HEADER: u64 = 100_000_000;

/// Why there is no header to be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// There is no such file, or a link leads nowhere.
    Missing,
    /// It can't be read: why.
    Unreadable(String),
    /// It isn't sound: what is wrong, as the rest of a sentence about it.
    Damaged(String),
    /// Something else lies in its place.
    Impostor(Impostor),
    /// An entry of its `__metadata__` isn't a text, which no reader of the format allows.
    OddMetadata(String),
}

impl Flaw {
    /// Returns a sentence about a file.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Missing => "It is a link to a file that isn't there".to_owned(),
            Self::Unreadable(why) => format!("It can't be read: {why}"),
            Self::Damaged(why) => format!("It is damaged: {why}"),
            Self::Impostor(impostor) => format!("It is no model: {}", impostor.what()),
            Self::OddMetadata(key) => format!("Its __metadata__ holds something else than a text under {key}"),
        }
    }

    /// Returns what to do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Missing => "Bring its drive back, or remove the link",
            Self::Unreadable(_) => "Look at its permissions and its drive",
            Self::Damaged(_) => "Fetch it again from where it came from",
            Self::Impostor(impostor) => impostor.advice(),
            Self::OddMetadata(_) => "Save it again with texts alone in its __metadata__: its tensors may be sound",
        }
    }
}

/// Parses a file's header and compares it with the file's length. Tells where the numbers begin, too. The outer error is one of
/// reading.
pub(super) fn parse(file: &mut impl Read, bytes: u64) -> io::Result<Result<(Metadata, usize), Flaw>> {
    let damaged = |why: String| Ok(Err(Flaw::Damaged(why)));
    let mut length = [0; 8];
    if bytes < length.len() as u64 {
        return damaged(if bytes == 0 { "it is empty".to_owned() } else { format!("it has only {bytes} bytes") });
    }
    file.read_exact(&mut length)?;
    if let Some(impostor) = Impostor::of(&length) {
        return Ok(Err(Flaw::Impostor(impostor)));
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
        Err(cause) => {
            if let Some(key) = odd_metadata(&header) {
                return Ok(Err(Flaw::OddMetadata(key)));
            }
            return damaged(misfit(&header).unwrap_or_else(|| format!("its header makes no sense ({cause})")));
        }
    };
    let whole = data + tensors.data_len() as u64;
    if bytes < whole {
        return damaged(format!("only {} of {} are there", size_text(bytes), size_text(whole)));
    }
    if bytes > whole {
        return damaged(format!("it is {} longer than its header says", size_text(bytes - whole)));
    }
    Ok(Ok((tensors, data as usize)))
}

/// Returns an entry of `__metadata__` that isn't a text, as some trainers write numbers there.
fn odd_metadata(header: &[u8]) -> Option<String> {
    let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).ok()?;
    let entries = header.get("__metadata__")?.as_object()?;
    entries.iter().find(|(_, value)| !value.is_string()).map(|(key, _)| key.clone())
}

/// Returns the first tensor at fault in a header that the library refused, which doesn't name it: its bytes don't follow those
/// before, or its shape asks for another number of bytes. `None` if the header can't be read at all.
fn misfit(header: &[u8]) -> Option<String> {
    let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).ok()?;
    let tensors = header.into_iter().filter(|(key, _)| key != "__metadata__");
    let tensors = tensors.map(|(key, info)| Some((key, serde_json::from_value::<TensorInfo>(info).ok()?)));
    let mut tensors = tensors.collect::<Option<Vec<_>>>()?;
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let mut expected = 0;
    for (key, info) in tensors {
        let (start, end) = info.data_offsets;
        if start != expected || end < start {
            return Some(format!("the bytes of tensor {key} overlap another's or leave a gap"));
        }
        let elements = info.shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        let bits = elements.and_then(|elements| elements.checked_mul(info.dtype.bitsize()));
        if bits != (end - start).checked_mul(8) {
            return Some(format!("the shape {:?} of tensor {key} doesn't fit its bytes", info.shape));
        }
        expected = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(file: &[u8]) -> Result<(Metadata, usize), Flaw> {
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
    fn whatever_is_wrong_with_a_file_is_said() {
        let short = file(HEADER, 100);
        let long = file(HEADER, 1000);
        let overlap = file(&HEADER.replace("[400,408]", "[300,308]"), 408);
        let shape = file(&HEADER.replace("[4,50]", "[5,50]"), 408);
        let cases: [(&[u8], &str); 9] = [
            (b"", "it is empty"),
            (b"abc", "it has only 3 bytes"),
            (&short, "only 254 bytes of 562 bytes are there"),
            (&short[..100], "it ends after 100 bytes, within its header"),
            (&long, "it is 592 bytes longer than its header says"),
            (&overlap, "the bytes of tensor b overlap"),
            (&shape, "the shape [5, 50] of tensor a doesn't fit its bytes"),
            (&[255; 64], "doesn't begin as a safetensors file does"),
            (&[9, 0, 0, 0, 0, 0, 0, 0, b'{', 1, 2, 3, 4, 5, 6, 7, 8], "its header makes no sense"),
        ];
        for (bytes, why) in cases {
            let Err(Flaw::Damaged(said)) = of(bytes) else { panic!("{why}") };
            assert!(said.contains(why), "{said}: {why}");
        }
    }

    #[test]
    fn what_is_no_damage_is_told_from_it() {
        assert_eq!(of(b"<!DOCTYPE html><html>").err(), Some(Flaw::Impostor(Impostor::WebPage)));
        assert_eq!(of(b"version https://git-lfs.github.com").err(), Some(Flaw::Impostor(Impostor::LfsPointer)));
        assert_eq!(of(&[0; 64]).err(), Some(Flaw::Impostor(Impostor::Zeros)));
        for odd in ["5", "null", "[\"pt\"]", "{}"] {
            let flaw = of(&file(&HEADER.replace("\"pt\"", odd), 408)).err();
            assert_eq!(flaw, Some(Flaw::OddMetadata("format".to_owned())), "{odd}");
        }
    }
}
