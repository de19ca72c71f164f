//! The vocabulary of a byte-pair tokenizer, in either of the two forms that it is stored in.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokenizers::AddedToken;
use tokenizers::models::bpe::{Merges, Vocab};

use super::files::TokenizerFiles;
use crate::base::error::Result;

/// Tokens, and the pairs of them that merge, in order of priority.
pub(super) struct Vocabulary {
    pub(super) vocab: Vocab,
    pub(super) merges: Merges,
    /// By their ids.
    pub(super) added_tokens: BTreeMap<u32, AddedToken>,
}

/// The keys of a `tokenizer.json` that are read: the steps that it lists follow from the tokenizer's class.
#[derive(Deserialize)]
struct TokenizerJson {
    #[serde(default)]
    added_tokens: Vec<NumberedToken>,
    model: TokenizerJsonModel,
}

#[derive(Deserialize)]
struct NumberedToken {
    id: u32,
    #[serde(flatten)]
    token: AddedToken,
}

#[derive(Deserialize)]
struct TokenizerJsonModel {
    vocab: Vocab,
    merges: Vec<TokenizerJsonMerge>,
}

/// A merge is `"a b"` in older files and `["a", "b"]` in newer ones.
#[derive(Deserialize)]
#[serde(untagged)]
enum TokenizerJsonMerge {
    Line(String),
    Pair(String, String),
}

impl Vocabulary {
    /// Reads `tokenizer.json`, or else `vocab.json` and `merges.txt`.
    ///
    /// # Errors
    /// A file is missing, unreadable or malformed, or the merges and the tokens don't fit together.
    pub(super) fn read(files: &TokenizerFiles<'_>) -> Result<Self> {
        let vocabulary = if let Some(json) = files.json::<TokenizerJson>("tokenizer.json")? {
            let malformed = || files.error("The tokenizer's tokenizer.json has a malformed merge");
            let pair = |merge| match merge {
                TokenizerJsonMerge::Line(line) => merge_of(&line).ok_or_else(malformed),
                TokenizerJsonMerge::Pair(a, b) => Ok((a, b)),
            };
            let merges = json.model.merges.into_iter().map(pair).collect::<Result<_>>()?;
            let added_tokens = json.added_tokens.into_iter().map(|NumberedToken { id, token }| (id, token)).collect();
            Self { vocab: json.model.vocab, merges, added_tokens }
        } else {
            let missing = |name: &str| files.error(&format!("The tokenizer has neither tokenizer.json nor {name}"));
            let vocab = files.json("vocab.json")?.ok_or_else(|| missing("vocab.json"))?;
            let text = files.bytes("merges.txt")?.ok_or_else(|| missing("merges.txt"))?;
            Self { vocab, merges: merges_of(files, &text)?, added_tokens: BTreeMap::new() }
        };
        vocabulary.check(files)?;
        Ok(vocabulary)
    }

    /// Checks what the `tokenizers` crate relies on: that every merge gives a token, and that ids are small enough to continue
    /// from.
    fn check(&self, files: &TokenizerFiles<'_>) -> Result<()> {
        if let Some((token, id)) = self.vocab.iter().find(|(_, id)| i32::try_from(**id).is_err()) {
            return Err(files.error(&format!("The tokenizer's vocabulary gives {token} the impossible id {id}")));
        }
        for (a, b) in &self.merges {
            let merged = format!("{a}{b}");
            if let Some(token) = [a, b, &merged].into_iter().find(|token| !self.vocab.contains_key(*token)) {
                return Err(files.error(&format!("The tokenizer merges {a} {b}, but its vocabulary lacks {token}")));
            }
        }
        Ok(())
    }
}

fn merges_of(files: &TokenizerFiles<'_>, text: &[u8]) -> Result<Merges> {
    const NAME: &str = "merges.txt";
    if text.trim_ascii().is_empty() {
        // transformers draws then, from prompts in pieces of a letter each.
        return Err(files.error("The tokenizer's merges.txt is empty").advise("Download the file again"));
    }
    if let Some(error) = files.impostor(NAME, text) {
        return Err(error);
    }
    let text = std::str::from_utf8(text).map_err(|error| files.malformed(NAME, text, error))?;
    let malformed =
        |number: usize| files.error(&format!("The tokenizer's merges.txt is malformed in line {}", number + 1));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with("#version"));
    lines.map(|(number, line)| merge_of(line).ok_or_else(|| malformed(number))).collect()
}

fn merge_of(line: &str) -> Option<(String, String)> {
    line.split_once(' ')
        .filter(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains(' '))
        .map(|(a, b)| (a.into(), b.into()))
}
