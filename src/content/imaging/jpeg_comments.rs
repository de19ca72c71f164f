//! The comments of a JPEG file (its COM segments, ITU-T T.81, B.2.4.5), which have no character code.
//!
//! Limits: segments are followed up to the pixels. A file that isn't laid out in this way has no comments.

use std::io::{BufRead, Read, Result, Seek};

use super::png_text;

/// The marker of a comment.
const COMMENT: u8 = 0xfe;

/// The marker before the pixels, and that of the end.
const LAST: [u8; 2] = [0xda, 0xd9];

/// The comments that are read: more than any program writes.
const MOST: usize = 16;

/// Reads the comments before the pixels, in the order of the file, as UTF-8 or else as Latin-1.
///
/// # Errors
/// The file can't be read.
pub fn read(mut file: impl BufRead + Seek) -> Result<Vec<String>> {
    let mut comments = Vec::new();
    let mut head = Vec::new();
    // The two bytes with which every JPEG begins.
    file.seek_relative(2)?;
    while comments.len() < MOST {
        head.clear();
        file.by_ref().take(4).read_to_end(&mut head)?;
        let &[0xff, kind, high, low] = head.as_slice() else { break };
        let Some(length) = u16::from_be_bytes([high, low]).checked_sub(2).filter(|_| !LAST.contains(&kind)) else {
            break;
        };
        if kind == COMMENT {
            let mut text = Vec::new();
            file.by_ref().take(length.into()).read_to_end(&mut text)?;
            comments.push(png_text::decode_latin_1(&text));
        } else {
            file.seek_relative(length.into())?;
        }
    }
    Ok(comments)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn comments_between_other_segments_are_read_in_any_script() {
        let file = b"\xff\xd8\xff\xe0\0\x04ab\xff\xfe\0\x06caf\xe9\xff\xdb\0\x02\xff\xfe\0\x05\xe7\x8c\xab\xff\xda\0\x02\xff\xfe\0\x03x";
        assert_eq!(read(Cursor::new(file)).expect("it can be read"), ["café", "猫"]);
    }

    #[test]
    fn what_is_laid_out_otherwise_has_no_comments() {
        for file in [&b""[..], b"\xff\xd8", b"\xff\xd8\xff\xfe\0\x01x", b"\xff\xd8fox", b"\xff\xd8\xff\xe0\xff\xff"] {
            assert_eq!(read(Cursor::new(file)).expect("it can be read"), [""; 0], "{file:?}");
        }
        assert_eq!(read(Cursor::new(b"\xff\xd8\xff\xfe\0\x09cut")).expect("it can be read"), ["cut"]);
    }
}
