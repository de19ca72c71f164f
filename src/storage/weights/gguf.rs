//! The header of a GGUF file (`ggml/docs/gguf.md`), the format of stable-diffusion.cpp: the tensors' names, which are those
//! of a safetensors file, their types and places.
//!
//! Everything a header claims is checked against the file before anything is allocated.
//! Limits: versions 2 and 3; numbers of type F32, F16, BF16 and `Q8_0`. Smaller ones are refused by name: they need kernels
//! of their own to be of use.

use std::collections::HashMap;
use std::ops::Range;

use safetensors::Dtype;

use super::file::SourceFile;
use super::tensors::{BlockFormat, StoredTensor, WeightHeader};
use crate::base::error::{Error, Result};

/// What a file begins with.
pub(crate) const MAGIC: &[u8] = b"GGUF";

/// Where tensors begin where the file says nothing else: at multiples of this.
const ALIGNMENT: u64 = 32;

/// More axes than any tensor has.
const MAX_AXES: u32 = 8;

/// Arrays in arrays are followed so deep.
const MAX_DEPTH: usize = 4;

/// The name of the metadata that holds another alignment.
const ALIGNMENT_KEY: &str = "general.alignment";

/// What the metadata begin with that hold the true shape of a tensor: `ComfyUI`'s converter stores one whose rows fill no blocks
/// as rows of 256 numbers (`tools/convert.py` of ComfyUI-GGUF).
const ORIGINAL_SHAPE: &str = "comfy.gguf.orig_shape.";

/// The kind of metadata that holds several values of one kind.
const ARRAY: u32 = 9;

/// What a header says of a tensor.
struct GgufTensor {
    name: String,
    /// Rows first, as elsewhere.
    shape: Vec<usize>,
    kind: u32,
    /// From the first tensor on.
    offset: u64,
}

/// Reads and checks the header of a file whose content is `bytes`.
///
/// # Errors
/// It is cut short, contradicts itself, or holds numbers of a type that isn't read here.
pub(crate) fn read_header(file: &SourceFile, bytes: &[u8]) -> Result<WeightHeader> {
    let damaged =
        |why: &str| Error::new(format!("this GGUF file is damaged, {why}: {}", file.place)).advise("Download it again");
    let mut cursor = Cursor { rest: bytes.get(MAGIC.len()..).unwrap_or_default() };
    let version = cursor.u32();
    if !matches!(version, Some(2 | 3)) {
        let version = version.unwrap_or_default();
        return Err(Error::new(format!("GGUF files of version {version} can't be opened: {}", file.place)));
    }
    let short = || damaged("its header is cut short");
    let GgufHeader { infos, metadata, shapes } = cursor.header().ok_or_else(short)?;
    let alignment = match metadata.get(ALIGNMENT_KEY).map(|text| text.parse()) {
        None => ALIGNMENT,
        Some(Ok(alignment)) if alignment > 0 => alignment,
        Some(_) => return Err(damaged("its alignment makes no sense")),
    };
    let header = (bytes.len() - cursor.rest.len()) as u64;
    let data = header.checked_next_multiple_of(alignment).ok_or_else(short)?;
    let mut tensors = Vec::with_capacity(infos.len());
    for GgufTensor { name, shape, kind, offset } in infos {
        let Some((dtype, blocks, unit, unit_len)) = number_type(kind) else {
            return Err(Error::new(format!(
                "can't use GGUF weights of type {} ({name}): {}",
                type_name(kind),
                file.place
            ))
            .advise("Take the model's F16 or Q8_0 file, or its safetensors file"));
        };
        let place = place(&shape, unit, unit_len, data.checked_add(offset), bytes.len());
        let range = place.ok_or_else(|| damaged(&format!("tensor {name} isn't inside of it")))?;
        let shape = match shapes.get(&name) {
            None => shape,
            Some(original) if is_of_as_many(original, &shape) => original.clone(),
            Some(original) => {
                return Err(damaged(&format!(
                    "the original shape {original:?} of tensor {name} doesn't fit its numbers"
                )));
            }
        };
        tensors.push((name, StoredTensor { dtype, shape, file: file.clone(), range, blocks }));
    }
    tensors.sort_by_key(|(_, stored)| stored.range.start);
    if let Some([(_, _), (name, _)]) = tensors.array_windows().find(|[a, b]| a.1.range.end > b.1.range.start) {
        return Err(damaged(&format!("the bytes of tensor {name} overlap another's")));
    }
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some([(name, _), _]) = tensors.array_windows().find(|[a, b]| a.0 == b.0) {
        return Err(damaged(&format!("the tensor {name} is stored twice")));
    }
    Ok(WeightHeader { tensors, metadata, bytes: bytes.len() as u64 })
}

/// Returns what a type's numbers become, how they are kept, how many are in a unit and how many bytes that is.
fn number_type(kind: u32) -> Option<(Dtype, Option<BlockFormat>, usize, usize)> {
    match kind {
        0 => Some((Dtype::F32, None, 1, 4)),
        1 => Some((Dtype::F16, None, 1, 2)),
        30 => Some((Dtype::BF16, None, 1, 2)),
        8 => Some((Dtype::F32, Some(BlockFormat::Q8_0), 32, 34)),
        _ => None,
    }
}

/// Returns whether two shapes have the same number of elements.
fn is_of_as_many(shape: &[usize], other: &[usize]) -> bool {
    let count = |shape: &[usize]| shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    count(shape).is_some_and(|elements| Some(elements) == count(other))
}

/// Returns the name of a type that isn't read (`ggml_type`).
fn type_name(kind: u32) -> String {
    const NAMES: [&str; 40] = [
        "F32",
        "F16",
        "Q4_0",
        "Q4_1",
        "Q4_2",
        "Q4_3",
        "Q5_0",
        "Q5_1",
        "Q8_0",
        "Q8_1",
        "Q2_K",
        "Q3_K",
        "Q4_K",
        "Q5_K",
        "Q6_K",
        "Q8_K",
        "IQ2_XXS",
        "IQ2_XS",
        "IQ3_XXS",
        "IQ1_S",
        "IQ4_NL",
        "IQ3_S",
        "IQ2_S",
        "IQ4_XS",
        "I8",
        "I16",
        "I32",
        "I64",
        "F64",
        "IQ1_M",
        "BF16",
        "Q4_0_4_4",
        "Q4_0_4_8",
        "Q4_0_8_8",
        "TQ1_0",
        "TQ2_0",
        "IQ4_NL_4_4",
        "IQ4_NL_4_8",
        "IQ4_NL_8_8",
        "MXFP4",
    ];
    let name = usize::try_from(kind).ok().and_then(|kind| NAMES.get(kind));
    name.map_or_else(|| format!("number {kind}"), ToString::to_string)
}

/// Returns where a tensor's bytes are, if they are inside the file. Rows are whole units.
fn place(shape: &[usize], unit: usize, unit_len: usize, start: Option<u64>, file: usize) -> Option<Range<usize>> {
    let numbers = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))?;
    let row = shape.last().copied().unwrap_or(1);
    let len = (numbers / unit).checked_mul(unit_len).filter(|_| row % unit == 0)?;
    let start = usize::try_from(start?).ok()?;
    let end = start.checked_add(len).filter(|end| *end <= file)?;
    Some(start..end)
}

/// What a header holds.
struct GgufHeader {
    infos: Vec<GgufTensor>,
    /// The metadata that are texts or whole numbers.
    metadata: HashMap<String, String>,
    /// The true shapes of tensors that are stored in another, by the tensors' names.
    shapes: HashMap<String, Vec<usize>>,
}

/// What hasn't been read yet of a header. Every method gives `None` where it ends too early.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().copied().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.first_chunk().copied().map(u64::from_le_bytes)
    }

    fn string(&mut self) -> Option<String> {
        let len = self.u64()?;
        self.take(len).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn header(&mut self) -> Option<GgufHeader> {
        let (tensors, entries) = (self.u64()?, self.u64()?);
        let (mut metadata, mut shapes) = (HashMap::new(), HashMap::new());
        for _ in 0..entries {
            let (key, kind) = (self.string()?, self.u32()?);
            if let Some(tensor) = key.strip_prefix(ORIGINAL_SHAPE).filter(|_| kind == ARRAY) {
                shapes.insert(tensor.to_owned(), self.sizes()?);
            } else {
                metadata.insert(key, self.value(kind, 0)?);
            }
        }
        let mut infos = Vec::new();
        for _ in 0..tensors {
            infos.push(self.info()?);
        }
        Some(GgufHeader { infos, metadata, shapes })
    }

    /// Returns an array of whole numbers of four or eight bytes, none below 0.
    fn sizes(&mut self) -> Option<Vec<usize>> {
        let (kind, count) = (self.u32()?, self.u64()?);
        if count > u64::from(MAX_AXES) {
            return None;
        }
        let mut sizes = Vec::new();
        for _ in 0..count {
            sizes.push(match kind {
                4 => usize::try_from(self.u32()?).ok()?,
                5 => usize::try_from(self.u32()?.cast_signed()).ok()?,
                10 | 11 => usize::try_from(self.u64()?).ok()?,
                _ => return None,
            });
        }
        Some(sizes)
    }

    fn info(&mut self) -> Option<GgufTensor> {
        let name = self.string()?;
        let axes = self.u32().filter(|axes| *axes <= MAX_AXES)?;
        let mut shape = Vec::new();
        for _ in 0..axes {
            shape.push(usize::try_from(self.u64()?).ok()?);
        }
        // The axis that changes fastest comes first there.
        shape.reverse();
        Some(GgufTensor { name, shape, kind: self.u32()?, offset: self.u64()? })
    }

    /// Returns a text, or a whole number of four bytes; a value of any other kind is passed over and left empty.
    fn value(&mut self, kind: u32, depth: usize) -> Option<String> {
        match kind {
            0 | 1 | 7 => self.take(1)?,
            2 | 3 => self.take(2)?,
            4 => return self.u32().map(|number| number.to_string()),
            5 | 6 => self.take(4)?,
            8 => return self.string(),
            ARRAY if depth < MAX_DEPTH => {
                let (kind, count) = (self.u32()?, self.u64()?);
                // Every element has a byte at least.
                if count > self.rest.len() as u64 {
                    return None;
                }
                for _ in 0..count {
                    self.value(kind, depth + 1)?;
                }
                return Some(String::new());
            }
            10..=12 => self.take(8)?,
            _ => return None,
        };
        Some(String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use safetensors::SafeTensors;

    const GOLDEN: &[u8] = include_bytes!("../../../tests/golden/single_file/tensors.gguf");
    const NUMBERS: &[u8] = include_bytes!("../../../tests/golden/single_file/tensors.safetensors");

    fn read(bytes: &[u8]) -> Result<WeightHeader> {
        let file = SourceFile::made(Bytes::copy_from_slice(bytes), "model.gguf".into());
        read_header(&file, bytes)
    }

    /// The file is written by ggml's own Python package, and so are the numbers that its blocks stand for.
    #[test]
    fn every_type_has_the_numbers_that_ggml_says() {
        let expected = SafeTensors::deserialize(NUMBERS).expect("the golden is sound");
        let header = read(GOLDEN).expect("the golden is sound");
        assert_eq!(header.metadata["general.architecture"], "sd1");
        assert_eq!(header.tensors.len(), expected.len());
        for (name, stored) in header.tensors {
            let tensor = expected.tensor(&name).expect("the golden has it");
            let numbers: Vec<f32> =
                tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            assert_eq!(stored.shape, tensor.shape(), "{name}");
            assert_eq!(stored.numbers(), Some(numbers), "{name}");
        }
    }

    /// A file of one tensor of 512 zeros in f32, stored as two rows of 256, with this true shape.
    fn reshaped(kind: u32, sizes: &[i32]) -> Vec<u8> {
        let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let key = text("comfy.gguf.orig_shape.a.weight");
        let mut file = [MAGIC, &3_u32.to_le_bytes(), &1_u64.to_le_bytes(), &1_u64.to_le_bytes()].concat();
        file.extend([key, ARRAY.to_le_bytes().to_vec(), kind.to_le_bytes().to_vec()].concat());
        file.extend((sizes.len() as u64).to_le_bytes());
        file.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
        file.extend([text("a.weight"), 2_u32.to_le_bytes().to_vec()].concat());
        file.extend([256_u64, 2].into_iter().flat_map(u64::to_le_bytes));
        file.extend([0_u32.to_le_bytes().to_vec(), 0_u64.to_le_bytes().to_vec()].concat());
        file.resize(file.len().next_multiple_of(32) + 512 * 4, 0);
        file
    }

    #[test]
    fn a_tensor_that_is_stored_in_rows_of_256_has_its_true_shape() {
        for kind in [4, 5] {
            let header = read(&reshaped(kind, &[32, 4, 2, 2])).expect("a sound file");
            assert_eq!(header.tensors[0].1.shape, [32, 4, 2, 2]);
        }
        for sizes in [&[32, 4, 2, 1][..], &[], &[i32::MAX; 8]] {
            let error = read(&reshaped(5, sizes)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("of tensor a.weight doesn't fit its numbers"), "{error}");
        }
        for (kind, sizes) in [(5, &[-32, 16][..]), (6, &[32, 16]), (5, &[1; 9])] {
            let error = read(&reshaped(kind, sizes)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("damaged"), "{error}");
        }
    }

    #[test]
    fn types_that_are_not_read_are_named() {
        for (kind, name) in [(12, "Q4_K"), (16, "IQ2_XXS"), (20, "IQ4_NL"), (39, "MXFP4"), (99, "number 99")] {
            assert_eq!(type_name(kind), name);
        }
    }

    #[test]
    fn a_file_cut_short_anywhere_is_damaged() {
        for end in 4..GOLDEN.len() {
            let error = read(&GOLDEN[..end]).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("damaged") || (end < 8 && error.contains("version 0")), "{end}: {error}");
        }
    }

    #[test]
    fn no_header_with_a_wrong_byte_makes_trouble() {
        let header = GOLDEN.len().min(1 << 10);
        for at in 4..header {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bytes = GOLDEN.to_vec();
                bytes[at] = byte;
                if let Ok(header) = read(&bytes) {
                    assert!(header.tensors.iter().all(|(_, stored)| stored.bytes().is_ok()), "{at}");
                }
            }
        }
    }
}
