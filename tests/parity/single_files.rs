//! Single files: what the tiny checkpoints draw out of one is what they draw out of their folders, bit for bit; the configs
//! that are made for published models are the published ones; and what can't be opened is said so.

mod configs;
mod files;
mod refusals;

use std::fs;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor as BurnTensor};
use burnisher::base::cancel::CancelToken;
use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Guidance, Inpaint, Mask, Prompts, Request, Sampling, Seeds, Size, Task};
use burnisher::families;
use burnisher::models::autoencoder_kl::AutoencoderKL;
use burnisher::models::unet_2d_condition::UNet2DConditionModel;
use burnisher::storage::checkpoint::{self, CheckpointOptions};
use burnisher::storage::library::{self, Places};
use safetensors::Dtype;

use crate::imaging::{mask, picture};
use crate::runs::{draw, open, tiny};
use crate::support::checkpoints::{Checkpoint, Storage, folder};
use crate::support::golden::Arrays;
use files::{GGUF_F32, GGUF_Q8_0, Models, SingleFile, Tensor, read_component};

/// Small, but with every network in it: text, UNet, VAE, and whatever the task asks for.
fn request(task: Task) -> Request {
    Request {
        start: task.into(),
        prompts: Prompts::both("a small red house", "blurry"),
        sampling: Sampling { steps: 3, ..Sampling::default() },
        guidance: Guidance { scale: 5.0, ..Guidance::default() },
        seeds: Seeds::one(7),
        size: Size::new(64, 64),
        ..Request::default()
    }
}

/// Opens both and draws: every number of the two runs is the same.
fn assert_draws_the_same(file: &ModelRef, folder: &ModelRef, request: &Request) {
    let cpu = || device::open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU is there");
    let ours = draw(&open(file, cpu()), request, "the file");
    let theirs = draw(&open(folder, cpu()), request, "the folder");
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(ours.names()), sorted(theirs.names()));
    for name in theirs.names() {
        assert_eq!(ours.get(&name).values, theirs.get(&name).values, "{name}");
    }
    let image = theirs.get("image").values;
    assert!(image.iter().any(|number| (number - image[0]).abs() > 0.01), "the picture shows something");
}

#[test]
fn stable_diffusion_1_in_a_file_draws_what_its_folder_draws() {
    let checkpoint = Checkpoint::TinySd15;
    let models = Models::of(checkpoint, &SingleFile::of(checkpoint));
    assert_draws_the_same(&models.model(), &tiny(checkpoint), &request(Task::TextToImage));
}

#[test]
fn stable_diffusion_2_in_a_file_draws_what_its_folder_draws() {
    let checkpoint = Checkpoint::TinySd21V;
    let models = Models::of(checkpoint, &SingleFile::of(checkpoint));
    assert_draws_the_same(&models.model(), &tiny(checkpoint), &request(Task::TextToImage));
}

#[test]
fn a_model_for_inpainting_in_a_file_draws_what_its_folder_draws() {
    let checkpoint = Checkpoint::TinySd15Inpaint;
    let models = Models::of(checkpoint, &SingleFile::of(checkpoint));
    let image = models.path("picture.png");
    picture(64, 64).save(&image).expect("a PNG");
    let task = Inpaint { image: image.into(), strength: 1.0, mask: Mask::new(mask(64, 64)), ..Inpaint::default() };
    assert_draws_the_same(&models.model(), &tiny(checkpoint), &request(Task::Inpaint(Box::new(task))));
}

#[test]
fn a_depth_model_in_a_file_draws_what_its_folder_draws() {
    let checkpoint = Checkpoint::TinySd2DepthHybrid;
    let models = Models::of(checkpoint, &SingleFile::of(checkpoint));
    let image = models.path("picture.png");
    picture(64, 64).save(&image).expect("a PNG");
    let task = Task::DepthToImage { image: image.into(), strength: 0.8, depth: None };
    assert_draws_the_same(&models.model(), &tiny(checkpoint), &request(task));
}

/// All numbers of a module's parameters, in their order.
#[derive(Default)]
struct Numbers(Vec<f32>);

impl ModuleVisitor for Numbers {
    fn visit_float<const D: usize>(&mut self, param: &Param<BurnTensor<D>>) {
        self.0.extend(param.val().into_data().iter::<f32>());
    }
}

/// The weights of a component as they come into its network.
fn weights<M: Module>(checkpoint: &checkpoint::Checkpoint, component: &str, network: M) -> Vec<f32> {
    let loaded = checkpoint.load(component, network, DType::F32, &mut |_| Ok(()));
    let mut numbers = Numbers::default();
    loaded.expect("it loads").visit(&mut numbers);
    numbers.0
}

fn unet(checkpoint: &checkpoint::Checkpoint) -> Vec<f32> {
    let config = &checkpoint.component("unet").expect("it has one").config;
    weights(checkpoint, "unet", UNet2DConditionModel::new(config, &Device::flex()).expect("the config is known"))
}

fn vae(checkpoint: &checkpoint::Checkpoint) -> Vec<f32> {
    let config = &checkpoint.component("vae").expect("it has one").config;
    weights(checkpoint, "vae", AutoencoderKL::new(config, &Device::flex()).expect("the config is known"))
}

fn of_folder(component: fn(&checkpoint::Checkpoint) -> Vec<f32>) -> Vec<f32> {
    component(&families::open(&tiny(Checkpoint::TinySd15)).expect("it opens"))
}

#[test]
fn weights_of_every_type_come_in_as_the_numbers_they_stand_for() {
    let original = of_folder(vae);
    for (dtype, most) in [(Dtype::F16, 2e-3), (Dtype::BF16, 2e-2), (Dtype::F8_E5M2, 0.3)] {
        let models = Models::with(&SingleFile::of(Checkpoint::TinySd15).rounded(dtype));
        let checkpoint = models.open().expect("it opens");
        let rounded = vae(&checkpoint);
        assert_eq!(rounded.len(), original.len());
        let off = rounded.iter().zip(&original).filter(|(a, b)| (*a - *b).abs() > most * b.abs().max(1e-3)).count();
        assert_eq!(off, 0, "{dtype:?}");
        let description = checkpoint.describe().expect("its header is sound");
        let weights = description.components.into_iter().find_map(|c| c.weights.filter(|_| c.name == "unet"));
        let weights = weights.expect("the unet's");
        assert_eq!(weights.dtypes.into_iter().collect::<Vec<_>>(), [format!("{dtype:?}")]);
        assert_eq!(weights.files, ["model.safetensors"]);
    }
}

#[test]
fn a_gguf_file_draws_what_its_folder_draws() {
    let checkpoint = Checkpoint::TinySd15;
    let models = Models::of(checkpoint, &SingleFile::default());
    let path = models.path("model.gguf");
    SingleFile::of(checkpoint).write_gguf(&path, |_, _| GGUF_F32);
    let model = ModelRef::File(path.clone());
    assert_draws_the_same(&model, &tiny(checkpoint), &request(Task::TextToImage));

    // As ComfyUI's converter does it: what has rows that fill no blocks lies in rows of 256, its shape among the metadata.
    SingleFile::of(checkpoint).write_gguf_of_comfyui(&path);
    assert_draws_the_same(&model, &tiny(checkpoint), &request(Task::TextToImage));

    // As stable-diffusion.cpp does it: matrices in blocks, the rest as it is.
    let is_matrix = |tensor: &Tensor| tensor.shape.len() == 2 && tensor.shape[1].is_multiple_of(32);
    SingleFile::of(checkpoint).write_gguf(&path, |_, tensor| if is_matrix(tensor) { GGUF_Q8_0 } else { GGUF_F32 });
    let (ours, original) = (unet(&families::open(&model).expect("it opens")), of_folder(unet));
    let most = original.iter().fold(0.0, |most: f32, number| most.max(number.abs()));
    let differences = || ours.iter().zip(&original).map(|(a, b)| (a - b).abs());
    assert!(differences().all(|difference| difference <= most / 127.0));
    assert!(differences().any(|difference| difference > 0.0), "something was rounded");

    let places = Places::only(vec![path.parent().expect("a folder").to_owned()]);
    let (found, _) = library::list(&places, families::ALL, &CancelToken::new()).expect("threads");
    let item = found.iter().find(|item| item.model.as_ref() == Some(&model)).expect("the library has it");
    assert!(item.is_usable() && item.precisions.contains("q8_0"), "{item:?}");
}

#[test]
fn tensors_that_nothing_reads_are_shown_and_hinder_nothing() {
    let one = || Tensor::f32(&[1], [1.0]);
    let file = SingleFile::of(Checkpoint::TinySd15)
        .with("model.diffusion_model.time_machine.weight", one())
        // These are in many files, and mean nothing.
        .with("model_ema.decay", one())
        .with("first_stage_model.loss.logvar", one())
        .with("cond_stage_model.transformer.text_projection.weight", one());
    let models = Models::with(&file);
    let checkpoint = models.open().expect("it opens");
    let config = &checkpoint.component("unet").expect("it has one").config;
    let network = UNet2DConditionModel::new(config, &Device::flex()).expect("the config is known");
    let comparison = checkpoint.compare("unet", &network, DType::F32).expect("the header is sound");
    assert_eq!(comparison.mismatch.unused, ["model.diffusion_model.time_machine.weight"]);
    assert!(unet(&checkpoint) == of_folder(unet));
}

/// Civitai has files whose text encoder lacks the word, and some that count the positions.
#[test]
fn the_text_encoder_may_go_without_its_prefix() {
    // Merging tools make floats of them, or leave them out.
    for (dtype, width) in [(Dtype::I64, 8), (Dtype::F32, 4), (Dtype::F16, 2), (Dtype::I64, 0)] {
        let mut file = SingleFile::of(Checkpoint::TinySd15)
            .renamed("transformer.text_model.", "transformer.")
            .with("alphas_cumprod", Tensor::f32(&[2], [1.0, 0.5]));
        if width > 0 {
            let positions = Tensor { dtype, shape: vec![1, 77], bytes: vec![0; 77 * width] };
            file = file.with("cond_stage_model.transformer.embeddings.position_ids", positions);
        }
        let models = Models::of(Checkpoint::TinySd15, &file);
        assert_draws_the_same(&models.model(), &tiny(Checkpoint::TinySd15), &request(Task::TextToImage));
    }
}

#[test]
fn averaged_weights_are_taken_when_they_are_asked_for() {
    let mut file = SingleFile::of(Checkpoint::TinySd15);
    let last: Vec<_> = file.tensors.iter().filter(|(name, _)| name.starts_with("model.")).collect();
    let averaged: Vec<_> = last
        .into_iter()
        .map(|(name, tensor)| {
            let flat = name.trim_start_matches("model.").replace('.', "");
            (format!("model_ema.{flat}"), tensor.map(|number| 2.0 * number))
        })
        .collect();
    file.tensors.extend(averaged);
    let models = Models::with(&file);
    let original = of_folder(unet);
    assert!(unet(&models.open().expect("it opens")) == original, "the last ones, as in Diffusers");
    let averaged = CheckpointOptions { use_averaged: true, ..CheckpointOptions::default() };
    let doubled: Vec<f32> = original.iter().map(|number| 2.0 * number).collect();
    assert!(unet(&models.open_with(&averaged).expect("it opens")) == doubled);

    let without = Models::with(&SingleFile::of(Checkpoint::TinySd15));
    let error = without.open_with(&averaged).map(|_| ()).expect_err("there are none").to_string();
    assert!(error.starts_with("this file has no averaged (EMA) weights: "), "{error}");
}

#[test]
fn a_vae_beside_the_file_is_used_in_either_layout() {
    let file = SingleFile::of(Checkpoint::TinySd15);
    let original = of_folder(vae);
    let ldm = file.clone().only("first_stage_model.");
    let vae_folder = folder(Checkpoint::TinySd15, Storage::Whole).join("vae");
    let diffusers = SingleFile { tensors: read_component(&vae_folder), ..SingleFile::default() };
    for beside in [&ldm, &diffusers] {
        // With one of its own that is another, and without any.
        let mut other = file.clone();
        for tensor in other.tensors.iter_mut().filter(|(name, _)| name.starts_with("first_stage_model.")) {
            *tensor.1 = tensor.1.map(|number| -number);
        }
        for model in [&other, &file.clone().without("first_stage_model.")] {
            let models = Models::with(model);
            beside.write(&models.path("model.vae.safetensors"));
            assert!(vae(&models.open().expect("it opens")) == original);
        }
    }
}

#[test]
fn a_vae_that_is_named_goes_before_all_others_for_every_kind_of_model() {
    let file = SingleFile::of(Checkpoint::TinySd15);
    let mut other = file.clone().only("first_stage_model.");
    other.tensors.values_mut().for_each(|tensor| *tensor = tensor.map(|number| -number));
    let models = Models::with(&file.clone().without("first_stage_model."));
    other.write(&models.path("other.safetensors"));
    let options = CheckpointOptions { vae: Some(models.path("other.safetensors")), ..CheckpointOptions::default() };
    let negated: Vec<f32> = of_folder(vae).iter().map(|number| -number).collect();
    assert!(vae(&models.open_with(&options).expect("it opens")) == negated);
    let folder = checkpoint::Checkpoint::open(&tiny(Checkpoint::TinySd15), families::ALL, &options).expect("it opens");
    assert!(vae(&folder) == negated);

    file.only("model.diffusion_model.").write(&models.path("unet.safetensors"));
    let options = CheckpointOptions { vae: Some(models.path("unet.safetensors")), ..CheckpointOptions::default() };
    for model in [models.model(), tiny(Checkpoint::TinySd15)] {
        let error =
            checkpoint::Checkpoint::open(&model, families::ALL, &options).map(|_| ()).expect_err("no VAE").to_string();
        assert!(error.starts_with("this file is no VAE but a Stable Diffusion 1 UNet: "), "{error}");
    }
}

#[test]
fn what_the_file_lacks_may_lie_in_a_folder_beside_it() {
    let checkpoint = Checkpoint::TinySd15;
    let models = Models::of(checkpoint, &SingleFile::of(checkpoint).only("model.diffusion_model."));
    for (component, file) in [("text_encoder", "model"), ("vae", "diffusion_pytorch_model")] {
        let file = format!("{component}/{file}.safetensors");
        let from = folder(checkpoint, Storage::Whole).join(&file);
        models.put(&format!("model/{file}"), fs::read(from).expect("weights"));
    }
    assert_draws_the_same(&models.model(), &tiny(checkpoint), &request(Task::TextToImage));
}

/// As `load_textual_inversion` and `encode_prompt` of Diffusers have it: the prompt is that of `generate.py`.
#[test]
fn words_of_textual_inversion_are_read_from_the_folder_beside() {
    let checkpoint = Checkpoint::TinySd15;
    let golden = Arrays::open("single_file/embeddings");
    let word = |file: &str, tensor: &str, name: &str| {
        let rows = golden.get(name);
        (file.to_owned(), SingleFile::default().with(tensor, Tensor::f32(&rows.shape, rows.values)))
    };
    let zeros = |shape: &[usize]| Tensor::f32(shape, vec![0.0; shape.iter().product()]);
    let models = Models::of(checkpoint, &SingleFile::of(checkpoint));
    models.put("embeddings/broken.safetensors", b"no header");
    models.put("embeddings/old.pt", b"PK");
    for (file, content) in [
        word("a-toy", "<toy>", "<toy>"),
        word("Style", "emb_params", "style"),
        ("squirrel".to_owned(), SingleFile::default().with("emb_params", zeros(&[1, 768]))),
        ("of".to_owned(), SingleFile::default().with("some.weight", zeros(&[1, 32]))),
    ] {
        content.write(&models.path(&format!("embeddings/{file}.safetensors")));
    }
    let pipeline = open(&models.model(), device::open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU is there"));
    for toy in ["<toy>", "a-toy"] {
        let prompt = format!("a Picasso of {toy} and style, in the style of a squirrel");
        let request = request(Task::TextToImage).with(|request| {
            request.prompts.prompt = prompt;
            request.sampling.steps = 1;
            request.guidance.scale = 1.0;
        });
        let embeds = draw(&pipeline, &request, "words").get("prompt_embeds").values;
        // Sums in another order than torch's, of numbers that are a few units large.
        let difference = golden.get("prompt_embeds").largest_difference(&embeds);
        assert!(difference < 5e-5, "{toy}: {difference}");
    }
    assert_eq!(
        pipeline.notes(),
        [
            "words in old.pt are left out: pickles aren't opened; take them as .safetensors",
            "words in broken.safetensors are left out: the file is damaged, or can't be read",
            "words in of.safetensors are left out: the file is something else",
            "words in squirrel.safetensors are left out: they are for models of another kind",
        ]
    );
    let tokenizer = pipeline.tokenizer().expect("it reads text");
    let count = |prompt: &str| {
        let count = tokenizer.count(prompt).expect("it is split");
        (count.tokens, count.cut_at)
    };
    assert_eq!(count("style"), (3, None));
    assert_eq!(count(&"Style ".repeat(26)), (78, Some(150)));
}
