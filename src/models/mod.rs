//! The networks of a checkpoint, each with its parameters named as in the file, and the tokenizer.

pub mod clip_tokenizer;
