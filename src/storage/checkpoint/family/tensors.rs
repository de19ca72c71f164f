//! A file's tensors by name and shape, and what the conventions of whole checkpoints tell of them.

use std::collections::BTreeMap;

/// What the network's tensors begin with in a whole checkpoint; alone, they are also found without.
pub(super) const NETWORK: &str = "model.diffusion_model.";

/// What the tensors of text encoders begin with in a whole checkpoint: LDM's, sgm's and `ComfyUI`'s.
pub(super) const TEXT_ENCODERS: [&str; 3] = ["cond_stage_model.", "conditioner.embedders.", "text_encoders."];

/// What the VAE's tensors begin with (`single_file_utils.py`, `LDM_VAE_KEYS`).
pub(super) const VAES: [&str; 2] = ["first_stage_model.", "vae."];

/// A file's tensors: their shapes by name.
pub(crate) struct Tensors<'a>(BTreeMap<&'a str, &'a [usize]>);

impl<'a> Tensors<'a> {
    pub(super) fn new(tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Self {
        Self(tensors.into_iter().collect())
    }

    /// Returns all names, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.keys().copied()
    }

    /// Returns the only tensor of a file that has no other.
    pub(super) fn only(&self) -> Option<(&'a str, &'a [usize])> {
        let (name, shape) = self.0.first_key_value().filter(|_| self.0.len() == 1)?;
        Some((name, shape))
    }

    /// Returns the shape of a tensor.
    pub(crate) fn shape(&self, key: &str) -> Option<&'a [usize]> {
        self.0.get(key).copied()
    }

    /// Returns whether there is a tensor of this name.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Returns whether a name begins so.
    pub(crate) fn any(&self, prefix: &str) -> bool {
        self.0.range(prefix..).next().is_some_and(|(key, _)| key.starts_with(prefix))
    }

    /// Returns the shape of the first tensor whose name begins and ends so.
    pub(crate) fn find(&self, prefix: &str, ending: &str) -> Option<&'a [usize]> {
        let below = self.0.range(prefix..).take_while(|(key, _)| key.starts_with(prefix));
        below.filter(|(key, _)| key.ends_with(ending)).map(|(_, shape)| *shape).next()
    }

    /// Returns the shape of the first tensor whose name is as asked.
    pub(super) fn first(&self, is_it: impl Fn(&str) -> bool) -> Option<&'a [usize]> {
        self.0.iter().find(|(key, _)| is_it(key)).map(|(_, shape)| *shape)
    }

    /// Returns whether there is a VAE in it.
    pub(super) fn has_vae(&self) -> bool {
        VAES.iter().any(|prefix| self.any(prefix))
    }

    /// Returns whether there is a text encoder in it, or it is one.
    pub(super) fn has_text_encoder(&self) -> bool {
        TEXT_ENCODERS.iter().any(|prefix| self.any(prefix)) || self.text_encoder_alone().is_some()
    }

    /// Returns whether there is more than the network that draws.
    pub(super) fn is_whole(&self) -> bool {
        TEXT_ENCODERS.iter().chain(&VAES).any(|prefix| self.any(prefix))
    }

    /// Returns the shape of a CLIP text encoder's position embedding, where the file is a component of its own.
    pub(super) fn text_encoder_alone(&self) -> Option<&'a [usize]> {
        ["text_model.embeddings.position_embedding.weight", "embeddings.position_embedding.weight"]
            .iter()
            .find_map(|key| self.shape(key))
            .filter(|shape| shape.first() == Some(&77))
    }

    /// Returns the width of the words in a textual inversion embedding: `emb_params` of A1111, `<token>` of Diffusers, `clip_l`
    /// and `clip_g` for two text encoders, whose outputs lie side by side.
    pub(super) fn embedding_width(&self) -> Option<usize> {
        if let (Some(l), Some(g)) = (self.shape("clip_l"), self.shape("clip_g")) {
            return l.last()?.checked_add(*g.last()?);
        }
        if let Some(shape) = self.shape("emb_params").or_else(|| self.find("string_to_param.", "")) {
            return shape.last().copied();
        }
        let (_, shape) = self.only().filter(|(name, shape)| !name.contains('.') && shape.len() <= 2)?;
        shape.last().copied()
    }
}
