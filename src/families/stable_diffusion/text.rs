//! PromptPair to the embeddings that the UNet reads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;

use crate::base::error::Result;
use crate::base::stop::Outcome;
use crate::content::text::{self, Tokenizer};
use crate::families::conditioning::PromptPair;
use crate::families::slot::{ModelFiles, Slot};
use crate::models::clip::ClipTextModel;
use crate::ops;

/// PromptPair whose embeddings are kept: as many as someone goes back and forth between.
const EMBEDS_KEPT: usize = 8;

/// The tokenizer and the text encoder, with what they made of the last prompts.
pub(super) struct TextReader {
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) slot: Arc<Slot<ClipTextModel>>,
    /// Embeddings by the tokens of their prompts, the newest last.
    embeds: Mutex<Vec<(Vec<Vec<u32>>, Tensor<3>)>>,
}

impl TextReader {
    /// Reads the tokenizer's files.
    ///
    /// # Errors
    /// They are missing or damaged.
    pub(super) fn new(slot: Arc<Slot<ClipTextModel>>, files: &ModelFiles) -> Result<Self> {
        let class = &files.checkpoint.component("tokenizer")?.class;
        let tokenizer = text::open(class, Path::new(&format!("{}/tokenizer", files.name)), &|name| {
            files.checkpoint.bytes(&format!("tokenizer/{name}"))
        })?;
        Ok(Self { tokenizer, slot, embeds: Mutex::default() })
    }

    /// Encodes prompts to `[prompts, tokens, width]`, the negative one first.
    ///
    /// # Errors
    /// The encoder can't be loaded, or doesn't know a token; it was cancelled.
    pub(super) fn encode(&self, prompts: PromptPair<'_>) -> Outcome<Tensor<3>> {
        let words = prompts.negative.into_iter().chain([prompts.positive]);
        let tokens = words.map(|prompt| self.tokenizer.encode(prompt)).collect::<Result<Vec<_>>>()?;
        if let Some(known) = self.recall(&tokens) {
            return Ok(known);
        }
        let embeds = self.slot.take()?.forward(&tokens)?;
        // What is kept has to be whole.
        ops::check_cancelled()?;
        let mut kept = self.embeds.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == EMBEDS_KEPT {
            kept.remove(0);
        }
        kept.push((tokens, embeds.clone()));
        Ok(embeds)
    }

    /// The embeddings of prompts that were encoded before, which become the newest.
    fn recall(&self, tokens: &[Vec<u32>]) -> Option<Tensor<3>> {
        let mut kept = self.embeds.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == tokens)?;
        let found = kept.remove(at);
        let embeds = found.1.clone();
        kept.push(found);
        Some(embeds)
    }
}
