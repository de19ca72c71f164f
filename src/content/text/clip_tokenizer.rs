//! CLIP's tokenizer.
//!
//! It is built from a checkpoint's `tokenizer` folder and computes the same ids as `CLIPTokenizer` of transformers 5
//! (`models/clip/tokenization_clip.py`), which cleans less than OpenAI's own: it neither resolves HTML entities nor repairs
//! broken encodings. `learned_words.json` is our own file: the words of textual inversion, each with its first token and their
//! number.

use std::path::Path;

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{Lowercase, NFC, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

use super::files::{ReadFile, TokenizerFiles, read_from};
use super::learned_words::LearnedWords;
use super::special_tokens::SpecialTokens;
use super::tokenizer::{TokenCount, Tokenizer};
use super::vocabulary::Vocabulary;
use crate::base::error::{Error, Result};

/// The pattern of a word, within which pairs of bytes are merged (`tokenization_clip.py`).
const WORDS: &str = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// CLIP's tokenizer.
#[derive(Debug)]
pub struct ClipTokenizer {
    tokenizer: tokenizers::Tokenizer,
    learned_words: LearnedWords,
    model_max_length: usize,
    largest_id: u32,
    bos: u32,
    eos: u32,
    pad: u32,
}

impl ClipTokenizer {
    /// Opens a `tokenizer` folder: the vocabulary from `tokenizer.json`, or else from `vocab.json` and `merges.txt`;
    /// the special tokens, the added ones and the limit from `tokenizer_config.json`, `special_tokens_map.json` and
    /// `added_tokens.json`, if they are there.
    ///
    /// # Errors
    /// A file is missing, unreadable or malformed.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::from_files(folder, &|name| read_from(folder, name))
    }

    /// Opens a tokenizer as [`Self::open`] does, with files from `read`, which returns `None` if there is no such file.
    /// `folder` is only used in messages.
    ///
    /// # Errors
    /// As [`Self::open`], and whatever `read` fails with.
    pub fn from_files(folder: &Path, read: &ReadFile<'_>) -> Result<Self> {
        let files = TokenizerFiles::new(folder, read);
        let vocabulary = Vocabulary::read(&files)?;
        let special = SpecialTokens::read(&files, vocabulary.added_tokens)?;
        let id = |token: &AddedToken| {
            let missing = || files.error(&format!("The tokenizer's vocabulary lacks {}", token.content));
            vocabulary.vocab.get(&token.content).copied().ok_or_else(missing)
        };
        id(&special.unk)?;
        let (bos, eos, pad) = (id(&special.bos)?, id(&special.eos)?, id(&special.pad)?);
        let unusable = |error| files.error(&format!("The tokenizer is unusable ({error})"));
        let mut tokenizer = build(vocabulary.vocab, vocabulary.merges, special.unk.content).map_err(unusable)?;
        tokenizer.add_tokens(special.added_tokens).map_err(unusable)?;
        let learned_words = LearnedWords::new(files.json("learned_words.json")?.unwrap_or_default());
        let largest_id = tokenizer.get_vocab(true).into_values().max().max(learned_words.largest_id());
        let largest_id = largest_id.unwrap_or_default();
        let model_max_length = special.model_max_length;
        Ok(Self { tokenizer, learned_words, model_max_length, largest_id, bos, eos, pad })
    }

    /// Splits a prompt into tokens, each with the range of the prompt's bytes that it represents.
    fn tokens(&self, prompt: &str) -> Result<Vec<(u32, (usize, usize))>> {
        let mut tokens = Vec::new();
        let mut from = 0;
        let end = (prompt.len()..prompt.len(), 0..0);
        for (learned, ids) in self.learned_words.find(prompt).into_iter().chain([end]) {
            let text = prompt.get(from..learned.start).unwrap_or_default();
            let encoding = self.tokenizer.encode(text, false).map_err(unsplittable)?;
            let offsets = encoding.get_offsets().iter().map(|(start, end)| (from + start, from + end));
            tokens.extend(encoding.get_ids().iter().copied().zip(offsets));
            tokens.extend(ids.map(|id| (id, (learned.start, learned.end))));
            from = learned.end;
        }
        Ok(tokens)
    }
}

impl Tokenizer for ClipTokenizer {
    /// Returns the begin token, the prompt's tokens as far as they fit, the end token, then padding: as
    /// `tokenizer(prompt, padding="max_length", truncation=True)`.
    fn encode(&self, prompt: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::with_capacity(self.model_max_length);
        ids.push(self.bos);
        ids.extend(self.tokens(prompt)?.into_iter().map(|(id, _)| id).take(self.limit()));
        ids.push(self.eos);
        ids.resize(self.model_max_length, self.pad);
        Ok(ids)
    }

    fn count(&self, prompt: &str) -> Result<TokenCount> {
        let (tokens, limit) = (self.tokens(prompt)?, self.limit());
        let cut_at = tokens.get(limit).map(|(_, (start, _))| {
            let read = tokens.iter().take(limit).map(|(_, (_, end))| *end);
            prompt.floor_char_boundary(read.fold(*start, usize::max))
        });
        Ok(TokenCount { tokens: tokens.len(), limit, cut_at })
    }

    fn limit(&self) -> usize {
        self.model_max_length - 2
    }

    fn largest_id(&self) -> u32 {
        self.largest_id
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn unsplittable(error: tokenizers::Error) -> Error {
    Error::new(format!("The prompt can't be split into tokens: {error}"))
}

/// Builds the tokenizer as `CLIPTokenizer.__init__` in `tokenization_clip.py`.
fn build(vocab: Vocab, merges: Merges, unk_token: String) -> tokenizers::Result<tokenizers::Tokenizer> {
    let bpe = BPE::builder().vocab_and_merges(vocab, merges).unk_token(unk_token).end_of_word_suffix("</w>".into());
    let space = Replace::new(ReplacePattern::Regex(r"\s+".into()), " ")?;
    let words = Split::new(SplitPattern::Regex(WORDS.into()), SplitDelimiterBehavior::Removed, true)?;
    let mut tokenizer = tokenizers::Tokenizer::new(bpe.build()?);
    tokenizer.with_normalizer(Some(Normalizers::new(vec![NFC.into(), space.into(), Lowercase.into()])))?;
    tokenizer
        .with_pre_tokenizer(Some(PreTokenizers::new(vec![words.into(), ByteLevel::new(false, true, true).into()])));
    Ok(tokenizer)
}
