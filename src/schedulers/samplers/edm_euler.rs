//! Euler's method for EDM's own models (arXiv 2206.00364, algorithm 2 without churn), after Diffusers'
//! `scheduling_edm_euler.py`.

use serde_json::{Value, json};

use super::euler::Euler;
use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::edm_levels::edm_levels;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::solver_levels::LastLevel;
use crate::schedulers::stepper::BuiltSampler;

pub(super) const CLASS: SamplerClass = SamplerClass::new("EDMEulerScheduler", ModelKind::Edm, defaults, build);

fn defaults() -> Value {
    json!({
        "sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5, "sigma_schedule": "karras", "num_train_timesteps": 1000,
        "prediction_type": "epsilon", "rho": 7.0, "final_sigmas_type": "zero",
    })
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    Ok(BuiltSampler::new(edm_levels(options, steps, LastLevel::new(options, LastLevel::SpreadMin)?, false)?, Euler))
}
