//! Models that read no text: they draw pictures of the kind that they were trained on.

pub(crate) mod row;
