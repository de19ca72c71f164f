//! How long a prompt is for a model, told to whoever edits it.

use std::fmt;
use std::sync::Arc;

pub use crate::content::text::TokenCount;

/// Counts the tokens of prompts, on any thread and without the worker. Clones share the vocabulary.
#[derive(Clone)]
pub struct TokenCounter(Arc<dyn Fn(&str) -> TokenCount + Send + Sync>);

impl TokenCounter {
    /// A counter that does as `count` does.
    pub fn new(count: impl Fn(&str) -> TokenCount + Send + Sync + 'static) -> Self {
        Self(Arc::new(count))
    }

    /// How long a prompt is. It takes microseconds a word.
    pub fn count(&self, prompt: &str) -> TokenCount {
        (self.0)(prompt)
    }
}

impl fmt::Debug for TokenCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCounter")
    }
}

/// The same vocabulary in memory.
impl PartialEq for TokenCounter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
