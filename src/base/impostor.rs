//! What people get in the place of a file when a download or a clone goes wrong in the usual ways, told by how it begins.

/// Something else that lies where a file should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impostor {
    /// The few lines that Git LFS keeps in a repository for a file that is elsewhere.
    LfsPointer,
    /// A web page.
    WebPage,
    /// A document in XML, as some servers write their errors.
    Xml,
    /// Zeros.
    Zeros,
}

/// As many bytes as tell.
pub const BEGINNING: usize = 8;

impl Impostor {
    /// Recognises one by its first bytes.
    pub fn of(file: &[u8]) -> Option<Self> {
        let beginning = file.get(..BEGINNING)?.to_ascii_lowercase();
        if beginning.starts_with(b"<!doc") || beginning.starts_with(b"<html") {
            Some(Self::WebPage)
        } else if beginning.starts_with(b"<?xml") {
            Some(Self::Xml)
        } else if beginning == b"version " {
            Some(Self::LfsPointer)
        } else if beginning == [0; BEGINNING] {
            Some(Self::Zeros)
        } else {
            None
        }
    }

    /// Returns what it is, as a sentence about the file without its end.
    pub fn what(self) -> &'static str {
        match self {
            Self::LfsPointer => "it only points to the file, which Git LFS hasn't fetched yet",
            Self::WebPage => "it is a web page, perhaps one that asks to log in",
            Self::Xml => "it is a document in XML, perhaps a server's error message",
            Self::Zeros => "it is filled with zeros, as by a download that was only begun",
        }
    }

    /// Returns what to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::LfsPointer => "Run `git lfs pull` in its folder, or download the file by itself",
            Self::WebPage | Self::Xml | Self::Zeros => "Download the file again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_place_of_a_file_is_told_by_its_beginning() {
        for (file, expected) in [
            (&b"version https://git-lfs.github.com/spec/v1\n"[..], Some(Impostor::LfsPointer)),
            (b"<!DOCTYPE html>", Some(Impostor::WebPage)),
            (b"<HTML><head>", Some(Impostor::WebPage)),
            (b"<?xml version='1.0'?>", Some(Impostor::Xml)),
            (&[0; 20], Some(Impostor::Zeros)),
            (&[0; 7], None),
            (b"#version: 0.2\n", None),
            (b"{\"version\": 1}", None),
            (b"", None),
        ] {
            assert_eq!(Impostor::of(file), expected);
        }
    }
}
