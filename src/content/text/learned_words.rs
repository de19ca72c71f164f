//! Words that a text encoder learned after its training (textual inversion): their tokens, and where they are in a prompt.
//!
//! A word is found regardless of case, where no letter, digit or underscore is next to it. It may have several tokens, which
//! Diffusers writes into the prompt (`loaders/textual_inversion.py`, `_maybe_convert_prompt`). Unlike in Diffusers, a word
//! isn't found inside another, and may be one that is in the vocabulary.

use std::collections::BTreeMap;
use std::ops::Range;

/// Learned words with the range of their tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct LearnedWords(Vec<(String, Range<u32>)>);

impl LearnedWords {
    /// Takes each word's first token and their number. Words without tokens are left out.
    pub(super) fn new(words: BTreeMap<String, (u32, u32)>) -> Self {
        let ids = |(first, count): (u32, u32)| first..first.saturating_add(count);
        let words = words.into_iter().map(|(word, tokens)| (word.to_ascii_lowercase(), ids(tokens)));
        let mut words: Vec<_> = words.filter(|(word, ids)| !word.is_empty() && !ids.is_empty()).collect();
        // The longest word that matches is taken.
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Self(words)
    }

    /// The largest token of any word.
    pub(super) fn largest_id(&self) -> Option<u32> {
        self.0.iter().filter_map(|(_, ids)| ids.end.checked_sub(1)).max()
    }

    /// Finds words in a prompt, from its beginning on and without overlaps: the range of bytes and the tokens of each.
    pub(super) fn find(&self, prompt: &str) -> Vec<(Range<usize>, Range<u32>)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let prompt = prompt.to_ascii_lowercase();
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(rest) = prompt.get(at..).filter(|rest| !rest.is_empty()) {
            let is_free = !prompt[..at].chars().next_back().is_some_and(is_of_word);
            let here = self.0.iter().find(|(word, _)| {
                is_free && rest.strip_prefix(word.as_str()).is_some_and(|after| !after.starts_with(is_of_word))
            });
            if let Some((word, ids)) = here {
                found.push((at..at + word.len(), ids.clone()));
                at += word.len();
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        found
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_and_the_longest_first() {
        let words = [("cat", (10, 1)), ("cat-toy", (20, 3)), ("<Ünder>", (30, 1)), ("", (40, 1)), ("none", (50, 0))];
        let words = LearnedWords::new(words.map(|(word, tokens)| (word.to_owned(), tokens)).into());
        assert_eq!(words.largest_id(), Some(30));
        assert_eq!(words.find("a CAT, a cat-toy"), [(2..5, 10..11), (9..16, 20..23)]);
        assert_eq!(words.find("ü<Ünder>cat none"), [(10..13, 10..11)]);
        assert_eq!(words.find("concatenate cats _cat"), []);
        assert_eq!(words.find(""), []);
    }
}
