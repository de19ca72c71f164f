//! The interface of tokenizers.

use std::fmt::Debug;

use crate::base::error::Result;

/// Turns prompts into the ids that a text encoder reads, on any thread.
pub trait Tokenizer: Debug + Send + Sync {
    /// Returns the ids of a prompt, with those that begin and end every prompt, truncated and padded to the text encoder's
    /// length.
    ///
    /// # Errors
    /// The prompt can't be split into tokens. No prompt is known to cause this.
    fn encode(&self, prompt: &str) -> Result<Vec<u32>>;

    /// Counts the tokens of a prompt.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    fn count(&self, prompt: &str) -> Result<TokenCount>;

    /// How many tokens of a prompt the text encoder reads, without those that begin and end every prompt.
    fn limit(&self) -> usize;

    /// The largest id that [`Self::encode`] can return: the text encoder's vocabulary has to be larger.
    fn largest_id(&self) -> u32;
}

/// The length of a prompt in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// The prompt's tokens, without those that begin and end every prompt.
    pub tokens: usize,
    /// How many tokens the model reads.
    pub limit: usize,
    /// The byte of the prompt from which on the model reads nothing; `None` if it reads all of it. A character of several
    /// tokens counts as read if one of them is.
    pub cut_at: Option<usize>,
}
