//! CLIP's tokenizer: a prompt becomes the ids that the text encoder reads.
//!
//! It is built from a checkpoint's `tokenizer` folder and gives the ids that transformers 5's `CLIPTokenizer` gives
//! there (`models/clip/tokenization_clip.py`). That one cleans less than OpenAI's own: it neither resolves HTML
//! entities nor repairs broken encodings. `learned_words.json` is our own: the words of textual inversion, each with its
//! first token and how many they are. Limits: `added_tokens.json` and `additional_special_tokens`, which only
//! extended vocabularies have, are not read.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{Lowercase, NFC, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::learned_words::LearnedWords;
use crate::base::error::{Error, Result};

/// What counts as one word before pairs of bytes are merged (`tokenization_clip.py`).
const WORDS: &str = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
/// CLIP's limit, for a folder that states none.
const MODEL_MAX_LENGTH: usize = 77;
/// From here on a stated limit means "none" (`LARGE_INTEGER` in `tokenization_utils_base.py`: some files say 1e30).
const NO_LIMIT: f64 = 1e20;
/// Larger than any text encoder's position table.
const LARGEST_LIMIT: f64 = 65_536.0;

/// Turns prompts into token ids.
#[derive(Debug)]
pub struct ClipTokenizer {
    tokenizer: Tokenizer,
    learned_words: LearnedWords,
    model_max_length: usize,
    largest_id: u32,
    bos: u32,
    eos: u32,
    pad: u32,
}

impl ClipTokenizer {
    /// Opens a `tokenizer` folder: the vocabulary from `tokenizer.json`, or else from `vocab.json` and `merges.txt`;
    /// the special tokens and the limit from `tokenizer_config.json` and `special_tokens_map.json`, if they are there.
    ///
    /// # Errors
    /// A file is missing, unreadable or not what its name says.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::from_files(folder, &|name| match std::fs::read(folder.join(name)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::new(format!("{name} can't be read: {}", folder.display())).caused_by(error)),
        })
    }

    /// As [`Self::open`], for files that are not on disk: `read` gives the content of a file, or `None` if there is no
    /// such file. `folder` only names the place in messages.
    ///
    /// # Errors
    /// As [`Self::open`], and whatever `read` fails with.
    pub fn from_files(folder: &Path, read: &dyn Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Self> {
        let files = Files { folder, read };
        let vocabulary = Vocabulary::read(&files)?;
        let special = SpecialTokens::read(&files, &vocabulary.added_tokens)?;
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

    /// The ids of a prompt: the begin token, the prompt's tokens as far as they fit, the end token, then padding up to
    /// [`Self::model_max_length`]. As `tokenizer(prompt, padding="max_length", truncation=True)` with that length.
    ///
    /// # Errors
    /// The prompt can't be split, which no prompt is known to cause.
    pub fn encode(&self, prompt: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::with_capacity(self.model_max_length);
        ids.push(self.bos);
        ids.extend(self.tokens(prompt)?.into_iter().map(|(id, _)| id).take(self.max_prompt_length()));
        ids.push(self.eos);
        ids.resize(self.model_max_length, self.pad);
        Ok(ids)
    }

    /// How many tokens the prompt has, without begin and end, and the byte of it from which on nothing is read, if
    /// they are more than [`Self::max_prompt_length`]. A character of several tokens counts as read if one of them is.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn measure(&self, prompt: &str) -> Result<(usize, Option<usize>)> {
        let tokens = self.tokens(prompt)?;
        let cut = tokens.get(self.max_prompt_length()).map(|(_, (start, _))| {
            let read = tokens.iter().take(self.max_prompt_length()).map(|(_, (_, end))| *end);
            prompt.floor_char_boundary(read.fold(*start, usize::max))
        });
        Ok((tokens.len(), cut))
    }

    /// How many tokens of a prompt fit.
    pub fn max_prompt_length(&self) -> usize {
        self.model_max_length - 2
    }

    /// How many ids [`Self::encode`] gives.
    pub fn model_max_length(&self) -> usize {
        self.model_max_length
    }

    /// The largest id that can come out: a text encoder needs a `vocab_size` above it.
    pub fn largest_id(&self) -> u32 {
        self.largest_id
    }

    /// A prompt's tokens, each with the first byte of the prompt that it stands for and that after the last.
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

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn unsplittable(error: tokenizers::Error) -> Error {
    Error::new(format!("The prompt can't be split into tokens: {error}"))
}

/// The steps of `CLIPTokenizer.__init__` in `tokenization_clip.py`.
fn build(vocab: Vocab, merges: Merges, unk_token: String) -> tokenizers::Result<Tokenizer> {
    let bpe = BPE::builder().vocab_and_merges(vocab, merges).unk_token(unk_token).end_of_word_suffix("</w>".into());
    let space = Replace::new(ReplacePattern::Regex(r"\s+".into()), " ")?;
    let words = Split::new(SplitPattern::Regex(WORDS.into()), SplitDelimiterBehavior::Removed, true)?;
    let mut tokenizer = Tokenizer::new(bpe.build()?);
    tokenizer.with_normalizer(Some(Normalizers::new(vec![NFC.into(), space.into(), Lowercase.into()])))?;
    tokenizer
        .with_pre_tokenizer(Some(PreTokenizers::new(vec![words.into(), ByteLevel::new(false, true, true).into()])));
    Ok(tokenizer)
}

/// The files of a tokenizer, and where they are.
struct Files<'a> {
    folder: &'a Path,
    read: &'a dyn Fn(&str) -> Result<Option<Vec<u8>>>,
}

impl Files<'_> {
    fn error(&self, message: &str) -> Error {
        Error::new(format!("{message}: {}", self.folder.display()))
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(content) = (self.read)(name)? else { return Ok(None) };
        let malformed = |error| self.error(&format!("The tokenizer's {name} is malformed")).caused_by(error);
        serde_json::from_slice(&content).map(Some).map_err(malformed)
    }
}

/// Tokens, and which pairs of them merge, the first ones first.
struct Vocabulary {
    vocab: Vocab,
    merges: Merges,
    added_tokens: Vec<AddedToken>,
}

/// What is read of a `tokenizer.json`: its pipeline is CLIP's own, as `CLIPTokenizer` takes it to be.
#[derive(Deserialize)]
struct TokenizerJson {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    model: TokenizerJsonModel,
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
    fn read(files: &Files) -> Result<Self> {
        let vocabulary = if let Some(json) = files.json::<TokenizerJson>("tokenizer.json")? {
            let malformed = || files.error("The tokenizer's tokenizer.json has a malformed merge");
            let pair = |merge| match merge {
                TokenizerJsonMerge::Line(line) => merge_of(&line).ok_or_else(malformed),
                TokenizerJsonMerge::Pair(a, b) => Ok((a, b)),
            };
            let merges = json.model.merges.into_iter().map(pair).collect::<Result<_>>()?;
            Self { vocab: json.model.vocab, merges, added_tokens: json.added_tokens }
        } else {
            let missing = |name: &str| files.error(&format!("The tokenizer has neither tokenizer.json nor {name}"));
            let vocab = files.json("vocab.json")?.ok_or_else(|| missing("vocab.json"))?;
            let text = (files.read)("merges.txt")?.ok_or_else(|| missing("merges.txt"))?;
            Self { vocab, merges: merges_of(files, &text)?, added_tokens: Vec::new() }
        };
        vocabulary.check(files)?;
        Ok(vocabulary)
    }

    /// The `tokenizers` crate takes for granted that a merge of two tokens is no longer than the longest token, and
    /// counts on from the largest id.
    fn check(&self, files: &Files) -> Result<()> {
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

fn merges_of(files: &Files, text: &[u8]) -> Result<Merges> {
    let text = std::str::from_utf8(text)
        .map_err(|error| files.error("The tokenizer's merges.txt is malformed").caused_by(error))?;
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

/// The tokens that are no text, each matched in a prompt as it stands before anything else is.
struct SpecialTokens {
    bos: AddedToken,
    eos: AddedToken,
    unk: AddedToken,
    pad: AddedToken,
    /// All of them in the order in which transformers adds them: a later one overrides an equal earlier one.
    added_tokens: Vec<AddedToken>,
    model_max_length: usize,
}

/// A special token in JSON: its text, or more about how it matches.
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
    /// `_from_pretrained` in transformers' `tokenization_utils_base.py`, and the adding in `TokenizersBackend`.
    fn read(files: &Files, added_tokens: &[AddedToken]) -> Result<Self> {
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
