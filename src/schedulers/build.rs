//! Building a sampler from its kind, a checkpoint's config and what the user asks for, or refusing to.

use super::class::{Argument, ModelKind};
use super::config::SchedulerConfig;
use super::kind::SchedulerKind;
use super::options::SchedulerOptions;
use super::sampling::{SamplingOptions, SigmaSchedule};
use super::scheduler::Scheduler;
use crate::base::error::{Error, Result};

impl SchedulerKind {
    /// Builds the sampler from a checkpoint's config (of this class or another, as Diffusers' `from_config`). Where
    /// `sampling` lists timesteps or sigmas, these say how many steps there are: [`Self::steps`].
    ///
    /// # Errors
    /// The config is for another kind of models, an option is unknown, contradictory or not for this sampler, or it
    /// can't do so many steps.
    pub fn build(self, config: &SchedulerConfig, steps: usize, sampling: &SamplingOptions) -> Result<Scheduler> {
        self.check_model(config)?;
        self.check(sampling)?;
        let options = self.options(config, sampling);
        let most: usize = options.get("num_train_timesteps")?;
        let steps = self.steps(steps, sampling);
        if steps == 0 || steps > most {
            return Err(Error::new(format!("{} can't do {steps} steps", self.label()))
                .advise(format!("Choose a number from 1 to {most}")));
        }
        self.check_lists(&options, most)?;
        let sampler = (self.class().build)(&options, steps)?;
        Ok(Scheduler::new(self.class_name(), sampler))
    }

    /// The noise levels of a run, for a plot: noise by signal (in flow matching the share of noise) at each step, never
    /// rising, and the one that the last step goes to. Where no signal is left it is 4096, as in Diffusers.
    ///
    /// # Errors
    /// As for [`Self::build`].
    pub fn sigmas(self, config: &SchedulerConfig, steps: usize, sampling: &SamplingOptions) -> Result<Vec<f64>> {
        Ok(self.build(config, steps, sampling)?.sigmas())
    }

    /// The number of steps of a run where `steps` are asked for: as many as are listed, if timesteps or sigmas are.
    pub fn steps(self, steps: usize, sampling: &SamplingOptions) -> usize {
        match sampling {
            SamplingOptions { timesteps: Some(timesteps), .. } => timesteps.len(),
            SamplingOptions { sigmas: Some(sigmas), .. } if self.takes(Argument::SigmasAndEnd) => {
                sigmas.len().saturating_sub(1)
            }
            SamplingOptions { sigmas: Some(sigmas), .. } => sigmas.len(),
            _ => steps,
        }
    }

    /// Checks that the sampler is for the kind of models that the config is for.
    fn check_model(self, config: &SchedulerConfig) -> Result<()> {
        let Ok(own) = Self::from_config(config) else { return Ok(()) };
        let kind_of_model = own.class().models;
        if kind_of_model == self.class().models {
            return Ok(());
        }
        let message =
            format!("{} can't sample this model, which is made for {} and its like", self.label(), own.class_name());
        Err(Error::new(message).advise(choose_among(|kind| kind.class().models == kind_of_model)))
    }

    /// Checks what is asked of it, as far as possible without a model. Diffusers' pipelines ignore an `eta` that the
    /// sampler doesn't take, and refuse timesteps and sigmas as this does.
    ///
    /// # Errors
    /// It is invalid, or this sampler doesn't take it.
    pub fn check(self, sampling: &SamplingOptions) -> Result<()> {
        sampling.validate()?;
        let refused = |what: &str, takers: fn(Self) -> bool| {
            let message = format!("{} takes no {what}", self.label());
            Err(Error::new(message).advise(format!("Leave it out, or c{}", &choose_among(takers)[1..])))
        };
        if sampling.eta > 0.0 && !self.takes_eta() {
            return refused("eta", Self::takes_eta);
        }
        if sampling.timesteps.is_some() && !self.takes_timesteps() {
            return refused("list of timesteps", Self::takes_timesteps);
        }
        if sampling.sigmas.is_some() && !self.takes_sigmas() {
            return refused("list of sigmas", Self::takes_sigmas);
        }
        let possible = self.sigma_schedules();
        match sampling.sigma_schedule.filter(|schedule| !possible.contains(schedule)) {
            Some(schedule) => {
                let possible = possible.into_iter().map(SigmaSchedule::name).collect::<Vec<_>>().join(", ");
                Err(Error::new(format!("{} can't be used with the sigma schedule {schedule}", self.label()))
                    .advise(format!("It goes with {possible}")))
            }
            None => Ok(()),
        }
    }

    /// The options in force.
    pub(super) fn options(self, config: &SchedulerConfig, sampling: &SamplingOptions) -> SchedulerOptions {
        let class = self.class();
        SchedulerOptions::new(class.name, class.defaults(), config, self.overrides_for(sampling), sampling)
    }

    /// The options that override the checkpoint's.
    pub(super) fn overrides_for(self, sampling: &SamplingOptions) -> SchedulerConfig {
        let mut overrides = self.overrides();
        let asked = sampling.sigma_schedule.and_then(|schedule| schedule.overrides(&self.class().defaults()));
        overrides.extend(asked.unwrap_or_default());
        overrides
    }

    /// Checks listed timesteps and sigmas against the options in force.
    fn check_lists(self, options: &SchedulerOptions, train: usize) -> Result<()> {
        let list = if options.timesteps().is_some() { "timesteps" } else { "sigmas" };
        if options.timesteps().or(options.sigmas()).is_none() {
            return Ok(());
        }
        if let Some(key) = options.sigma_switch() {
            return Err(options.refuse(key, &format!("the {list} are given")));
        }
        let timesteps = options.timesteps().unwrap_or_default();
        let last = train - 1;
        if let Some(wrong) =
            timesteps.iter().find(|timestep| self.class().models == ModelKind::Discrete && **timestep > last as f64)
        {
            return Err(Error::new(format!("The timesteps must be from 0 to {last}, and one is {wrong}")));
        }
        match timesteps.iter().find(|timestep| self.takes(Argument::WholeTimesteps) && timestep.fract() != 0.0) {
            Some(wrong) => Err(Error::new(format!("{} takes whole timesteps, and one is {wrong}", self.label()))),
            None => Ok(()),
        }
    }
}

/// The advice to choose a kind that is `suitable`.
fn choose_among(suitable: impl Fn(SchedulerKind) -> bool) -> String {
    let kinds = SchedulerKind::ALL.iter().filter(|kind| suitable(**kind));
    format!("Choose one of {}", kinds.map(|kind| kind.name()).collect::<Vec<_>>().join(", "))
}
