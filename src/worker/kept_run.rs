//! The picture that is being drawn, as it is kept on disk: which one it is, and the state of its run after one of its steps.
//!
//! The file is a safetensors file whose `__metadata__` has a version, a record in JSON, and a checksum of record and tensors. One
//! that is damaged, or of another version, is none: the picture is drawn from the start then.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use flate2::Crc;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::base::digest::sha256;
use crate::base::error::{Error, Result};
use crate::content::request::Request;
use crate::pipelines::{HostTensor, Resumption, RunRecord, RunState};

/// The keys of the metadata.
const VERSION_KEY: &str = "burnisher_run";
const RECORD_KEY: &str = "record";
const CHECKSUM_KEY: &str = "checksum";

/// The version of the format.
const VERSION: &str = "1";

/// Tells one picture of the queue from all others, also from those of other runs of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureTicket {
    /// The key of its generation.
    pub key: u64,
    /// The SHA-256 of its model's name and its request.
    hash: String,
}

/// A picture that is being drawn, after one of its steps.
#[derive(Clone, Debug)]
pub struct KeptRun {
    /// Which picture it is.
    pub ticket: PictureTicket,
    /// What the model's files were found by; `None` if they have no such name.
    pub model_hash: Option<String>,
    /// How its run is gone on with, after the decodings that failed.
    pub resumption: Resumption,
    /// How often its decoding was begun since one failed, with this program or one before it.
    decodes_begun: u32,
}

/// Everything of a [`KeptRun`] but its tensors.
#[derive(Serialize, Deserialize)]
struct KeptRecord {
    ticket: PictureTicket,
    model_hash: Option<String>,
    failed_decodes: u32,
    #[serde(default)]
    decodes_begun: u32,
    run: RunRecord,
}

impl PictureTicket {
    /// The ticket of a picture of the generation with this key: `request` draws it alone. `None` if a path in it has no text.
    pub fn of(key: u64, model: &str, request: &Request) -> Option<Self> {
        let json = serde_json::to_vec(&(model, request)).ok()?;
        Some(Self { key, hash: sha256(&json) })
    }
}

impl KeptRun {
    /// A picture after one of its steps.
    pub fn new(ticket: PictureTicket, model_hash: Option<String>, state: Arc<RunState>) -> Self {
        Self { ticket, model_hash, resumption: Resumption { state, failed_decodes: 0 }, decodes_begun: 0 }
    }

    /// How its run is gone on with now. The first program that ended in the decoding may have been ended by anything; of each one
    /// after it the decoding itself is suspected, as where it takes more memory than the system gives.
    pub(super) fn next_resumption(&self) -> Resumption {
        let Resumption { state, failed_decodes } = self.resumption.clone();
        Resumption { state, failed_decodes: failed_decodes.saturating_add(self.decodes_begun.saturating_sub(1)) }
    }

    /// The same with its decoding begun once more.
    pub(super) fn with_decode_begun(&self) -> Self {
        Self { decodes_begun: self.decodes_begun.saturating_add(1), ..self.clone() }
    }

    /// The number of steps that are done, and of all.
    pub fn progress(&self) -> (usize, usize) {
        self.resumption.state.progress()
    }

    /// The same after its decoding failed.
    #[must_use]
    pub fn after_failed_decode(&self) -> Self {
        let Resumption { state, failed_decodes } = self.next_resumption();
        let resumption = Resumption { state, failed_decodes: failed_decodes.saturating_add(1) };
        Self { resumption, decodes_begun: 0, ..self.clone() }
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// A tensor that doesn't fit its shape.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let cant =
            |cause: &dyn std::fmt::Display| Error::new(format!("The picture in the making can't be kept: {cause}"));
        let Resumption { state, failed_decodes } = &self.resumption;
        let (ticket, model_hash) = (self.ticket.clone(), self.model_hash.clone());
        let (failed_decodes, decodes_begun) = (*failed_decodes, self.decodes_begun);
        let record = KeptRecord { ticket, model_hash, failed_decodes, decodes_begun, run: state.record.clone() };
        let record = serde_json::to_string(&record).map_err(|cause| cant(&cause))?;
        let bytes =
            |tensor: &HostTensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let tensors: BTreeMap<&String, (&HostTensor, Vec<u8>)> =
            state.tensors.iter().map(|(name, tensor)| (name, (tensor, bytes(tensor)))).collect();
        let checksum = checksum(&record, tensors.iter().map(|(name, (_, bytes))| (name.as_str(), &**bytes)));
        let views = tensors.iter().map(|(name, (tensor, bytes))| {
            let view = TensorView::new(Dtype::F32, tensor.shape.to_vec(), bytes).map_err(|cause| cant(&cause))?;
            Ok((*name, view))
        });
        let metadata = [(VERSION_KEY, VERSION.to_owned()), (RECORD_KEY, record), (CHECKSUM_KEY, checksum)];
        let metadata: HashMap<String, String> =
            metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata)).map_err(|cause| cant(&cause))
    }

    /// Reads the bytes of its file.
    ///
    /// # Errors
    /// They are damaged, or of another version.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let unreadable = || Error::new("The picture in the making was kept by another version, or the file is damaged");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|cause| unreadable().caused_by(cause))?;
        let metadata = header.metadata().as_ref().ok_or_else(unreadable)?;
        let text = |key: &str| metadata.get(key).ok_or_else(unreadable);
        if text(VERSION_KEY)? != VERSION {
            return Err(unreadable());
        }
        let file = SafeTensors::deserialize(bytes).map_err(|cause| unreadable().caused_by(cause))?;
        let tensors: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
        let record = text(RECORD_KEY)?;
        if *text(CHECKSUM_KEY)? != checksum(record, tensors.iter().map(|(name, view)| (name.as_str(), view.data()))) {
            return Err(unreadable());
        }
        let record: KeptRecord = serde_json::from_str(record).map_err(|cause| unreadable().caused_by(cause))?;
        let host = |(name, view): (String, TensorView<'_>)| {
            let shape = <[usize; 4]>::try_from(view.shape()).map_err(|_| unreadable())?;
            let (numbers, rest) = view.data().as_chunks::<4>();
            if view.dtype() != Dtype::F32 || !rest.is_empty() {
                return Err(unreadable());
            }
            Ok((name, HostTensor { shape, values: numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect() }))
        };
        let tensors = tensors.into_iter().map(host).collect::<Result<_>>()?;
        let KeptRecord { ticket, model_hash, failed_decodes, decodes_begun, run } = record;
        let state = Arc::new(RunState { record: run, tensors });
        Ok(Self { ticket, model_hash, resumption: Resumption { state, failed_decodes }, decodes_begun })
    }
}

/// A checksum of a record and of tensors in the order of their names.
fn checksum<'a>(record: &str, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut crc = Crc::new();
    crc.update(record.as_bytes());
    tensors.for_each(|(name, bytes)| {
        crc.update(name.as_bytes());
        crc.update(bytes);
    });
    format!("{:08x}", crc.sum())
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::base::rng::Generators;
    use crate::schedulers::SnapshotRecord;

    /// A picture in the making of the generation with this key.
    pub(in crate::worker) fn kept(key: u64) -> KeptRun {
        let mut generators = Generators::per_image([7]);
        generators.randn([1, 1, 1, 3]);
        let tensor = |value: f32| HostTensor { shape: [1, 2, 1, 1], values: vec![value, -0.0] };
        let sampler = SnapshotRecord {
            class: "DDIMScheduler".into(),
            calls: 5,
            next: 3,
            outputs: 1,
            counts: [("lower".to_owned(), 2)].into(),
        };
        let record = RunRecord { begin: 1, next: 3, end: 5, sampler, generators };
        let tensors = [("samples".to_owned(), tensor(1.5)), ("sampler.output_0".to_owned(), tensor(f32::MIN_POSITIVE))];
        let state = Arc::new(RunState { record, tensors: tensors.into() });
        let ticket = PictureTicket::of(key, "bundled", &Request::default()).expect("a ticket");
        let kept = KeptRun::new(ticket, Some("sampled-0".into()), state);
        kept.after_failed_decode().after_failed_decode()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::kept;
    use super::*;

    #[test]
    fn a_picture_in_the_making_is_read_as_it_was_written() {
        let kept = kept(1 << 50);
        let read = KeptRun::from_bytes(&kept.to_bytes().expect("bytes")).expect("a picture in the making");
        assert_eq!((&read.ticket, &read.model_hash), (&kept.ticket, &kept.model_hash));
        assert_eq!(read.resumption.state, kept.resumption.state);
        assert_eq!((read.resumption.failed_decodes, read.progress()), (2, (2, 4)));
        assert_eq!(read.after_failed_decode().resumption.failed_decodes, 3);
    }

    #[test]
    fn a_decoding_in_which_programs_end_again_and_again_is_done_in_smaller_and_smaller_tiles() {
        let mut run = kept(1 << 50);
        let mut failed = Vec::new();
        for _ in 0..4 {
            // The program that begins to decode is killed, and the next one finds what it has kept.
            run = KeptRun::from_bytes(&run.with_decode_begun().to_bytes().expect("bytes")).expect("a picture");
            failed.push(run.next_resumption().failed_decodes);
        }
        assert_eq!(failed, [2, 3, 4, 5], "the first end says nothing of the decoding");
        assert_eq!(run.after_failed_decode().next_resumption().failed_decodes, 6);
    }

    #[test]
    fn a_damaged_file_or_one_of_another_version_is_never_gone_on_with() {
        let bytes = kept(1 << 50).to_bytes().expect("bytes");
        for cut in 0..bytes.len() {
            assert!(KeptRun::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            // The order of the metadata's entries says nothing, nor does a blank.
            let read = KeptRun::from_bytes(&damaged);
            assert!(read.is_err() || bytes[at].is_ascii_whitespace(), "changed at {at}");
        }
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(r#""burnisher_run":"1""#));
        let at = text.find(r#"run":"1""#).expect("a version") + 6;
        let mut newer = bytes.clone();
        newer[at] = b'2';
        assert!(KeptRun::from_bytes(&newer).expect_err("a newer one").to_string().contains("another version"));
    }
}
