//! How often a picture in the making may be shown.
//!
//! A preview is a sketch where the model has one; otherwise the latents are decoded. Its cost is measured, and another is made only
//! when it costs at most a fiftieth of the denoising since the last one. The first is free: it measures the cost. A fiftieth of a
//! small picture's denoising is too short for any preview, so a small picture gets eight whatever they cost, and a larger one
//! gets as many as long as they take no more than a second in all.

/// The share of the denoising that previews may take.
const SHARE: f64 = 0.02;
/// Seconds that the previews of a picture may take whatever their share: too few to be noticed.
const ALLOWANCE_SECS: f64 = 1.0;
/// The number of previews that the allowance is spread over.
const ALLOWED: usize = 8;
/// The most pixels of a small picture: any autoencoder decodes as many in a moment.
const SMALL_PIXELS: usize = 128 * 128;

/// Measures what the previews of a job cost, and decides whether another may be made.
#[derive(Debug, Default)]
pub(super) struct PreviewBudget {
    /// Seconds that the last preview took; `None` until it is known.
    cost: Option<f64>,
    /// Seconds of denoising, and of previews.
    denoising: f64,
    previews: f64,
    /// Whether the present picture is small.
    is_small: bool,
    /// Seconds of previews of the present picture.
    of_picture: f64,
    /// Since the last preview.
    denoising_since: f64,
    steps_since: usize,
}

impl PreviewBudget {
    /// Notes that the next picture begins, of so many pixels.
    pub(super) fn picture(&mut self, pixels: usize) {
        self.is_small = pixels <= SMALL_PIXELS;
        self.of_picture = 0.0;
    }

    /// Notes that a step is done.
    pub(super) fn step(&mut self, secs: f64) {
        self.denoising += secs;
        self.denoising_since += secs;
        self.steps_since += 1;
    }

    /// Returns whether a preview may be made now, in a picture of `steps` steps.
    pub(super) fn allows(&self, steps: usize) -> bool {
        self.cost.is_none_or(|cost| {
            let affordable = self.is_small || self.of_picture + cost <= ALLOWANCE_SECS;
            let allowed = affordable && self.steps_since >= steps.div_ceil(ALLOWED);
            allowed || cost <= SHARE * self.denoising_since
        })
    }

    /// Notes that a preview was made. `tuning`: the device was tuned in it, so the next one will not cost the same.
    pub(super) fn preview(&mut self, secs: f64, tuning: bool) {
        self.cost = (!tuning).then_some(secs);
        self.previews += secs;
        self.of_picture += secs;
        self.denoising_since = 0.0;
        self.steps_since = 0;
    }

    /// The share of the denoising that previews have taken so far, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        let all = self.denoising + self.previews;
        if all > 0.0 { self.previews / all } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps, of `steps` that take `step_secs` each, after which a preview of `cost` seconds is made.
    fn shown(steps: usize, step_secs: f64, cost: f64) -> (Vec<usize>, PreviewBudget) {
        let mut budget = PreviewBudget::default();
        let mut shown = Vec::new();
        for step in 1..=steps {
            budget.step(step_secs);
            if budget.allows(steps) {
                budget.preview(cost, false);
                shown.push(step);
            }
        }
        (shown, budget)
    }

    #[test]
    fn a_preview_that_costs_next_to_nothing_comes_after_every_step() {
        let (shown, budget) = shown(30, 1.0, 0.001);
        assert_eq!(shown.len(), 30);
        assert!(budget.share() < SHARE);
    }

    #[test]
    fn an_expensive_preview_comes_once_and_then_as_rarely_as_its_share_allows() {
        assert_eq!(shown(100, 1.0, 3.0).0, [1]);
        let (shown, budget) = shown(1000, 1.0, 2.0);
        assert_eq!(shown[..3], [1, 101, 201]);
        assert!(budget.share() < SHARE + 0.001, "{}", budget.share());
    }

    #[test]
    fn a_small_model_shows_previews_though_they_cost_more_than_their_share() {
        let (shown, mut budget) = shown(20, 0.02, 0.01);
        assert_eq!(shown, [1, 4, 7, 10, 13, 16, 19]);
        assert!((budget.share() - 0.07 / 0.47).abs() < 1e-9, "{}", budget.share());
        // No more than a second of a picture goes into them.
        budget.preview(0.95, false);
        (0..20).for_each(|_| budget.step(0.02));
        assert!(!budget.allows(20));
        budget.picture(256 * 256);
        assert!(budget.allows(20));
    }

    #[test]
    fn a_small_picture_shows_previews_however_slow_the_machine_is() {
        let mut budget = PreviewBudget::default();
        budget.picture(64 * 64);
        let mut previews = 0;
        for _ in 0..20 {
            budget.step(5.0);
            if budget.allows(20) {
                budget.preview(5.0, false);
                previews += 1;
            }
        }
        assert_eq!(previews, 7);
    }

    #[test]
    fn a_preview_in_which_the_device_was_tuned_says_nothing_about_the_next() {
        let mut budget = PreviewBudget::default();
        budget.step(1.0);
        budget.preview(60.0, true);
        budget.step(1.0);
        assert!(budget.allows(20));
        budget.preview(60.0, false);
        budget.step(1.0);
        assert!(!budget.allows(20));
    }
}
