//! The special tokens of a tokenizer and the length of its prompts, with CLIP's values as defaults.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokenizers::AddedToken;

use super::files::TokenizerFiles;
use crate::base::error::Result;

/// CLIP's limit, for folders without one.
const MODEL_MAX_LENGTH: usize = 77;
/// A limit from here on means "none" (`LARGE_INTEGER` in `tokenization_utils_base.py`: some files say 1e30).
const NO_LIMIT: f64 = 1e20;
/// Larger than any text encoder's position table.
const LARGEST_LIMIT: f64 = 65_536.0;

/// The tokens that are not text. They are matched in a prompt before anything else.
pub(super) struct SpecialTokens {
    pub(super) bos: AddedToken,
    pub(super) eos: AddedToken,
    pub(super) unk: AddedToken,
    pub(super) pad: AddedToken,
    /// All of them, in the order in which transformers adds them: a later one overrides an equal earlier one.
    pub(super) added_tokens: Vec<AddedToken>,
    /// How many ids a prompt has, including those that begin and end it.
    pub(super) model_max_length: usize,
}

/// A special token in JSON: its text, or an object that also says how it matches.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum SpecialToken {
    Text(String),
    Rule {
        content: String,
        #[serde(default)]
        lstrip: bool,
        #[serde(default)]
        rstrip: bool,
        #[serde(default)]
        single_word: bool,
        #[serde(default = "yes")]
        normalized: bool,
    },
}

fn yes() -> bool {
    true
}

impl SpecialToken {
    fn into_added(self) -> AddedToken {
        match self {
            Self::Text(content) => AddedToken::from(content, true),
            Self::Rule { content, lstrip, rstrip, single_word, normalized } => {
                AddedToken { content, single_word, lstrip, rstrip, normalized, special: true }
            }
        }
    }
}

#[derive(Default, Deserialize)]
struct SpecialTokensMap {
    #[serde(rename = "bos_token")]
    bos: Option<SpecialToken>,
    #[serde(rename = "eos_token")]
    eos: Option<SpecialToken>,
    #[serde(rename = "unk_token")]
    unk: Option<SpecialToken>,
    #[serde(rename = "pad_token")]
    pad: Option<SpecialToken>,
}

#[derive(Default, Deserialize)]
struct TokenizerConfig {
    #[serde(flatten)]
    special_tokens: SpecialTokensMap,
    model_max_length: Option<f64>,
    added_tokens_decoder: Option<BTreeMap<u32, SpecialToken>>,
}

impl SpecialTokens {
    /// Reads them as `_from_pretrained` does in transformers' `tokenization_utils_base.py`, and adds them as `TokenizersBackend`.
    ///
    /// # Errors
    /// A file is unreadable or malformed, or states a limit that no text encoder has.
    pub(super) fn read(files: &TokenizerFiles<'_>, added_tokens: &[AddedToken]) -> Result<Self> {
        let mut added_tokens = added_tokens.to_vec();
        let config: TokenizerConfig = files.json("tokenizer_config.json")?.unwrap_or_default();
        let mut map = SpecialTokensMap::default();
        if let Some(decoder) = config.added_tokens_decoder {
            added_tokens = decoder.into_values().map(SpecialToken::into_added).collect();
        } else {
            map = files.json("special_tokens_map.json")?.unwrap_or_default();
        }
        let resolve = |of_map: Option<SpecialToken>, of_config: Option<SpecialToken>, default: &str| {
            let token = of_map.or(of_config).unwrap_or_else(|| SpecialToken::Text(default.into())).into_added();
            added_tokens.iter().find(|added| added.content == token.content).cloned().unwrap_or(token)
        };
        let named = config.special_tokens;
        let bos = resolve(map.bos, named.bos, "<|startoftext|>");
        let eos = resolve(map.eos, named.eos, "<|endoftext|>");
        let unk = resolve(map.unk, named.unk, "<|endoftext|>");
        let pad = resolve(map.pad, named.pad, "<|endoftext|>");
        added_tokens.extend([&bos, &eos, &unk, &pad].map(Clone::clone));
        let model_max_length = match config.model_max_length {
            None => MODEL_MAX_LENGTH,
            Some(length) if length >= NO_LIMIT => MODEL_MAX_LENGTH,
            Some(length) if (2.0..=LARGEST_LIMIT).contains(&length) => length as usize,
            Some(length) => return Err(files.error(&format!("A tokenizer's model_max_length can't be {length}"))),
        };
        Ok(Self { bos, eos, unk, pad, added_tokens, model_max_length })
    }
}
