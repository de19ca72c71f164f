//! The supported tokenizers, by their class in transformers.

use std::path::Path;
use std::sync::Arc;

use super::clip_tokenizer::ClipTokenizer;
use super::files::ReadFile;
use super::tokenizer::Tokenizer;
use crate::base::error::{Error, Result};

/// Opens a tokenizer from its files; the path is only used in messages.
type Open = fn(&Path, &ReadFile<'_>) -> Result<Arc<dyn Tokenizer>>;

/// A row for each class.
const KINDS: &[(&str, Open)] = &[("CLIPTokenizer", clip), ("CLIPTokenizerFast", clip)];

fn clip(folder: &Path, read: &ReadFile<'_>) -> Result<Arc<dyn Tokenizer>> {
    Ok(Arc::new(ClipTokenizer::from_files(folder, read)?))
}

/// Opens a tokenizer of a class from its files; `folder` is only used in messages.
///
/// # Errors
/// The class is unknown, or a file is missing, unreadable or malformed.
pub fn open(class: &str, folder: &Path, read: &ReadFile<'_>) -> Result<Arc<dyn Tokenizer>> {
    match KINDS.iter().find(|(name, _)| *name == class) {
        Some((_, open)) => open(folder, read),
        None => Err(Error::new(format!("The tokenizer {class} is not supported: {}", folder.display())).advise(
            format!("Supported are {}", KINDS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ")),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_is_unknown_is_refused_with_those_that_are_known() {
        let error = open("T5Tokenizer", "some/tokenizer".as_ref(), &|_| Ok(None)).expect_err("no such tokenizer");
        assert_eq!(
            error.to_string(),
            "The tokenizer T5Tokenizer is not supported: some/tokenizer. Supported are CLIPTokenizer and CLIPTokenizerFast"
        );
    }
}
