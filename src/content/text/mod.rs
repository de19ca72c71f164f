//! Text as the models read it: tokenizers and learned words.

pub mod clip_tokenizer;
pub mod learned_words;
