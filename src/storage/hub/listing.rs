//! The terms in which the Hub describes a repository: files with their hashes, licences and gates.

/// A file that the pipeline needs.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its path in the repository, checked: it leads into no other folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// The hash of its content, which is its name in the cache.
    pub(super) hash: Hash,
}

impl Wanted {
    #[cfg(test)]
    pub(super) fn for_test(path: &str, bytes: u64) -> Self {
        Self { path: path.to_owned(), bytes, hash: Hash::parse(&"0".repeat(40)).expect("forty digits") }
    }
}

/// What a file's content must hash to. It is the file's name in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// Of a large file: the content's SHA-256.
    Sha256(String),
    /// Of a small one: Git's, the SHA-1 of `blob`, the length and the content.
    Git(String),
}

impl Hash {
    /// Reads 40 or 64 hexadecimal digits; `None` for anything else, which can't be a name in the cache either.
    pub(super) fn parse(digits: &str) -> Option<Self> {
        let is_hex = digits.chars().all(|c| c.is_ascii_hexdigit());
        match digits.len() {
            64 if is_hex => Some(Self::Sha256(digits.to_ascii_lowercase())),
            40 if is_hex => Some(Self::Git(digits.to_ascii_lowercase())),
            _ => None,
        }
    }

    /// The digits.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Sha256(digits) | Self::Git(digits) => digits,
        }
    }
}

/// What an author allows to be done with a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Licence {
    /// The Hub's short name of it: `creativeml-openrail-m`, `mit`, `other`; `None` if the card names none.
    pub id: Option<String>,
    /// The card's own name of it, where the short one says `other`.
    pub name: Option<String>,
    /// Where its text is: an address, or a file of the repository.
    pub link: Option<String>,
}

/// Whether a licence has to be accepted on the Hub before files are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// No.
    Open,
    /// Yes, and whoever accepts it gets the files.
    Auto,
    /// Yes, and the author decides who gets the files.
    Manual,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_are_names_in_the_cache() {
        for text in ["", "../../x", &"g".repeat(40), &"0".repeat(63), &format!("{}/", "0".repeat(39))] {
            assert_eq!(Hash::parse(text), None, "{text:?}");
        }
    }
}
