//! Each network of a checkpoint against Diffusers' and transformers' own (`tests/golden/models`), on the CPU in f32.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};
use burnisher::base::model_ref::ModelRef;
use burnisher::base::rng::TorchRng;
use burnisher::content::text::Tokenizer;
use burnisher::content::text::clip_tokenizer::ClipTokenizer;
use burnisher::models::autoencoder_kl::AutoencoderKL;
use burnisher::models::clip::ClipTextModel;
use burnisher::models::dpt::DptForDepthEstimation;
use burnisher::models::residuals::Residuals;
use burnisher::models::safety_checker::{StableDiffusionSafetyChecker, cosine};
use burnisher::models::unet_2d::UNet2DModel;
use burnisher::models::unet_2d_condition::UNet2DConditionModel;
use burnisher::models::unet_blocks::Pace;
use burnisher::storage::checkpoint::Checkpoint as Model;
use serde::Deserialize;

use crate::support::checkpoints::{Checkpoint, Storage, folder};
use crate::support::golden::{Array, Arrays, json};

/// Outputs are of order 1 to 10 and end in sums of up to a few thousand f32 products, which torch adds in another order.
const TOLERANCE: f32 = 1e-5;
/// A ResNet whose weights are standardised before a transformer: some forty layers, and depths up to 3.
const DEPTH_TOLERANCE: f32 = 1e-4;
/// What rounding every weight to f16 (11 bits) does to the output of some fifty layers.
const HALF_TOLERANCE: f32 = 1e-2;

/// Goldens have every third depth of every third row.
const DEPTH_STRIDE: usize = 3;

/// A seeded draw that both sides make.
#[derive(Deserialize)]
struct Randn {
    shape: Vec<usize>,
    seed: u64,
}

impl Randn {
    fn tensor<const D: usize>(&self) -> Tensor<D> {
        let values = TorchRng::manual_seed(self.seed).randn(self.shape.iter().product());
        Tensor::from_data(TensorData::new(values, self.shape.clone()), &Device::flex())
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(flatten)]
    input: Input,
}

#[derive(Deserialize)]
#[serde(tag = "component", rename_all = "snake_case")]
enum Input {
    TextEncoder { prompts: Vec<String> },
    Unet { sample: Randn, timestep: f64, encoder_hidden_states: Option<Randn> },
    VaeDecoder { latents: Randn, tile: Option<usize> },
    VaeEncoder { image: Randn, tile: Option<usize> },
    SafetyChecker { pixels: Randn },
    DepthEstimator { pixels: Randn },
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32 values")
}

/// A network that answers the inputs which are meant for it.
type Run = Box<dyn Fn(&Input) -> Option<Vec<f32>>>;

/// The network with its weights.
pub(crate) fn load<M: Module>(model: &Model, component: &str, network: M) -> M {
    let loaded = model.load(component, network, DType::F32, &mut |_| Ok(()));
    loaded.expect("the weights load")
}

/// Runs every case of `golden` whose network is `component` and holds what comes out against it.
fn compare(model: &ModelRef, golden: &str, component: &str, tolerance: f32) {
    let model = burnisher::families::open(model).expect("the checkpoint opens");
    let device = Device::flex();
    let config = &model.component(component).expect("the checkpoint has it").config;
    let run: Run = match component {
        "text_encoder" => {
            let tokenizer =
                ClipTokenizer::from_files("tokenizer".as_ref(), &|name| model.bytes(&format!("tokenizer/{name}")));
            let tokenizer = tokenizer.expect("the tokenizer opens");
            let network = ClipTextModel::new(config, &device).expect("the config is supported");
            let network = load(&model, component, network);
            Box::new(move |input| {
                let Input::TextEncoder { prompts } = input else { return None };
                let ids: Vec<_> = prompts.iter().map(|prompt| tokenizer.encode(prompt).expect("ids")).collect();
                Some(values(network.forward(&ids).expect("the ids are its own")))
            })
        }
        "unet" if model.family().id == "unconditional" => {
            let network = load(&model, component, UNet2DModel::new(config, &device).expect("the config is supported"));
            Box::new(move |input| {
                let Input::Unet { sample, timestep, .. } = input else { return None };
                network.forward(sample.tensor(), *timestep, Pace::AtOnce).map(values).ok()
            })
        }
        "unet" => {
            let network = UNet2DConditionModel::new(config, &device).expect("the config is supported");
            let network = load(&model, component, network);
            Box::new(move |input| {
                let Input::Unet { sample, timestep, encoder_hidden_states: Some(text) } = input else { return None };
                let text = text.tensor();
                network.forward(sample.tensor(), *timestep, &text, &Residuals::default(), Pace::AtOnce).map(values).ok()
            })
        }
        "safety_checker" => {
            let network = StableDiffusionSafetyChecker::new(config, &device).expect("the config is supported");
            let network = load(&model, component, network);
            Box::new(move |input| {
                let Input::SafetyChecker { pixels } = input else { return None };
                Some(embeds_and_cosines(&network, pixels.tensor()))
            })
        }
        "depth_estimator" => {
            let network = DptForDepthEstimation::new(config, &device).expect("the config is supported");
            let network = load(&model, component, network);
            Box::new(move |input| {
                let Input::DepthEstimator { pixels } = input else { return None };
                let depth = network.forward(pixels.tensor());
                let [batch, height, width] = depth.dims();
                let depth = values(depth);
                let kept = |i: usize| i.is_multiple_of(DEPTH_STRIDE);
                let places = (0..batch).flat_map(|k| (0..height).flat_map(move |y| (0..width).map(move |x| (k, y, x))));
                let kept = places.filter(|&(_, y, x)| kept(y) && kept(x));
                Some(kept.map(|(k, y, x)| depth[(k * height + y) * width + x]).collect())
            })
        }
        _ => {
            let network = AutoencoderKL::new(config, &device).expect("the config is supported");
            let network = load(&model, component, network);
            Box::new(move |input| run_vae(&network, input))
        }
    };
    let cases =
        json::<BTreeMap<String, Vec<Case>>>("models/cases.json").remove(golden).expect("cases of this checkpoint");
    let arrays = Arrays::open(&format!("models/{golden}"));
    let mut compared = 0;
    for case in &cases {
        if let Some(output) = run(&case.input) {
            assert_close(&arrays.get(&case.name), &output, tolerance, &format!("{golden} {}", case.name));
            compared += 1;
        }
    }
    assert!(compared > 0, "no case for {component}");
}

/// The embeddings of a batch of pictures, each followed by its cosines to the special-care concepts and the concepts.
fn embeds_and_cosines(network: &StableDiffusionSafetyChecker, pixels: Tensor<4>) -> Vec<f32> {
    let embeds = network.image_embeds(pixels).expect("nobody cancelled it");
    let dim = embeds.dims()[1];
    let [special_care, concepts] = network.concepts().map(values);
    let mut all = Vec::new();
    for embeds in values(embeds).chunks_exact(dim) {
        all.extend(embeds);
        all.extend(special_care.chunks_exact(dim).chain(concepts.chunks_exact(dim)).map(|c| cosine(embeds, c)));
    }
    all
}

fn run_vae(network: &AutoencoderKL, input: &Input) -> Option<Vec<f32>> {
    match input {
        Input::VaeDecoder { latents, tile: None } => network.decode(latents.tensor()).map(values).ok(),
        Input::VaeDecoder { latents, tile: Some(tile) } => {
            network.decode_tiled(&latents.tensor(), *tile).map(values).ok()
        }
        Input::VaeEncoder { image, tile } => {
            let posterior = match tile {
                None => network.encode(image.tensor()),
                Some(tile) => network.encode_tiled(&image.tensor(), *tile),
            };
            let posterior = posterior.ok()?;
            Some([values(posterior.mean), values(posterior.logvar)].concat())
        }
        _ => None,
    }
}

fn assert_close(golden: &Array, output: &[f32], tolerance: f32, what: &str) {
    let difference = golden.largest_difference(output);
    println!("{what}: {difference:.1e}");
    assert!(difference <= tolerance, "{what}: differs by {difference:e}, more than {tolerance:e}");
}

fn tiny(checkpoint: Checkpoint, storage: Storage) -> ModelRef {
    ModelRef::Folder(folder(checkpoint, storage))
}

#[test]
fn the_text_encoders_give_the_hidden_states_of_transformers() {
    compare(&tiny(Checkpoint::TinySd15, Storage::Whole), "tiny-sd15", "text_encoder", TOLERANCE);
    compare(&tiny(Checkpoint::TinySd21V, Storage::Whole), "tiny-sd21-v", "text_encoder", TOLERANCE);
    compare(&ModelRef::Bundled, "pictogram-64", "text_encoder", TOLERANCE);
}

#[test]
fn the_unets_give_the_predictions_of_diffusers_at_even_and_odd_sizes() {
    compare(&tiny(Checkpoint::TinySd15, Storage::Whole), "tiny-sd15", "unet", TOLERANCE);
    compare(&tiny(Checkpoint::TinySd21V, Storage::Whole), "tiny-sd21-v", "unet", TOLERANCE);
    compare(&ModelRef::Bundled, "pictogram-64", "unet", TOLERANCE);
}

#[test]
fn the_unconditional_unets_give_the_predictions_of_diffusers() {
    compare(&tiny(Checkpoint::TinyDdpm, Storage::Whole), "tiny-ddpm", "unet", TOLERANCE);
    compare(&tiny(Checkpoint::TinyDdpmLegacy, Storage::Whole), "tiny-ddpm", "unet", TOLERANCE);
    compare(&tiny(Checkpoint::TinyDdim, Storage::Whole), "tiny-ddim", "unet", TOLERANCE);
}

#[test]
fn the_autoencoders_give_the_pictures_tiles_and_moments_of_diffusers() {
    compare(&tiny(Checkpoint::TinySd15, Storage::Whole), "tiny-sd15", "vae", TOLERANCE);
    compare(&tiny(Checkpoint::TinySd21V, Storage::Whole), "tiny-sd21-v", "vae", TOLERANCE);
    compare(&ModelRef::Bundled, "pictogram-64", "vae", TOLERANCE);
}

#[test]
fn the_safety_checkers_give_the_embeddings_and_cosines_of_diffusers() {
    for checkpoint in [Checkpoint::TinySd15SafetyFlag, Checkpoint::TinySd15SafetyPass] {
        compare(&tiny(checkpoint, Storage::Whole), "tiny-sd15-safety-flag", "safety_checker", TOLERANCE);
    }
}

#[test]
fn the_depth_estimators_give_the_depths_of_transformers() {
    for (checkpoint, golden) in
        [(Checkpoint::TinySd2Depth, "tiny-sd2-depth"), (Checkpoint::TinySd2DepthHybrid, "tiny-sd2-depth-hybrid")]
    {
        compare(&tiny(checkpoint, Storage::Whole), golden, "depth_estimator", DEPTH_TOLERANCE);
    }
}

#[test]
fn other_spellings_and_shards_are_the_same_networks() {
    for checkpoint in [Checkpoint::TinySd15Tf5, Checkpoint::TinySd15Legacy] {
        compare(&tiny(checkpoint, Storage::Whole), "tiny-sd15", "text_encoder", TOLERANCE);
        compare(&tiny(checkpoint, Storage::Whole), "tiny-sd15", "vae", TOLERANCE);
    }
    for component in ["text_encoder", "unet", "vae"] {
        compare(&tiny(Checkpoint::TinySd15, Storage::Sharded), "tiny-sd15", component, TOLERANCE);
    }
}

#[test]
fn half_precision_files_are_the_same_networks_but_for_rounding() {
    for component in ["text_encoder", "unet", "vae"] {
        compare(&tiny(Checkpoint::TinySd15, Storage::Fp16), "tiny-sd15", component, HALF_TOLERANCE);
    }
}
