//! The model card: what its author recommends.
//!
//! A card is a README.md that begins with YAML between lines of `---`; the Hub's widget reads its settings from
//! `inference.parameters` there. Limits: only plain nested keys are understood, not YAML's other ways to write the
//! same; a card that says it differently recommends nothing.

use serde::Serialize;

/// What the card recommends, by the names of `StableDiffusionPipeline.__call__`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Recommended {
    /// Steps of the scheduler.
    pub num_inference_steps: Option<usize>,
    /// Classifier-free guidance.
    pub guidance_scale: Option<f64>,
}

/// Reads the front matter of a README.md.
pub(super) fn recommended(readme: &str) -> Recommended {
    let mut recommended = Recommended::default();
    let mut lines = readme.lines();
    if lines.next() != Some("---") {
        return recommended;
    }
    // The keys that enclose a line, each with its indentation.
    let mut path: Vec<(usize, &str)> = Vec::new();
    for line in lines.take_while(|line| *line != "---") {
        let Some((key, value)) = line.split_once(':') else { continue };
        let indent = key.len() - key.trim_start().len();
        path.retain(|(outer, _)| *outer < indent);
        path.push((indent, key.trim()));
        let value = value.split('#').next().unwrap_or_default().trim();
        match path.iter().map(|(_, key)| *key).collect::<Vec<_>>()[..] {
            ["inference", "parameters", "num_inference_steps"] => recommended.num_inference_steps = value.parse().ok(),
            ["inference", "parameters", "guidance_scale"] => recommended.guidance_scale = value.parse().ok(),
            _ => {}
        }
    }
    recommended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_recommends_steps_and_guidance() {
        let card = "---\nlicense: mit\ninference:\n  parameters:\n    num_inference_steps: 20  # enough\n    guidance_scale: 4\nwidget:\n  - text: a fox\n---\n# A model\n";
        assert_eq!(recommended(card), Recommended { num_inference_steps: Some(20), guidance_scale: Some(4.0) });
    }

    #[test]
    fn a_readme_that_is_no_card_recommends_nothing() {
        for readme in [
            "",
            "# A model\ninference:\n  parameters:\n    guidance_scale: 4\n",
            "---\ninference: false\n---\n",
            "---\ninference:\n  parameters:\n    guidance_scale: a lot\n---\n",
            "---\nother:\n  parameters:\n    guidance_scale: 4\n---\n",
        ] {
            assert_eq!(recommended(readme), Recommended::default(), "{readme}");
        }
    }
}
