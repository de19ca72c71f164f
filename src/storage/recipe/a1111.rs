//! The `parameters` text of AUTOMATIC1111's web UI and Forge, which nearly every tool reads from a PNG.
//!
//! Written as `create_infotext` in Forge's `modules/processing.py` writes it: the prompt, a line for the negative
//! prompt where there is one, and a last line of `Key: value` pairs in that function's order. Keys for what Burnisher
//! doesn't have are absent, which readers take for their defaults; where a default would mean something else than what
//! was done, the key is written (`RNG`, `Schedule type`).

use crate::content::request::{Recipe, Task};
use crate::schedulers::{SchedulerKind, SigmaSchedule};

/// Returns the text for a picture that `recipe` drew.
pub fn parameters(recipe: &Recipe) -> String {
    let request = &recipe.request;
    let (sampler, schedule) = request.sampling.scheduler.map_or((None, None), |kind| {
        let (sampler, schedule) = sampler_and_schedule(kind);
        let asked = request.sampling.options.sigma_schedule.map(SigmaSchedule::label);
        (Some(sampler.to_owned()), asked.or(schedule).map(str::to_owned))
    });
    let pairs = [
        ("Steps", Some(request.sampling.steps.to_string())),
        ("Sampler", sampler),
        ("Schedule type", schedule),
        // As JavaScript and so the web UI prints it: 7, 7.5.
        ("CFG scale", Some(request.guidance.scale.to_string())),
        ("Seed", Some(request.seeds.first.to_string())),
        ("Size", Some(format!("{}x{}", request.size.width, request.size.height))),
        ("Model", Some(model_name(&recipe.model).to_owned())),
        (
            "Denoising strength",
            request.start.task.kind().needs_image().then(|| request.start.task.strength().to_string()),
        ),
        // Noise comes from torch's CPU generator; without the key readers assume the GPU's.
        ("RNG", Some("CPU".to_owned())),
        ("Mask blur", mask_blur(&request.start.task)),
        ("Eta DDIM", (request.sampling.options.eta > 0.0).then(|| request.sampling.options.eta.to_string())),
        ("Version", Some(format!("Burnisher {}", recipe.app_version))),
    ];
    let pairs: Vec<String> =
        pairs.into_iter().filter_map(|(key, value)| Some(format!("{key}: {}", quote(&value?)))).collect();
    let mut text = request.prompts.prompt.clone();
    if !request.prompts.negative_prompt.is_empty() {
        text.push_str("\nNegative prompt: ");
        text.push_str(&request.prompts.negative_prompt);
    }
    text.push('\n');
    text.push_str(&pairs.join(", "));
    // PNG texts can't hold a zero.
    text.replace('\0', "").trim().to_owned()
}

/// How much an inpainting's mask was blurred, in the web UI's words.
fn mask_blur(task: &Task) -> Option<String> {
    match task {
        Task::Inpaint(inpaint) => Some(inpaint.mask_blur.to_string()),
        _ => None,
    }
}

/// A value as `infotext_utils.quote` writes it: as a JSON string if it holds what separates pairs.
fn quote(value: &str) -> String {
    if value.contains([',', ':', '\n']) { serde_json::Value::from(value).to_string() } else { value.to_owned() }
}

/// The last part of a model's reference, without `.safetensors`: what the web UI calls a model, and no folder of the
/// user's.
fn model_name(model: &str) -> &str {
    let last = model.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(model);
    last.strip_suffix(".safetensors").unwrap_or(last)
}

/// A sampler's label in the web UI's two words for it.
///
/// No schedule means the web UI's `Automatic`, which is the model's own spacing for most samplers but Karras for the
/// DPM family (`sd_samplers_kdiffusion.py`): there the model's own spacing is called `Uniform`.
fn sampler_and_schedule(kind: SchedulerKind) -> (&'static str, Option<&'static str>) {
    // How a label ends, and what the web UI calls such a schedule.
    const SCHEDULES: [(&str, &str); 3] =
        [(" Karras", "Karras"), (" trailing", "SGM Uniform"), (" linspace", "Uniform")];
    let label = kind.label();
    let named = SCHEDULES.iter().find_map(|(end, schedule)| Some((label.strip_suffix(end)?, Some(*schedule))));
    named.unwrap_or((label, label.starts_with("DPM").then_some("Uniform")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size};

    fn recipe(scheduler: &str) -> Recipe {
        let request = Request {
            prompts: Prompts::both("a fox,\na hen", "blurry, dark"),
            sampling: Sampling {
                scheduler: Some(SchedulerKind::from_name(scheduler).expect("a sampler")),
                steps: 20,
                ..Sampling::default()
            },
            guidance: Guidance { scale: 7.0, ..Guidance::default() },
            seeds: Seeds::one(42),
            size: Size::new(512, 768),
            ..Request::default()
        };
        Recipe {
            request,
            model: "/models/v1-5-pruned-emaonly.safetensors".into(),
            model_hash: None,
            app_version: "1.2.3".into(),
            verdict: None,
        }
    }

    #[test]
    fn the_text_is_the_web_uis() {
        let expected = "a fox,\na hen\nNegative prompt: blurry, dark\n\
            Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 512x768, \
            Model: v1-5-pruned-emaonly, RNG: CPU, Version: Burnisher 1.2.3";
        assert_eq!(parameters(&recipe("dpm++2m-karras")), expected);
    }

    #[test]
    fn an_empty_negative_prompt_has_no_line_and_an_empty_prompt_leaves_no_gap() {
        let mut recipe = recipe("euler-a");
        recipe.request.prompts.negative_prompt.clear();
        recipe.request.prompts.prompt.clear();
        recipe.request.guidance.scale = 7.5;
        let expected = "Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 512x768, \
            Model: v1-5-pruned-emaonly, RNG: CPU, Version: Burnisher 1.2.3";
        assert_eq!(parameters(&recipe), expected);
    }

    #[test]
    fn where_automatic_would_mean_karras_the_models_own_spacing_is_named() {
        assert!(parameters(&recipe("dpm++2m")).contains("Sampler: DPM++ 2M, Schedule type: Uniform, "));
        assert!(parameters(&recipe("euler")).contains("Sampler: Euler, CFG scale"));
        assert!(parameters(&recipe("euler-trailing")).contains("Sampler: Euler, Schedule type: SGM Uniform, "));
    }

    #[test]
    fn what_was_asked_of_the_sampler_is_told() {
        let mut asked = recipe("dpm++2m");
        asked.request.sampling.options.sigma_schedule = Some(SigmaSchedule::Exponential);
        assert!(parameters(&asked).contains("Sampler: DPM++ 2M, Schedule type: Exponential, "));
        let mut asked = recipe("ddim");
        asked.request.sampling.options.eta = 0.5;
        assert!(parameters(&asked).contains("Eta DDIM: 0.5, "));
        assert!(!parameters(&recipe("ddim")).contains("Eta"));
    }

    #[test]
    fn values_that_would_break_the_line_are_quoted_as_json() {
        let mut recipe = recipe("ddim");
        recipe.model = "C:\\models\\fox, \"red\": best é".into();
        assert!(parameters(&recipe).contains(r#"Model: "fox, \"red\": best é", RNG"#));
    }

    #[test]
    fn models_are_named_without_their_folders() {
        assert_eq!(
            ["bundled", "a/b/", "C:\\m\\x.safetensors", "owner/name"].map(model_name),
            ["bundled", "b", "x", "name"]
        );
    }
}
