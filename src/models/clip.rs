//! CLIP's text encoder (transformers `models/clip/modeling_clip.py`): CLIP-L of Stable Diffusion 1.x, OpenCLIP-H of 2.x. Its
//! transformer (`clip_encoder`) is also that of the vision tower.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::Deserialize;
use serde_json::json;

use super::clip_encoder::{Activation, ClipEncoder, ClipEncoderConfig};
use super::config::{NetworkConfig, read};
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::ops::{self, AttentionMask};

/// The keys of `config.json` that determine the network, with transformers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct ClipTextConfig {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    hidden_act: Activation,
    layer_norm_eps: f64,
    // Our own key: how many tokens textual inversion adds to the vocabulary.
    learned_tokens: usize,
}

impl Default for ClipTextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
            learned_tokens: 0,
        }
    }
}

/// `CLIPTextModel`.
#[derive(Module, Debug)]
pub struct ClipTextModel {
    embeddings: ClipTextEmbeddings,
    encoder: ClipEncoder,
    final_layer_norm: LayerNorm,
    #[module(skip)]
    layer_norm_eps: f64,
}

/// The embedding tables. The token table stays in main memory: in f32 it is larger than the part of a buffer that many graphics
/// cards let a kernel access, and a prompt needs only 77 of its rows. Learned words have a table of their own, whose ids
/// follow.
#[derive(Module, Debug)]
#[expect(clippy::struct_field_names, reason = "the names are the checkpoint's")]
struct ClipTextEmbeddings {
    token_embedding: Embedding,
    learned_embedding: Option<Embedding>,
    position_embedding: Embedding,
}

impl ClipTextModel {
    /// Builds the network that a `config.json` describes; its parameters take no memory until they are loaded.
    ///
    /// # Errors
    /// An option that is not supported, or numbers that don't fit together: the message names the key.
    pub fn new(config: &NetworkConfig, device: &Device) -> Result<Self> {
        let c: ClipTextConfig = read(config, &[("model_type", json!("clip_text_model"))])?;
        let width = c.hidden_size;
        let encoder = ClipEncoderConfig {
            width,
            inner: c.intermediate_size,
            layers: c.num_hidden_layers,
            heads: c.num_attention_heads,
            activation: c.hidden_act,
            epsilon: c.layer_norm_eps,
        };
        let table = |tokens| EmbeddingConfig::new(tokens, width).init(&Device::flex());
        Ok(Self {
            embeddings: ClipTextEmbeddings {
                token_embedding: table(c.vocab_size),
                learned_embedding: (c.learned_tokens > 0).then(|| table(c.learned_tokens)),
                position_embedding: EmbeddingConfig::new(c.max_position_embeddings, width).init(device),
            },
            encoder: ClipEncoder::new(encoder, device)?,
            final_layer_norm: LayerNormConfig::new(width).with_epsilon(c.layer_norm_eps).init(device),
            layer_norm_eps: c.layer_norm_eps,
        })
    }

    /// Width of the embedding of a token.
    pub fn width(&self) -> usize {
        self.embeddings.position_embedding.weight.lazy_shape()[1]
    }

    /// Computes `last_hidden_state` `[batch, tokens, width]` from the token ids of prompts, all of the same length.
    ///
    /// # Errors
    /// An id is outside the vocabulary or there are more tokens than positions, as with the tokenizer of another model; or it was
    /// cancelled.
    pub fn forward(&self, ids: &[Vec<u32>]) -> Outcome<Tensor<3>> {
        let table = self.embeddings.token_embedding.weight.val();
        let positions = self.embeddings.position_embedding.weight.val();
        let learned = self.embeddings.learned_embedding.as_ref().map(|learned| learned.weight.val());
        let ([known, width], [longest, _]) = (table.dims(), positions.dims());
        let vocabulary = known + learned.as_ref().map_or(0, |learned| learned.dims()[0]);
        let length = ids.first().map_or(0, Vec::len);
        let flat: Vec<i32> = ids.iter().flatten().map(|&id| id.cast_signed()).collect();
        let fits = flat.iter().all(|&id| usize::try_from(id).is_ok_and(|id| id < vocabulary))
            && flat.len() == length * ids.len();
        if !fits || length > longest {
            let headline = format!(
                "The tokenizer does not fit the text encoder, which knows {vocabulary} tokens at {longest} places"
            );
            return Err(Error::new(headline).advise("Take both from the same model").into());
        }
        let (device, dtype) = (positions.device(), positions.dtype());
        let rows = match learned {
            Some(learned) => rows_of_both(table, learned, &flat),
            None => rows(table, flat),
        };
        let tokens = rows.reshape([ids.len(), length, width]).to_device(&device).cast(dtype);
        let x = tokens + positions.narrow(0, 0, length).unsqueeze();
        let x = self.encoder.forward(x, AttentionMask::Causal)?;
        Ok(ops::layer_norm(&self.final_layer_norm, x, self.layer_norm_eps))
    }
}

/// Selects rows of a table, in the order of the ids.
fn rows(table: Tensor<2>, ids: Vec<i32>) -> Tensor<2> {
    let count = ids.len();
    let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [count]), &table.device());
    table.select(0, ids)
}

/// Selects rows of two tables, where the ids of the second follow those of the first. Neither table is copied.
fn rows_of_both(first: Tensor<2>, second: Tensor<2>, ids: &[i32]) -> Tensor<2> {
    let known = i32::try_from(first.dims()[0]).unwrap_or(i32::MAX);
    let (of_second, of_first): (Vec<i32>, Vec<i32>) = ids.iter().partition(|id| **id >= known);
    if of_second.is_empty() {
        return rows(first, of_first);
    }
    // The position of each id's row once the rows of the second table follow those of the first.
    let (mut next_first, mut next_second) = (0, i32::try_from(of_first.len()).unwrap_or(i32::MAX));
    let places = ids.iter().map(|id| {
        let next = if *id >= known { &mut next_second } else { &mut next_first };
        *next += 1;
        *next - 1
    });
    let places = places.collect();
    let of_second = of_second.into_iter().map(|id| id - known).collect();
    rows(Tensor::cat(vec![rows(first, of_first), rows(second, of_second)], 0), places)
}
