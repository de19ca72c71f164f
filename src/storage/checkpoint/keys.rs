//! Parameter names: the spellings that checkpoints use over the years, brought to one.
//!
//! Names of a file and of a module both go through [`canonical`], so a module may be built after either spelling.
//! Limits: diffusers folders only; names of single-file (LDM) checkpoints are another matter.

use std::borrow::Cow;

/// Renamed path segments, old to present.
///
/// Attention: Diffusers, `ModelMixin._fix_state_dict_keys_on_load`. Norms: burn's names (`burn::nn::GroupNorm`,
/// `LayerNorm`), also those of weights that came from TensorFlow.
const SEGMENTS: [(&str, &str); 6] = [
    ("query", "to_q"),
    ("key", "to_k"),
    ("value", "to_v"),
    ("proj_attn", "to_out.0"),
    ("gamma", "weight"),
    ("beta", "bias"),
];

/// Returns the one spelling under which a parameter is looked up.
///
/// transformers before 5 puts `text_model.` before the names of a CLIP text encoder, and a second `vision_model.` before those of
/// a vision tower; transformers 5 doesn't.
pub(super) fn canonical(key: &str) -> String {
    let key = key.strip_prefix("text_model.").unwrap_or(key);
    let key = key.strip_prefix("vision_model.").filter(|rest| rest.starts_with("vision_model.")).unwrap_or(key);
    let segments: Vec<&str> = key.split('.').map(|segment| present_name(segment).unwrap_or(segment)).collect();
    segments.join(".")
}

/// Returns a module's parameter path as files spell it: burn's names of norm parameters are its own.
pub(super) fn as_in_files(path: &str) -> Cow<'_, str> {
    match path.rsplit_once('.') {
        Some((parent, "gamma")) => format!("{parent}.weight").into(),
        Some((parent, "beta")) => format!("{parent}.bias").into(),
        _ => path.into(),
    }
}

/// Returns whether a file's tensor is no parameter of any model: it can be left out and nothing is lost.
///
/// `position_ids` counts 0, 1, 2, .. and was saved by transformers before 4.31.
pub(super) fn is_no_parameter(key: &str) -> bool {
    key.ends_with(".position_ids")
}

fn present_name(segment: &str) -> Option<&'static str> {
    SEGMENTS.iter().find(|(old, _)| *old == segment).map(|(_, present)| *present)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_parameter_comes_to_the_same_name() {
        for (old, present) in [
            ("text_model.encoder.layers.0.mlp.fc1.bias", "encoder.layers.0.mlp.fc1.bias"),
            ("vision_model.vision_model.pre_layrnorm.bias", "vision_model.pre_layrnorm.bias"),
            ("decoder.mid_block.attentions.0.query.weight", "decoder.mid_block.attentions.0.to_q.weight"),
            ("decoder.mid_block.attentions.0.key.bias", "decoder.mid_block.attentions.0.to_k.bias"),
            ("decoder.mid_block.attentions.0.value.bias", "decoder.mid_block.attentions.0.to_v.bias"),
            ("encoder.mid_block.attentions.0.proj_attn.weight", "encoder.mid_block.attentions.0.to_out.0.weight"),
            ("conv_norm_out.gamma", "conv_norm_out.weight"),
            ("conv_norm_out.beta", "conv_norm_out.bias"),
        ] {
            assert_eq!(canonical(old), present);
            assert_eq!(canonical(present), present);
        }
    }

    #[test]
    fn a_module_path_is_shown_as_files_spell_it() {
        assert_eq!(as_in_files("mid_block.resnets.0.norm1.gamma"), "mid_block.resnets.0.norm1.weight");
        assert_eq!(as_in_files("mid_block.resnets.0.conv1.bias"), "mid_block.resnets.0.conv1.bias");
    }
}
