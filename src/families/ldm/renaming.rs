//! Renaming the beginnings of tensors' names.

/// Returns the number after a word, and what comes after that: `input_blocks.3.0.weight` is 3 and `0.weight`.
pub(super) fn numbered<'a>(key: &'a str, word: &str) -> Option<(usize, &'a str)> {
    let (number, rest) = key.strip_prefix(word)?.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// `key` with its beginning renamed after a table of whole names, old and new.
pub(super) fn renamed(key: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(old, new)| {
        let rest = key.strip_prefix(old)?;
        (rest.is_empty() || rest.starts_with('.')).then(|| format!("{new}{rest}"))
    })
}
