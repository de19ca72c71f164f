//! The chunks of a WebP file, looked at before a decoder believes what they say of their lengths.
//!
//! RIFF, as in the WebP container's specification: `RIFF`, a length, `WEBP`; then chunks of a name, a length and so many bytes, to an even
//! number.

use std::io::{Read, Seek, SeekFrom};

use crate::base::error::{Error, Result};

/// Checks that no chunk is longer than what is left of the file: decoders make room for a chunk before they read it. The place in the file
/// is the beginning again afterwards.
///
/// # Errors
/// One is, or the file can't be read.
pub(crate) fn check(mut file: impl Read + Seek) -> Result<()> {
    let unreadable = |cause: std::io::Error| Error::new("This file can't be read").caused_by(cause);
    let end = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let mut at = 12;
    while at + 8 <= end {
        file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
        let mut head = [0; 8];
        file.read_exact(&mut head).map_err(unreadable)?;
        let [.., a, b, c, d] = head;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        at += 8 + length;
        if at > end {
            return Err(Error::new("This picture is damaged: the file ends too early"));
        }
        at += length % 2;
    }
    file.seek(SeekFrom::Start(0)).map(drop).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn file(length: u32, content: &[u8]) -> Cursor<Vec<u8>> {
        let head = [b"RIFF\x20\0\0\0WEBPEXIF".as_slice(), &length.to_le_bytes()].concat();
        Cursor::new([&head, content].concat())
    }

    #[test]
    fn a_chunk_longer_than_the_file_is_refused_before_room_is_made_for_it() {
        assert!(check(file(5, b"abcde")).is_ok());
        assert!(check(file(5, b"abcde\0VP8 \0\0\0\0")).is_ok(), "chunks begin at even places");
        for (length, content) in [(6, &b"abcde"[..]), (u32::MAX, b"abcde"), (0x4500_02e9, b"")] {
            let error = check(file(length, content)).expect_err("it lies");
            assert!(error.to_string().contains("ends too early"), "{error}");
        }
        assert!(check(Cursor::new(b"RIFF")).is_ok(), "what else is wrong is for the decoder to say");
    }
}
