//! Models: their configs, headers and indexes, in folders and single files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::cancel::CancelToken;
use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::error::Result;
use burnisher::base::model_ref::ModelRef;
use burnisher::base::stop::{Outcome, Stop};
use burnisher::content::request::{Prompts, Request, Sampling, Size, TaskKind, Valid};
use burnisher::families;
use burnisher::pipelines::{DiffusionPipeline, Hooks};
use burnisher::storage::library::{self, Places};
use burnisher::worker::{self, Host};
use serde_json::Value;
use tempfile::TempDir;

use crate::formats::Format;
use crate::pictures::{Place, goldens};
use crate::single_files::{Models, SingleFile};
use crate::support::checkpoints::{Checkpoint, Storage, folder};

/// A folder of a model, in which one file is replaced.
struct ModelFolder {
    root: TempDir,
    file: PathBuf,
}

impl ModelFolder {
    /// Links to the files of a tiny model, all but one.
    fn new(checkpoint: Checkpoint, storage: Storage, file: &str) -> Self {
        let from = folder(checkpoint, storage);
        let root = tempfile::tempdir_in(from.parent().expect("a folder")).expect("a folder");
        link(&from, &root.path().join("model"));
        let file = root.path().join("model").join(file);
        Self { root, file }
    }

    fn sample(&self) -> Vec<u8> {
        fs::read(&self.file).expect("a file")
    }

    fn read(&self, bytes: &[u8]) -> Result<()> {
        // What is there may be a link to the file of others.
        fs::remove_file(&self.file).and_then(|()| fs::write(&self.file, bytes)).expect("written");
        used(&ModelRef::Folder(self.root.path().join("model")), self.root.path())
    }
}

fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { link(&entry.path(), &to) } else { fs::hard_link(entry.path(), to).expect("a link") }
    }
}

/// Everything that is done with a model: found in the library, looked into, opened, drawn with.
fn used(model: &ModelRef, found_in: &Path) -> Result<()> {
    let places = Places::only(vec![found_in.to_owned()]);
    for item in library::list(&places, families::ALL, &CancelToken::new()).expect("no one cancels it").0 {
        item.state.why();
    }
    let host = Host { device: DeviceChoice::Cpu, ..Host::default() };
    worker::inspect(model, host).ok();
    match drawn(model) {
        Ok(()) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Cancelled) => panic!("nobody cancels it"),
    }
}

fn drawn(model: &ModelRef) -> Outcome<()> {
    let compute = device::open(DeviceChoice::Cpu, DtypeChoice::F32)?;
    let pipeline = DiffusionPipeline::open(model, compute, &mut |_| Ok(()))?;
    if !pipeline.tasks().iter().any(|task| matches!(task, TaskKind::TextToImage | TaskKind::Unconditional)) {
        return Ok(());
    }
    let request = Request {
        prompts: Prompts::both("a fox", ""),
        sampling: Sampling { steps: 2, ..Sampling::default() },
        size: Size::new(64, 64),
        ..Request::default()
    };
    let cancel = CancelToken::new();
    let hooks = Hooks { on_phase: &mut |_| {}, on_step: &mut |_| Ok(()), cancel: &cancel, trace: None };
    pipeline.run(&Valid::new(request)?, hooks).map(drop)
}

/// The part of a file of weights that isn't numbers.
fn header_of(file: &[u8]) -> usize {
    8 + u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize
}

pub(crate) fn formats() -> Vec<Format> {
    let mut formats = Vec::new();
    for (checkpoint, files) in [
        (
            Checkpoint::TinySd15SafetyFlag,
            &[
                ("model_index.json", "model_index.json"),
                ("scheduler's config", "scheduler/scheduler_config.json"),
                ("text encoder's config", "text_encoder/config.json"),
                ("UNet's config", "unet/config.json"),
                ("VAE's config", "vae/config.json"),
                ("safety checker's config", "safety_checker/config.json"),
                ("image processor's config", "feature_extractor/preprocessor_config.json"),
            ][..],
        ),
        (Checkpoint::TinySd2Depth, &[("depth estimator's config", "depth_estimator/config.json")]),
        (Checkpoint::TinyDdpm, &[("unconditional config", "unet/config.json")]),
    ] {
        for (name, file) in files {
            let folder = ModelFolder::new(checkpoint, Storage::Whole, file);
            formats.push(Format::json(name, vec![folder.sample()], move |bytes| folder.read(bytes)));
        }
    }
    let index =
        ModelFolder::new(Checkpoint::TinyDdpm, Storage::Sharded, "unet/diffusion_pytorch_model.safetensors.index.json");
    formats.push(Format::json("index of weights", vec![index.sample()], move |bytes| index.read(bytes)));
    let weights = ModelFolder::new(Checkpoint::TinyDdpm, Storage::Whole, "unet/diffusion_pytorch_model.safetensors");
    let sample = weights.sample();
    // Only what isn't numbers is mutated: every number is as good as another.
    let (header, numbers) = sample.split_at(header_of(&sample));
    let numbers = numbers.to_vec();
    formats.push(
        Format::json("header of weights", vec![header.to_vec()], move |header| {
            weights.read(&[header, &numbers].concat())
        })
        .readable_when_cut(),
    );
    let alone = |name: &'static str, file: &'static str, samples: Vec<Vec<u8>>| {
        let place = Place::new(file);
        let read = move |bytes: &[u8]| used(&ModelRef::File(place.with(bytes).to_owned()), place.folder());
        Format::binary(name, samples, read)
    };
    formats.push(alone("safetensors alone", "model.safetensors", goldens("single_file", ".safetensors")));
    formats.push(alone("GGUF alone", "model.gguf", goldens("single_file", ".gguf")));
    formats.push(alone(
        "pickle",
        "model.ckpt",
        vec![
            b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dictq\x01}q\x02s.".to_vec(),
            b"PK\x03\x04archive/data.pkl".to_vec(),
        ],
    ));
    formats.push(embedding());
    formats.push(original_config());
    formats
}

/// A textual inversion beside a single file that is drawn with.
fn embedding() -> Format {
    let models = Models::of(Checkpoint::TinySd15, &SingleFile::of(Checkpoint::TinySd15));
    let read = move |bytes: &[u8]| {
        models.put("embeddings/fox.safetensors", bytes);
        used(&models.model(), &models.path(""))
    };
    let zeros = vec![0_u8; 4 * 32];
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1, 32], &zeros).expect("it fits");
    let sample = safetensors::serialize([("emb_params", view)], None).expect("a file");
    // What isn't sound is left out with a note.
    Format::binary("embedding", vec![sample], read).readable_when_cut()
}

/// A config in the authors' format beside a single file that is drawn with.
fn original_config() -> Format {
    let models = Models::of(Checkpoint::TinySd15, &SingleFile::of(Checkpoint::TinySd15));
    let read = move |bytes: &[u8]| {
        models.put("model.yaml", bytes);
        used(&models.model(), &models.path(""))
    };
    let originals: BTreeMap<String, Value> = crate::support::golden::json("single_file/original_configs.json");
    let samples = originals.values().map(|original| original["text"].as_str().expect("a text").as_bytes().to_vec());
    Format::text("original config", samples.collect(), read)
}
