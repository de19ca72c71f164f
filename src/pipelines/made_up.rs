//! A made-up family with what the built ones don't have: two text encoders' worth of conditioning, 16 latent channels with a shift,
//! sides in multiples of 16, and guidance as an input. The pipelines draw with it although they know nothing of it.

use std::sync::{Arc, Mutex};

use burn::tensor::{Device, Tensor};
use serde_json::json;

use super::image_conditioning::ImageConditioning;
use super::memory::Wish;
use super::resident::Resident;
use super::run::{Hooks, Phase};
use super::run_context::RunContext;
use super::step_hook::{StepBegin, StepHook};
use super::{latents, stages};
use crate::base::cancel::CancelToken;
use crate::base::device::{ComputeDevice, DeviceChoice, DtypeChoice, open};
use crate::base::model_ref::ModelRef;
use crate::base::stop::Outcome;
use crate::content::request::{Guidance, Prompts, Request, Sampling, Size, TaskKind};
use crate::families::{
    self, Components, Conditioning, Denoiser, DenoiserInput, DiagonalGaussian, Footprint, GuidanceKind, LatentCodec,
    LatentScale, Model, ModelFiles, ModelSpec, NetworkCost, PromptPair, Residuals, SketchMap, StageComponents,
};

/// The input of the denoiser in a step.
#[derive(Clone, Debug, PartialEq)]
struct GivenInput {
    shape: [usize; 4],
    guidance: Option<f64>,
    prompts: usize,
    extra: Vec<&'static str>,
    is_controlled: bool,
}

struct MadeUpModel {
    spec: ModelSpec,
    components: Components,
    codec: MadeUpCodec,
    seen: Arc<Mutex<Vec<GivenInput>>>,
}

impl Model for MadeUpModel {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn components(&self) -> &Components {
        &self.components
    }

    fn footprint(&self) -> Footprint {
        Footprint {
            parameters: Vec::new(),
            capacity: self.components.compute().capacity(),
            stages: StageComponents::default(),
            denoiser: NetworkCost { widest: 1, alive: 1, convolved: 0 },
            codec: NetworkCost { widest: 3, alive: 3, convolved: 0 },
            depth: 0,
            channels: 16,
            factor: 8,
            size: self.spec.size,
            size_multiple: self.spec.size_multiple,
            looks_decode: true,
            asks_twice: false,
        }
    }

    fn encode(&self, prompts: PromptPair<'_>) -> Outcome<Conditioning> {
        assert_eq!((prompts.positive, prompts.negative), ("a fox", None));
        let device = Device::flex();
        Ok(Conditioning {
            text: Some(Tensor::zeros([1, 7, 4], &device)),
            pooled: Some(Tensor::zeros([1, 5], &device)),
            extra: [("time_ids", Tensor::zeros([1, 6], &device))].into(),
        })
    }

    fn denoiser(&self) -> Outcome<Arc<dyn Denoiser>> {
        Ok(Arc::new(MadeUpDenoiser(Arc::clone(&self.seen))))
    }

    fn codec(&self) -> &dyn LatentCodec {
        &self.codec
    }
}

struct MadeUpDenoiser(Arc<Mutex<Vec<GivenInput>>>);

impl Denoiser for MadeUpDenoiser {
    fn predict(&self, input: DenoiserInput<'_>) -> Outcome<Tensor<4>> {
        let Conditioning { text, pooled, extra } = input.conditioning;
        let prompts = text.as_ref().map_or(0, |text| text.dims()[0]);
        assert_eq!(pooled.as_ref().map(|pooled| pooled.dims()[0]), Some(prompts));
        self.0.lock().expect("nobody panicked").push(GivenInput {
            shape: input.sample.dims(),
            guidance: input.guidance,
            prompts,
            extra: extra.keys().copied().collect(),
            is_controlled: input.residuals.mid.is_some(),
        });
        // A flow towards grey.
        Ok(input.sample)
    }
}

struct MadeUpCodec(LatentScale);

impl LatentCodec for MadeUpCodec {
    fn channels(&self) -> usize {
        16
    }

    fn factor(&self) -> usize {
        8
    }

    fn scale(&self) -> &LatentScale {
        &self.0
    }

    fn sketch(&self) -> Option<&SketchMap> {
        None
    }

    fn encode(&self, pictures: Tensor<4>, _tile: Option<usize>) -> Outcome<DiagonalGaussian> {
        Ok(DiagonalGaussian { mean: pictures.clone(), logvar: pictures })
    }

    fn decode(&self, latents: Tensor<4>, _tile: Option<usize>) -> Outcome<Tensor<4>> {
        let [batch, _, height, width] = latents.dims();
        let colours = self.0.undo(latents).narrow(1, 0, 3).reshape([batch, 3, height, 1, width, 1]);
        Ok(colours.expand([batch, 3, height, 8, width, 8]).reshape([batch, 3, 8 * height, 8 * width]))
    }
}

fn made_up() -> (Resident, Arc<Mutex<Vec<GivenInput>>>) {
    let compute: ComputeDevice = open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU");
    let checkpoint = families::open(&ModelRef::Bundled).expect("it is built in");
    let files = Arc::new(ModelFiles { name: "made up".into(), checkpoint, compute });
    let config = json!({ "scaling_factor": 0.3611, "shift_factor": 0.1159 });
    let scale = LatentScale::of(config.as_object().expect("an object"), 16).expect("a scale");
    let scheduler = json!({ "_class_name": "FlowMatchEulerDiscreteScheduler" });
    let seen = Arc::default();
    let model = MadeUpModel {
        spec: ModelSpec {
            tasks: &[TaskKind::TextToImage],
            size: (64, 64),
            size_multiple: 16,
            steps: 4,
            guidance_scale: Some(3.5),
            guidance: GuidanceKind::Embedded,
            scales_noise: true,
            reads_mask: false,
            scheduler_config: scheduler.as_object().expect("an object").clone(),
        },
        components: Components::new(files, Vec::new()),
        codec: MadeUpCodec(scale),
        seen: Arc::clone(&seen),
    };
    let footprint = model.footprint();
    let plan = footprint.plan(&Wish::usual(&footprint), None);
    (Resident::new(Box::new(model), footprint, plan), seen)
}

fn request(width: usize, height: usize) -> Request {
    Request {
        prompts: Prompts { prompt: "a fox".into(), ..Prompts::default() },
        sampling: Sampling { steps: 3, ..Sampling::default() },
        guidance: Guidance { scale: 3.5, ..Guidance::default() },
        size: Size { width, height },
        ..Request::default()
    }
}

/// A control network that has something to add from the second step on.
#[derive(Default)]
struct Control {
    steps: usize,
}

impl StepHook for Control {
    fn before_step(&mut self, step: &StepBegin<'_>, residuals: &mut Residuals) -> Outcome<()> {
        residuals.mid = (self.steps > 0).then(|| step.sample.clone());
        self.steps += 1;
        Ok(())
    }
}

#[test]
fn a_family_that_the_pipelines_know_nothing_of_is_drawn_with_and_controlled() {
    let (resident, given) = made_up();
    let (cancel, mut phases) = (CancelToken::new(), Vec::new());
    let mut on_phase = |phase| phases.push(phase);
    let hooks = Hooks { on_phase: &mut on_phase, on_step: &mut |_| Ok(()), cancel: &cancel, trace: None };
    let mut context = RunContext::new(hooks, Vec::new());
    let request = request(48, 32);
    let mut begun = stages::begin(&resident, &request, None, &mut context).expect("it can be drawn");
    let samples = latents::noise(&resident, &request, &mut begun.generators) * begun.noise_scale();
    let image = ImageConditioning { channels: None, hooks: vec![Box::new(Control::default())] };
    let drawn = begun.draw(samples, image, &mut context).expect("a picture");
    drop(context);
    assert_eq!(drawn[0].image.dimensions(), (48, 32));
    assert_eq!(phases, [Phase::Encoding, Phase::Denoising, Phase::Decoding]);
    // The denoiser is asked once a step, with the guidance among its inputs.
    let input = |is_controlled| GivenInput {
        shape: [1, 16, 4, 6],
        guidance: Some(3.5),
        prompts: 1,
        extra: vec!["time_ids"],
        is_controlled,
    };
    assert_eq!(*given.lock().expect("nobody panicked"), [input(false), input(true), input(true)]);
}

#[test]
fn a_side_that_the_family_cannot_draw_is_refused() {
    let (resident, _) = made_up();
    let error = stages::check_size(resident.spec(), &request(48, 40)).expect_err("40 is no multiple").to_string();
    assert_eq!(error, "the height must be a multiple of 16 above 0, not 40. The nearest is 32 or 48");
}
