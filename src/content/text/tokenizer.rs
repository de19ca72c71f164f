//! What every tokenizer does.

use std::fmt::Debug;

use crate::base::error::Result;

/// Turns prompts into the ids that a text encoder reads, on any thread.
pub trait Tokenizer: Debug + Send + Sync {
    /// The ids of a prompt, with what begins and ends every prompt, cut and padded to the length that the text encoder reads.
    ///
    /// # Errors
    /// The prompt can't be split, which no prompt is known to cause.
    fn encode(&self, prompt: &str) -> Result<Vec<u32>>;

    /// Counts the tokens of a prompt.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    fn count(&self, prompt: &str) -> Result<TokenCount>;

    /// How many tokens of a prompt are read, without those that begin and end every prompt.
    fn limit(&self) -> usize;

    /// The largest id that can come out: a text encoder needs a larger vocabulary.
    fn largest_id(&self) -> u32;
}

/// How long a prompt is, as a model reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// The prompt's tokens, without those that begin and end every prompt.
    pub tokens: usize,
    /// How many of them the model reads.
    pub limit: usize,
    /// The byte of the prompt from which on nothing is read; `None` if all of it is. A character of several tokens counts as read if
    /// one of them is.
    pub cut_at: Option<usize>,
}
