//! The registry of samplers: their names, and the Diffusers class and options of each.
//!
//! "Karras" and the like are not algorithms of their own but rows: a class with options that override the checkpoint's.

mod ddim;
mod ddpm;
mod deis;
mod dpm_multistep;
mod dpm_sde;
mod dpm_singlestep;
mod edm_dpm;
mod edm_euler;
mod euler;
mod euler_ancestral;
mod flow_euler;
mod heun;
mod ipndm;
mod kdpm2;
mod kdpm2_ancestral;
mod lcm;
mod lms;
mod pndm;
mod sa_solver;
mod tcd;
mod unipc;

use serde_json::json;

use super::class::SamplerRow;

/// All samplers, in the order of the menus. A checkpoint's own class gives the first row of that class.
#[rustfmt::skip]
pub(super) const ROWS: &[SamplerRow] = &[
    SamplerRow { name: "ddpm", label: "DDPM", class: &ddpm::CLASS, overrides: || json!({}) },
    SamplerRow { name: "ddim", label: "DDIM", class: &ddim::CLASS, overrides: || json!({}) },
    SamplerRow { name: "pndm", label: "PNDM", class: &pndm::CLASS, overrides: || json!({}) },
    SamplerRow { name: "plms", label: "PLMS", class: &pndm::CLASS, overrides: || json!({"skip_prk_steps": true}) },
    SamplerRow { name: "pndm-prk", label: "PNDM Runge-Kutta", class: &pndm::CLASS, overrides: || json!({"skip_prk_steps": false}) },
    SamplerRow { name: "euler", label: "Euler", class: &euler::CLASS, overrides: || json!({}) },
    SamplerRow { name: "euler-karras", label: "Euler Karras", class: &euler::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "euler-trailing", label: "Euler trailing", class: &euler::CLASS, overrides: || json!({"timestep_spacing": "trailing"}) },
    SamplerRow { name: "euler-linspace", label: "Euler linspace", class: &euler::CLASS, overrides: || json!({"timestep_spacing": "linspace"}) },
    SamplerRow { name: "euler-a", label: "Euler a", class: &euler_ancestral::CLASS, overrides: || json!({}) },
    SamplerRow { name: "lms", label: "LMS", class: &lms::CLASS, overrides: || json!({}) },
    SamplerRow { name: "lms-karras", label: "LMS Karras", class: &lms::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "heun", label: "Heun", class: &heun::CLASS, overrides: || json!({}) },
    SamplerRow { name: "heun-karras", label: "Heun Karras", class: &heun::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "dpm2", label: "DPM2", class: &kdpm2::CLASS, overrides: || json!({}) },
    SamplerRow { name: "dpm2-karras", label: "DPM2 Karras", class: &kdpm2::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "dpm2-a", label: "DPM2 a", class: &kdpm2_ancestral::CLASS, overrides: || json!({}) },
    SamplerRow { name: "dpm2-a-karras", label: "DPM2 a Karras", class: &kdpm2_ancestral::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "dpm++2m", label: "DPM++ 2M", class: &dpm_multistep::CLASS, overrides: || json!({}) },
    SamplerRow { name: "dpm++2m-karras", label: "DPM++ 2M Karras", class: &dpm_multistep::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "dpm++2m-sde", label: "DPM++ 2M SDE", class: &dpm_multistep::CLASS, overrides: || json!({"algorithm_type": "sde-dpmsolver++"}) },
    SamplerRow { name: "dpm++2m-sde-karras", label: "DPM++ 2M SDE Karras", class: &dpm_multistep::CLASS, overrides: || json!({"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": true}) },
    SamplerRow { name: "dpm++2m-lu", label: "DPM++ 2M Lu", class: &dpm_multistep::CLASS, overrides: || json!({"use_lu_lambdas": true}) },
    SamplerRow { name: "dpm++3m", label: "DPM++ 3M", class: &dpm_multistep::CLASS, overrides: || json!({"solver_order": 3}) },
    SamplerRow { name: "dpm++2s", label: "DPM++ 2S", class: &dpm_singlestep::CLASS, overrides: || json!({}) },
    SamplerRow { name: "dpm++2s-karras", label: "DPM++ 2S Karras", class: &dpm_singlestep::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "dpm++sde", label: "DPM++ SDE", class: &dpm_sde::CLASS, overrides: || json!({}) },
    SamplerRow { name: "dpm++sde-karras", label: "DPM++ SDE Karras", class: &dpm_sde::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "unipc", label: "UniPC", class: &unipc::CLASS, overrides: || json!({}) },
    SamplerRow { name: "unipc-karras", label: "UniPC Karras", class: &unipc::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "deis", label: "DEIS", class: &deis::CLASS, overrides: || json!({}) },
    SamplerRow { name: "sasolver", label: "SA-Solver", class: &sa_solver::CLASS, overrides: || json!({}) },
    SamplerRow { name: "sasolver-karras", label: "SA-Solver Karras", class: &sa_solver::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    SamplerRow { name: "lcm", label: "LCM", class: &lcm::CLASS, overrides: || json!({}) },
    SamplerRow { name: "tcd", label: "TCD", class: &tcd::CLASS, overrides: || json!({}) },
    SamplerRow { name: "ipndm", label: "iPNDM v-diffusion", class: &ipndm::CLASS, overrides: || json!({}) },
    SamplerRow { name: "edm-euler", label: "EDM Euler", class: &edm_euler::CLASS, overrides: || json!({}) },
    SamplerRow { name: "edm-dpm++2m", label: "EDM DPM++ 2M", class: &edm_dpm::CLASS, overrides: || json!({}) },
    SamplerRow { name: "flow-euler", label: "Flow Euler", class: &flow_euler::CLASS, overrides: || json!({}) },
];
