//! The safety checker against Diffusers' (`tests/golden/safety_checker`): what it is shown, its scores, and what becomes of pictures.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use burnisher::content::imaging::processor::{ImageProcessor, Processor};
use burnisher::content::request::{Guidance, Prompts, Request, SafetyMode, Sampling, Seeds, Size, Verdict};
use burnisher::models::safety_checker::{Scores, StableDiffusionSafetyChecker};
use burnisher::pipelines::Drawn;
use image::{Rgb, RgbImage};
use serde::Deserialize;

use crate::models::load;
use crate::runs::{draw_all, open_on_cpu, tiny};
use crate::support::checkpoints::Checkpoint;
use crate::support::golden::{Arrays, json};

#[derive(Deserialize)]
struct Expected {
    pictures: Vec<Picture>,
    runs: BTreeMap<String, Told>,
}

#[derive(Deserialize)]
struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<f32>,
    #[serde(flatten)]
    scores: BTreeMap<String, ExpectedScores>,
}

#[derive(Deserialize)]
struct ExpectedScores {
    special_care: Vec<f64>,
    concepts: Vec<f64>,
    flagged: bool,
}

#[derive(Deserialize)]
struct Told {
    flagged: bool,
    black: bool,
}

const CHECKPOINTS: [Checkpoint; 2] = [Checkpoint::TinySd15SafetyFlag, Checkpoint::TinySd15SafetyPass];

fn expected() -> Expected {
    json("safety_checker/expected.json")
}

/// The picture that the generator makes of this size.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, ((x * 7 + y * 13) % 256) as u8])
    })
}

#[test]
fn pictures_are_prepared_as_clip_image_processor_prepares_them() {
    let model = burnisher::families::open(&tiny(CHECKPOINTS[0])).expect("the checkpoint opens");
    let config = &model.component("feature_extractor").expect("the checkpoint has it").config;
    let processor = ImageProcessor::new(Processor::Clip, config).expect("the config is sound");
    for case in expected().pictures {
        let pixels = processor.process(&picture(case.width, case.height)).expect("pixels");
        let sampled: Vec<f32> = pixels.values.into_iter().step_by(997).collect();
        assert_eq!(sampled, case.pixels, "{} x {}", case.width, case.height);
    }
}

#[test]
fn scores_are_those_of_the_checker_to_the_last_of_three_decimals() {
    for checkpoint in CHECKPOINTS {
        let model = burnisher::families::open(&tiny(checkpoint)).expect("the checkpoint opens");
        let config = |name: &str| model.component(name).expect("the checkpoint has it").config.clone();
        let processor = ImageProcessor::new(Processor::Clip, &config("feature_extractor")).expect("a sound config");
        let network = StableDiffusionSafetyChecker::new(&config("safety_checker"), &Device::flex());
        let network = load(&model, "safety_checker", network.expect("a sound config"));
        for case in expected().pictures {
            let pixels = processor.process(&picture(case.width, case.height)).expect("pixels");
            let pixels = TensorData::new(pixels.values, [1, 3, pixels.height, pixels.width]);
            let scores = network.scores(Tensor::from_data(pixels, &Device::flex())).expect("scores");
            let ExpectedScores { special_care, concepts, flagged } = &case.scores[checkpoint.name()];
            let expected = Scores { special_care: special_care.clone(), concepts: concepts.clone() };
            assert_eq!(scores, expected, "{} {} x {}", checkpoint.name(), case.width, case.height);
            assert_eq!(scores.is_flagged(), *flagged);
        }
    }
}

/// A picture of the checkpoint: its numbers 0..1, and what is saved.
fn draw_one(checkpoint: Checkpoint, safety: SafetyMode) -> (Arrays, Drawn) {
    let request = Request {
        prompts: Prompts::new("a fox"),
        sampling: Sampling { scheduler: Some("ddim".parse().expect("a sampler")), steps: 4, ..Sampling::default() },
        guidance: Guidance { scale: 1.0, ..Guidance::default() },
        seeds: Seeds::one(3),
        size: Size::new(64, 64),
        ..Request::default()
    }
    .with(|request| request.finish.safety = safety);
    let (trace, mut pictures) = draw_all(&open_on_cpu(checkpoint), &request, checkpoint.name());
    (trace, pictures.pop().expect("one picture"))
}

fn is_black(picture: &RgbImage) -> bool {
    picture.as_raw().iter().all(|byte| *byte == 0)
}

#[test]
fn a_flagged_picture_is_black_when_blocked_and_kept_with_its_verdict_when_blurred() {
    let runs = expected().runs;
    for checkpoint in CHECKPOINTS {
        let Told { flagged, black } = runs[checkpoint.name()];
        let (numbers, blocked) = draw_one(checkpoint, SafetyMode::Block);
        let (_, blurred) = draw_one(checkpoint, SafetyMode::Blur);
        let Some(Verdict { flagged: told, score }) = blocked.verdict else { panic!("no verdict") };
        assert_eq!((told, is_black(&blocked.image)), (flagged, black), "{}", checkpoint.name());
        assert_eq!(numbers.get("image").values.iter().all(|value| *value == 0.0), black, "what a trace has");
        assert_eq!(score > 0.0, flagged);
        assert_eq!(blurred.verdict, Some(Verdict { flagged, score }));
        assert!(!is_black(&blurred.image));
    }
}

#[test]
fn a_checker_that_is_off_or_not_there_says_nothing() {
    let (_, off) = draw_one(Checkpoint::TinySd15SafetyFlag, SafetyMode::Off);
    let (_, without) = draw_one(Checkpoint::TinySd15, SafetyMode::Block);
    assert_eq!((off.verdict, without.verdict), (None, None));
    assert_eq!(off.image, without.image, "the model is the same");
    assert!(!is_black(&off.image));
}
