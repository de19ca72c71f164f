//! The formats that are read, one row each.

use burnisher::base::error::Result;

use crate::{hub, models, pictures, texts};

/// Reads an input as the program does: everything that looks at it.
pub(crate) type Read = Box<dyn Fn(&[u8]) -> Result<()> + Sync>;

/// A format, samples of it, and what reads it.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) samples: Vec<Vec<u8>>,
    /// Whether values and brackets mean something in it.
    pub(crate) is_text: bool,
    /// Whether a file is refused whose end is missing.
    pub(crate) cut_is_refused: bool,
    /// How many bytes at the end of a file may be missing all the same.
    pub(crate) tail: usize,
    pub(crate) read: Read,
}

impl Format {
    /// A format whose files say how long they are.
    pub(crate) fn binary(
        name: &'static str,
        samples: Vec<Vec<u8>>,
        read: impl Fn(&[u8]) -> Result<()> + Sync + 'static,
    ) -> Self {
        Self { name, samples, is_text: false, cut_is_refused: true, tail: 0, read: Box::new(read) }
    }

    /// A format that is a text.
    pub(crate) fn text(
        name: &'static str,
        samples: Vec<Vec<u8>>,
        read: impl Fn(&[u8]) -> Result<()> + Sync + 'static,
    ) -> Self {
        Self { name, samples, is_text: true, cut_is_refused: false, tail: 0, read: Box::new(read) }
    }

    /// JSON: half a value is none.
    pub(crate) fn json(
        name: &'static str,
        samples: Vec<Vec<u8>>,
        read: impl Fn(&[u8]) -> Result<()> + Sync + 'static,
    ) -> Self {
        Self { cut_is_refused: true, ..Self::text(name, samples, read) }
    }

    /// Says how many bytes at the end mean nothing.
    pub(crate) fn with_tail(self, tail: usize) -> Self {
        Self { tail, ..self }
    }

    /// Says that the rest of a cut file is of use.
    pub(crate) fn readable_when_cut(self) -> Self {
        Self { cut_is_refused: false, ..self }
    }
}

/// All formats.
pub(crate) fn all() -> Vec<Format> {
    let groups = [pictures::formats(), texts::formats(), models::formats(), hub::formats()];
    groups.into_iter().flatten().collect()
}
