//! Text as the models read it: tokenizers, and the words that a text encoder learned later. No tensors.
//!
//! To add a tokenizer: a file with its type, and a row in `kinds.rs`.

pub mod clip_tokenizer;
mod files;
mod kinds;
mod learned_words;
mod special_tokens;
mod tokenizer;
mod vocabulary;

pub use files::ReadFile;
pub use kinds::open;
pub use tokenizer::{TokenCount, Tokenizer};
