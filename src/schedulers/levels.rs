//! What DPM-Solver and its relatives share: the noise levels of a run, with samples that are `signal * clean + noise *
//! normal`, and distances between them in lambda, half the logarithm of the signal-to-noise ratio.

use serde_json::Value;

use super::options::{MINUS_INFINITY, Options};
use super::prediction::Level;
use super::schedule::{NoiseSchedule, Spacing, trailing};
use super::sigmas::{FinalSigma, Spread, TrainSigmas, round_to_f32};
use crate::base::error::Result;

/// The levels of a run.
pub(super) struct Levels {
    /// Integers, as Diffusers keeps them for these samplers (but not for those of EDM).
    pub(super) timesteps: Vec<f64>,
    /// One a step, and what the last one goes to.
    pub(super) levels: Vec<Level>,
}

/// What differs from class to class.
pub(super) struct Rules {
    pub(super) spacing: Spacing,
    pub(super) steps_offset: i32,
    pub(super) end: End,
    /// Half the logarithm of the smallest signal-to-noise ratio that is visited.
    pub(super) lambda_min: f64,
    /// The timesteps of Karras (and Lu) sigmas are rounded; others, and these otherwise, are cut off.
    pub(super) rounds: bool,
    /// The sampler divides by the distances between the steps.
    pub(super) strictly: bool,
}

/// What the last step goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// No noise.
    Zero,
    /// The least noise that the model was trained on.
    TrainMin,
    /// The same, but with Karras sigmas and the like the last one of these again.
    SpreadMin,
}

impl End {
    /// The option `final_sigmas_type`, with what `sigma_min` means to the class.
    ///
    /// # Errors
    /// It is neither of the two.
    pub(super) fn new(options: &Options, sigma_min: Self) -> Result<Self> {
        Ok(match options.get("final_sigmas_type")? {
            FinalSigma::Zero => Self::Zero,
            FinalSigma::SigmaMin => sigma_min,
        })
    }
}

impl Levels {
    /// The levels that the options ask for.
    ///
    /// # Errors
    /// An option is wrong, or the noise doesn't fall from step to step.
    pub(super) fn new(options: &Options, steps: usize, rules: &Rules) -> Result<Self> {
        let schedule = NoiseSchedule::with_some_signal(options)?;
        let train = TrainSigmas::new(&schedule)?;
        let spread = Spread::new(options)?;
        let lu = options.flag("use_lu_lambdas")?;
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
            End::Zero => 0.0,
            End::TrainMin => train.min(),
            End::SpreadMin => spread_min.unwrap_or(train.min()),
        });
        let sigmas: Vec<f64> = sigmas.into_iter().map(round_to_f32).collect();
        let visited = &sigmas[..timesteps.len()];
        if !sigmas.is_sorted_by(|a, b| a >= b) || rules.strictly && !visited.is_sorted_by(|a, b| a > b) {
            return Err(options.refuse_steps(steps));
        }
        Ok(Self { timesteps, levels: sigmas.into_iter().map(Level::from_sigma).collect() })
    }

    /// The level of step `i`, or of what the last step goes to.
    pub(super) fn at(&self, i: usize) -> Level {
        self.levels[i]
    }

    /// All of them as noise by signal.
    pub(super) fn sigmas(&self) -> Vec<f64> {
        self.levels.iter().map(|level| level.sigma()).collect()
    }

    /// Half the logarithm of the signal-to-noise ratio there.
    pub(super) fn lambda(&self, i: usize) -> f64 {
        (self.levels[i].signal / self.levels[i].noise).ln()
    }
}

/// The weights of values at different `places`, such that what is 1, x, x^2 ... there sums up to `moments`: the integral
/// of the polynomial through the values, when `moments` are the integrals of those.
pub(super) fn lagrange(places: &[f64], moments: &[f64]) -> Vec<f64> {
    let weight = |(at, place): (usize, &f64)| {
        // The coefficients of the polynomial that is 1 at this place and 0 at the others, lowest first.
        let mut polynomial = vec![1.0];
        for (_, other) in places.iter().enumerate().filter(|(other, _)| *other != at) {
            let mut next = vec![0.0; polynomial.len() + 1];
            for (power, coefficient) in polynomial.iter().enumerate() {
                next[power] -= coefficient * other / (place - other);
                next[power + 1] += coefficient / (place - other);
            }
            polynomial = next;
        }
        polynomial.iter().zip(moments).map(|(coefficient, moment)| coefficient * moment).sum()
    };
    places.iter().enumerate().map(weight).collect()
}

/// The option `lambda_min_clipped`.
///
/// # Errors
/// It is no number.
pub(super) fn lambda_min(options: &Options) -> Result<f64> {
    match options.get("lambda_min_clipped")? {
        Value::String(infinity) if infinity == MINUS_INFINITY => Ok(f64::NEG_INFINITY),
        _ => options.get("lambda_min_clipped"),
    }
}

/// The listed timesteps, or as other samplers, but with timestep 0 left to the end of the last step, and without the noisiest timesteps, those
/// below `lambda_min`.
fn spaced(options: &Options, schedule: &NoiseSchedule, rules: &Rules, steps: usize) -> Result<Vec<f64>> {
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
