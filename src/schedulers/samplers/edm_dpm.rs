//! DPM-Solver++ (arXiv 2211.01095) for EDM's own models, after Diffusers' `scheduling_edm_dpmsolver_multistep.py`: the
//! multistep step on EDM's levels.

use serde_json::{Value, json};

use super::dpm_multistep::DpmMultistep;
use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::clip::Clip;
use crate::schedulers::dpm_solver::DpmAlgorithm;
use crate::schedulers::edm_levels::edm_levels;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::solver_levels::LastLevel;
use crate::schedulers::stepper::{BuiltSampler, Solves};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("EDMDPMSolverMultistepScheduler", ModelKind::Edm, defaults, build).keeping_history();

fn defaults() -> Value {
    json!({
        "sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5, "sigma_schedule": "karras", "num_train_timesteps": 1000,
        "prediction_type": "epsilon", "rho": 7.0, "solver_order": 2, "thresholding": false,
        "dynamic_thresholding_ratio": 0.995, "sample_max_value": 1.0, "algorithm_type": "dpmsolver++",
        "solver_type": "midpoint", "lower_order_final": true, "euler_at_final": false, "final_sigmas_type": "zero",
    })
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let algorithm: DpmAlgorithm = options.get("algorithm_type")?;
    if algorithm.solves() == Solves::Noises {
        return Err(options.refuse("algorithm_type", "this sampler has dpmsolver++ and sde-dpmsolver++"));
    }
    let order = options.order("solver_order")?;
    if algorithm.is_stochastic() && order == 3 {
        return Err(options.refuse("solver_order", "sde-dpmsolver++ has orders 1 and 2 only"));
    }
    let end = LastLevel::new(options, LastLevel::TrainMin)?;
    let levels = edm_levels(options, steps, end, true)?.clipped(Clip::new(options)?);
    let stepper = DpmMultistep::new(options, levels.count(), algorithm, end)?;
    Ok(BuiltSampler::new(levels, stepper))
}
