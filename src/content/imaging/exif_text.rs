//! Texts in the EXIF data of JPEG and WebP files, mainly the comment that has the settings.
//!
//! A comment begins with eight bytes that name its character code (EXIF 2.3, `UserComment`). Unicode there means UTF-16
//! in the byte order of the file. Many writers get the order wrong, so it is detected from the text itself.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Field, In, Reader, Tag, Value};

use crate::base::error::{Error, Result};

/// The first bytes of the data in JPEG files, and by mistake in some WebP files.
pub(super) const PREFIX: &[u8] = b"Exif\0\0";

/// The tag of the comment that Windows' file manager writes, in UTF-16 of the little byte order and without a code.
pub const XP_COMMENT: u16 = 0x9c9c;

/// The code of a comment in UTF-16.
const UNICODE: &[u8] = b"UNICODE\0";

/// Reads the texts in EXIF data with the numbers of their tags, in the order of the file. Damaged parts are skipped.
pub fn texts(data: &[u8]) -> Vec<(u16, String)> {
    let data = data.strip_prefix(PREFIX).unwrap_or(data);
    let read = Reader::new().continue_on_error(true).read_raw(data.to_vec());
    let Ok(exif) = read.or_else(|error| error.distill_partial_result(|_| ())) else {
        return Vec::new();
    };
    let text = |value: &Value| match value {
        Value::Ascii(parts) => parts.first().map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
        Value::Undefined(bytes, _) | Value::Byte(bytes) => Some(decode(bytes)),
        _ => None,
    };
    let text_of = |field: &Field| match (field.tag.number(), &field.value) {
        (XP_COMMENT, Value::Byte(bytes)) => Some(from_units(bytes, u16::from_le_bytes)),
        (_, value) => text(value),
    };
    exif.fields().filter_map(|field| Some((field.tag.number(), text_of(field)?))).collect()
}

/// Encodes EXIF data that has only this comment.
///
/// # Errors
/// It is longer than EXIF data can be.
pub fn comment(text: &str) -> Result<Vec<u8>> {
    let value = UNICODE.iter().copied().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    let field = Field { tag: Tag::UserComment, ifd_num: In::PRIMARY, value: Value::Undefined(value, 0) };
    let mut writer = Writer::new();
    writer.push_field(&field);
    let mut data = Cursor::new(Vec::new());
    writer.write(&mut data, false).map_err(|cause| Error::new("The settings are too long").caused_by(cause))?;
    Ok(data.into_inner())
}

/// Decodes a comment in any character code. Invalid characters become `U+FFFD`.
fn decode(bytes: &[u8]) -> String {
    if let Some(bytes) = bytes.strip_prefix(UNICODE) {
        return decode_utf16(bytes);
    }
    let headless = [&b"ASCII\0\0\0"[..], &[0; 8]].into_iter().find_map(|code| bytes.strip_prefix(code));
    let text = String::from_utf8_lossy(headless.unwrap_or(bytes));
    text.trim_end_matches('\0').to_owned()
}

/// Decodes UTF-16 in the byte order that its mark names, or else in the one that gives more plain Latin letters.
fn decode_utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let latin = |high: usize| pairs.iter().filter(|pair| pair.get(high) == Some(&0)).count();
    let is_little = match pairs {
        [[0xff, 0xfe], ..] => true,
        [[0xfe, 0xff], ..] => false,
        _ => latin(1) > latin(0),
    };
    from_units(bytes, if is_little { u16::from_le_bytes } else { u16::from_be_bytes })
}

/// Decodes UTF-16 whose units are read so, without its byte order mark and the zeros at its end.
fn from_units(bytes: &[u8], read: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let text = String::from_utf16_lossy(&pairs.iter().copied().map(read).collect::<Vec<u16>>());
    text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENT: u16 = 0x9286;

    #[test]
    fn a_comment_comes_back_in_every_script() {
        let text = "a fox, 猫 🦊\nSteps: 20";
        assert_eq!(texts(&comment(text).expect("short")), [(COMMENT, text.to_owned())]);
        let prefixed = [PREFIX, &comment(text).expect("short")].concat();
        assert_eq!(texts(&prefixed), [(COMMENT, text.to_owned())]);
    }

    #[test]
    fn comments_are_read_in_each_character_code_and_byte_order() {
        let utf16 = |order: fn(u16) -> [u8; 2]| "Steps: 1é".encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let (big, little) = (utf16(u16::to_be_bytes), utf16(u16::to_le_bytes));
        for bytes in [
            [UNICODE, &big].concat(),
            [UNICODE, &little].concat(),
            [UNICODE, &[0xff, 0xfe], &little].concat(),
            [UNICODE, &[0xfe, 0xff], &big].concat(),
            [b"ASCII\0\0\0", "Steps: 1é".as_bytes(), &[0]].concat(),
            [&[0; 8], "Steps: 1é".as_bytes()].concat(),
            "Steps: 1é".as_bytes().to_vec(),
        ] {
            assert_eq!(decode(&bytes), "Steps: 1é", "{bytes:?}");
        }
    }

    #[test]
    fn broken_data_gives_what_can_be_read_and_never_panics() {
        let whole = comment("Steps: 1").expect("short");
        for length in 0..whole.len() {
            assert!(texts(&whole[..length]).len() <= 1);
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0xff;
            assert!(texts(&broken).len() <= 2);
        }
        assert_eq!(decode(&[UNICODE, &[0xd8, 1, 0]].concat()), "\u{fffd}", "half a pair and an odd byte");
        assert_eq!(decode(b"a\xff"), "a\u{fffd}");
    }
}
