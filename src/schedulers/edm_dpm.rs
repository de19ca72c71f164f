//! DPM-Solver++ (arXiv 2211.01095) for EDM's own models, as Diffusers' `scheduling_edm_dpmsolver_multistep.py`: the
//! multistep sampler on samples that are `clean + sigma * normal`, with clean samples of EDM's preconditioning.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::dpm_multistep::DpmSolverMultistep;
use super::dpm_solver::Algorithm;
use super::edm::EdmSteps;
use super::levels::{End, Levels};
use super::options::Options;
use super::prediction::{Clip, Conversion, Level, Prediction, Solves, in_f32};
use super::{Class, Family, Scheduler, StepOutput};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "EDMDPMSolverMultistepScheduler", family: Family::Edm, defaults, arguments: &[], build };

fn defaults() -> Value {
    json!({
        "sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5, "sigma_schedule": "karras", "num_train_timesteps": 1000,
        "prediction_type": "epsilon", "rho": 7.0, "solver_order": 2, "thresholding": false,
        "dynamic_thresholding_ratio": 0.995, "sample_max_value": 1.0, "algorithm_type": "dpmsolver++",
        "solver_type": "midpoint", "lower_order_final": true, "euler_at_final": false, "final_sigmas_type": "zero",
    })
}

struct EdmDpm {
    steps: EdmSteps,
    /// Which gets clean samples for the model's outputs.
    solver: DpmSolverMultistep,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let algorithm: Algorithm = options.get("algorithm_type")?;
    if algorithm.solves() == Solves::Noises {
        return Err(options.refuse("algorithm_type", "this sampler has dpmsolver++ and sde-dpmsolver++"));
    }
    let order: usize = options.get("solver_order")?;
    if !(1..=3).contains(&order) {
        return Err(options.refuse("solver_order", "it must be 1, 2 or 3"));
    }
    if algorithm.is_stochastic() && order == 3 {
        return Err(options.refuse("solver_order", "sde-dpmsolver++ has orders 1 and 2 only"));
    }
    let end = End::new(options, End::TrainMin)?;
    let steps = EdmSteps::new(options, steps, end, true)?;
    let levels = steps.sigmas.iter().map(|sigma| Level { signal: 1.0, noise: *sigma }).collect();
    let levels = Levels { timesteps: steps.timesteps.clone(), levels };
    let conversion =
        Conversion { prediction: Prediction::Sample, clip: Clip::new(options)?, solves: Solves::CleanSamples };
    let solver = DpmSolverMultistep::new(options, levels, conversion, algorithm, end)?;
    Ok(Box::new(EdmDpm { steps, solver }))
}

impl Scheduler for EdmDpm {
    fn timesteps(&self) -> &[f64] {
        &self.steps.timesteps
    }

    fn init_noise_sigma(&self) -> f64 {
        self.steps.init_noise_sigma()
    }

    fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.scale_model_input(sample, i)
    }

    fn step(
        &mut self,
        model_output: Tensor<4>,
        i: usize,
        sample: Tensor<4>,
        generators: &mut Generators,
    ) -> Result<StepOutput> {
        let original = self.steps.original(i).of(&in_f32(sample.clone()), &in_f32(model_output));
        self.solver.step(original, i, sample, generators)
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas.clone()
    }
}
