//! `KeyMap`: where the tensors of a single file go.

/// Which part of a stored tensor a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slice {
    /// All of it.
    Whole,
    /// One of three that are stored one after the other: query, key and value.
    Third(usize),
}

/// The parameter that a stored tensor becomes, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyTarget {
    /// The component, as a pipeline calls it.
    pub(crate) component: &'static str,
    /// The parameter's name in Diffusers.
    pub(crate) key: String,
    /// The part of the tensor.
    pub(crate) slice: Slice,
}

/// The names of one single file, translated into those of a diffusers folder.
pub(crate) trait KeyMap {
    /// Returns where a tensor goes: nowhere, to one place, or in parts to several.
    fn destinations(&self, key: &str) -> Vec<KeyTarget>;

    /// Returns Diffusers' name of a VAE's tensor, with or without what whole checkpoints put before it.
    fn vae(&self, key: &str) -> Option<String>;

    /// Returns the component that a tensor without a destination seems to belong to; `None` for those that are known to be of
    /// no use.
    fn stray(&self, key: &str) -> Option<&'static str>;

    /// Returns the name of the tensor with the same weights averaged over the training (EMA); `None` for those that have none.
    fn averaged(&self, key: &str) -> Option<String>;
}
