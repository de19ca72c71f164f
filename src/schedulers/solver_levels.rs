//! The levels of a run of DPM-Solver and its relatives, with distances between them in lambda, half the logarithm of
//! the signal-to-noise ratio.

use serde_json::Value;

use super::config::MINUS_INFINITY;
use super::level::NoiseLevel;
use super::levels::{NoiseLevels, Space};
use super::noise_schedule::NoiseSchedule;
use super::options::SchedulerOptions;
use super::prediction::Prediction;
use super::sigmas::{FinalSigma, Spread, TrainSigmas, round_to_f32};
use super::spacing::{Spacing, trailing};
use crate::base::error::Result;

/// The rules by which the levels differ from class to class.
pub(super) struct SolverRules {
    pub(super) spacing: Spacing,
    pub(super) steps_offset: i32,
    pub(super) end: LastLevel,
    /// Half the logarithm of the smallest signal-to-noise ratio to visit.
    pub(super) lambda_min: f64,
    /// Whether the timesteps of Karras and Lu sigmas are rounded; all others are truncated.
    pub(super) rounds: bool,
    /// Whether levels must fall strictly, since the sampler divides by the distances between them.
    pub(super) strictly: bool,
}

impl SolverRules {
    /// Reads the rules of most classes.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn new(options: &SchedulerOptions, end: LastLevel, lambda_min: f64, strictly: bool) -> Result<Self> {
        let spacing: Spacing = options.get("timestep_spacing")?;
        let steps_offset = spacing.offset(options)?;
        Ok(Self { spacing, steps_offset, end, lambda_min, rounds: true, strictly })
    }
}

/// The level that the last step goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LastLevel {
    /// No noise.
    Zero,
    /// The least noise that the model was trained on.
    TrainMin,
    /// The least noise that the model was trained on; with Karras sigmas and the like, the last one of these again.
    SpreadMin,
}

impl LastLevel {
    /// Reads the option `final_sigmas_type`, with the meaning of `sigma_min` in the class.
    ///
    /// # Errors
    /// It is neither `zero` nor `sigma_min`.
    pub(super) fn new(options: &SchedulerOptions, sigma_min: Self) -> Result<Self> {
        Ok(match options.get("final_sigmas_type")? {
            FinalSigma::Zero => Self::Zero,
            FinalSigma::SigmaMin => sigma_min,
        })
    }
}

/// The levels that the options ask for. Timesteps are integers, as Diffusers keeps them for these samplers.
///
/// # Errors
/// An option is wrong, or the noise doesn't fall from step to step.
pub(super) fn solver_levels(
    options: &SchedulerOptions,
    steps: usize,
    rules: &SolverRules,
    prediction: Prediction,
) -> Result<NoiseLevels> {
    let schedule = NoiseSchedule::with_some_signal(options)?;
    let train = TrainSigmas::new(&schedule)?;
    let spread = Spread::new(options)?;
    let lu = options.flag("use_lu_lambdas");
    if lu && spread.is_some() {
        return Err(options.refuse("use_lu_lambdas", "another spread of the sigmas is asked for already"));
    }
    let rounds = rules.rounds && (lu || spread == Some(Spread::Karras));
    let integer = if rounds { f64::round_ties_even } else { f64::trunc };
    let spread_out = match spread {
        Some(spread) => Some(spread.sigmas(options, train.min(), train.max(), steps)?),
        None => lu.then(|| train.lu(steps)),
    };
    let (timesteps, mut sigmas): (Vec<f64>, Vec<f64>) = if let Some(sigmas) = &spread_out {
        (sigmas.iter().map(|sigma| integer(train.timestep(*sigma))).collect(), sigmas.clone())
    } else {
        let timesteps = spaced(options, &schedule, rules, steps)?;
        let sigmas = timesteps.iter().map(|timestep| train.at(*timestep)).collect();
        (timesteps, sigmas)
    };
    let spread_min = spread_out.and_then(|sigmas| sigmas.last().copied());
    sigmas.push(match rules.end {
        LastLevel::Zero => 0.0,
        LastLevel::TrainMin => train.min(),
        LastLevel::SpreadMin => spread_min.unwrap_or(train.min()),
    });
    let sigmas: Vec<f64> = sigmas.into_iter().map(round_to_f32).collect();
    let visited = &sigmas[..timesteps.len()];
    if !sigmas.is_sorted_by(|a, b| a >= b) || rules.strictly && !visited.is_sorted_by(|a, b| a > b) {
        return Err(options.refuse_steps(steps));
    }
    let levels = sigmas.into_iter().map(NoiseLevel::from_sigma).collect();
    Ok(NoiseLevels::new(Space::Scheduled, prediction, timesteps, levels))
}

/// Reads the option `lambda_min_clipped`.
///
/// # Errors
/// It is no number.
pub(super) fn lambda_min(options: &SchedulerOptions) -> Result<f64> {
    match options.get("lambda_min_clipped")? {
        Value::String(infinity) if infinity == MINUS_INFINITY => Ok(f64::NEG_INFINITY),
        _ => options.get("lambda_min_clipped"),
    }
}

/// The listed timesteps, or evenly spaced ones without timestep 0, which is the end of the last step, and without the
/// noisiest ones, those below `lambda_min`.
fn spaced(options: &SchedulerOptions, schedule: &NoiseSchedule, rules: &SolverRules, steps: usize) -> Result<Vec<f64>> {
    if let Some(listed) = options.timesteps() {
        return Ok(listed.to_vec());
    }
    let train = schedule.alphas_cumprod.len();
    let lambda = |alpha: &f32| f64::from(alpha.sqrt().ln() - (1.0 - alpha).sqrt().ln());
    let last = schedule.alphas_cumprod.iter().filter(|alpha| lambda(alpha) >= rules.lambda_min).count();
    if last == 0 {
        return Err(options.refuse("lambda_min_clipped", "nothing is left"));
    }
    let mut timesteps = match rules.spacing {
        Spacing::Trailing => return Ok(trailing(last, train, steps)),
        spacing => spacing.spread(last, rules.steps_offset, steps + 1),
    };
    timesteps.pop();
    Ok(timesteps.into_iter().map(f64::round_ties_even).collect())
}
