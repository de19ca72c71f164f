//! The special and added tokens of a tokenizer and the length of its prompts, with CLIP's values as defaults.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokenizers::AddedToken;

use super::files::TokenizerFiles;
use crate::base::error::Result;

/// CLIP's limit, for folders without one.
const MODEL_MAX_LENGTH: usize = 77;
/// A limit from here on means "none" (`LARGE_INTEGER` in `tokenization_utils_base.py`: some files say 1e30).
const NO_LIMIT: f64 = 1e20;
/// Larger than any text encoder's position table.
const LARGEST_LIMIT: f64 = 65_536.0;

/// The tokens that are not pieces of text. They are matched in a prompt before anything else.
pub(super) struct SpecialTokens {
    pub(super) bos: AddedToken,
    pub(super) eos: AddedToken,
    pub(super) unk: AddedToken,
    pub(super) pad: AddedToken,
    /// All of them and the words that were added, in the order in which transformers adds them: a later one overrides an equal
    /// earlier one, and one that the vocabulary lacks gets the next id.
    pub(super) added_tokens: Vec<AddedToken>,
    /// How many ids a prompt has, including those that begin and end it.
    pub(super) model_max_length: usize,
}

/// An added token in JSON: its text, or an object that also says how it matches.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum WrittenToken {
    Text(String),
    Rule {
        content: String,
        #[serde(default)]
        lstrip: bool,
        #[serde(default)]
        rstrip: bool,
        #[serde(default)]
        single_word: bool,
        normalized: Option<bool>,
        #[serde(default)]
        special: bool,
    },
}

impl WrittenToken {
    fn text(&self) -> &str {
        match self {
            Self::Text(content) | Self::Rule { content, .. } => content,
        }
    }

    /// Returns the token. A text alone is a special one; `is_special` says so of an object that doesn't.
    fn into_added(self, is_special: bool) -> AddedToken {
        match self {
            Self::Text(content) => AddedToken::from(content, true),
            Self::Rule { content, lstrip, rstrip, single_word, normalized, special } => {
                let token = AddedToken::from(content, special || is_special);
                let normalized = normalized.unwrap_or(token.normalized);
                AddedToken { single_word, lstrip, rstrip, normalized, ..token }
            }
        }
    }
}

/// Special tokens without a part of their own: a list, or each under a name.
#[derive(Deserialize)]
#[serde(untagged)]
enum ExtraTokens {
    List(Vec<WrittenToken>),
    Named(Map<String, Value>),
}

impl ExtraTokens {
    fn into_tokens(self) -> Vec<WrittenToken> {
        match self {
            Self::List(tokens) => tokens,
            Self::Named(tokens) => {
                tokens.into_iter().filter_map(|(_, token)| WrittenToken::deserialize(token).ok()).collect()
            }
        }
    }
}

#[derive(Default, Deserialize)]
struct SpecialTokensMap {
    #[serde(rename = "bos_token")]
    bos: Option<WrittenToken>,
    #[serde(rename = "eos_token")]
    eos: Option<WrittenToken>,
    #[serde(rename = "unk_token")]
    unk: Option<WrittenToken>,
    #[serde(rename = "pad_token")]
    pad: Option<WrittenToken>,
    #[serde(rename = "extra_special_tokens")]
    extra: Option<ExtraTokens>,
    /// What [`Self::extra`] was called before transformers 5.
    #[serde(rename = "additional_special_tokens")]
    additional: Option<ExtraTokens>,
}

impl SpecialTokensMap {
    fn take_extra(&mut self) -> Vec<WrittenToken> {
        let lists = [self.extra.take(), self.additional.take()].into_iter().flatten().map(ExtraTokens::into_tokens);
        lists.into_iter().find(|tokens| !tokens.is_empty()).unwrap_or_default()
    }
}

#[derive(Default, Deserialize)]
struct TokenizerConfig {
    #[serde(flatten)]
    special_tokens: SpecialTokensMap,
    model_max_length: Option<f64>,
    added_tokens_decoder: Option<BTreeMap<u32, WrittenToken>>,
}

impl SpecialTokens {
    /// Reads them as `_from_pretrained` does in transformers' `tokenization_utils_base.py`, and adds them as `TokenizersBackend`:
    /// where the config has no list of added tokens, as before transformers 4.35, `added_tokens.json` has it.
    ///
    /// # Errors
    /// A file is unreadable or malformed, or states a limit that no text encoder has.
    pub(super) fn read(files: &TokenizerFiles<'_>, of_vocabulary: BTreeMap<u32, AddedToken>) -> Result<Self> {
        let TokenizerConfig { special_tokens: mut named, model_max_length, added_tokens_decoder } =
            files.json("tokenizer_config.json")?.unwrap_or_default();
        let mut map = SpecialTokensMap::default();
        let is_older = added_tokens_decoder.is_none();
        if is_older {
            map = files.json("special_tokens_map.json")?.unwrap_or_default();
        }
        let mut extra = named.take_extra();
        extra.extend(map.take_extra());
        let mut added: BTreeMap<u32, AddedToken> = BTreeMap::new();
        for (id, token) in added_tokens_decoder.into_iter().flatten() {
            added.insert(id, token.into_added(false));
        }
        if is_older {
            let parts = [&map.bos, &map.eos, &map.unk, &map.pad, &named.bos, &named.eos, &named.unk, &named.pad];
            let special: Vec<&str> = parts.into_iter().flatten().chain(&extra).map(WrittenToken::text).collect();
            let words: BTreeMap<String, u32> = files.json("added_tokens.json")?.unwrap_or_default();
            for (word, id) in words {
                let is_special = special.contains(&word.as_str());
                added.insert(id, AddedToken::from(word, is_special));
            }
            added.extend(of_vocabulary);
        }
        let mut added_tokens: Vec<AddedToken> = added.into_values().collect();
        let resolve = |of_map: Option<WrittenToken>, of_config: Option<WrittenToken>, default: &str| {
            let of_map = of_map.map(|token| token.into_added(true));
            let Some(token) = of_map.or_else(|| Some(of_config?.into_added(false))) else {
                return AddedToken::from(default, true);
            };
            added_tokens.iter().find(|added| added.content == token.content).cloned().unwrap_or(token)
        };
        let bos = resolve(map.bos, named.bos, "<|startoftext|>");
        let eos = resolve(map.eos, named.eos, "<|endoftext|>");
        let unk = resolve(map.unk, named.unk, "<|endoftext|>");
        let pad = resolve(map.pad, named.pad, "<|endoftext|>");
        added_tokens.extend([&bos, &eos, &unk, &pad].map(Clone::clone));
        added_tokens.extend(extra.into_iter().map(|token| token.into_added(true)));
        let model_max_length = match model_max_length {
            None => MODEL_MAX_LENGTH,
            Some(length) if length >= NO_LIMIT => MODEL_MAX_LENGTH,
            Some(length) if (2.0..=LARGEST_LIMIT).contains(&length) => length as usize,
            Some(length) => return Err(files.error(&format!("A tokenizer's model_max_length can't be {length}"))),
        };
        Ok(Self { bos, eos, unk, pad, added_tokens, model_max_length })
    }
}
