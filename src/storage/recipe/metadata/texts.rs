//! The texts in a picture's file, whatever its format, under the keywords that PNG has for them.

use std::io::{BufRead, Read, Seek};

use image::codecs::jpeg::JpegDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ImageDecoder, ImageResult};

use super::json;
use crate::base::error::{Error, Result};
use crate::content::imaging::{decode, exif_text, jpeg_comments, png_chunks, png_text, unread, webp_chunks};

/// The chunk of a PNG that holds EXIF data.
const EXIF: png_chunks::ChunkKind = *b"eXIf";

/// Keywords under which apps write.
pub(super) const SOFTWARE: &str = "Software";
pub(super) const DESCRIPTION: &str = "Description";
pub(super) const COMMENT: &str = "Comment";
pub(super) const SOURCE: &str = "Source";
pub(super) const COMFYUI_PROMPT: &str = "prompt";
pub(super) const COMFYUI_WORKFLOW: &str = "workflow";
pub(super) const FOOOCUS_SCHEME: &str = "fooocus_scheme";

/// The keyword for EXIF's comment, and that of programs that move it into a PNG.
const USER_COMMENT: &str = "UserComment";

/// Keywords under which any app may write its settings, the usual one first.
const PLACES: [&str; 4] = [png_text::PARAMETERS, USER_COMMENT, COMMENT, DESCRIPTION];

/// EXIF tags that hold settings, and the PNG keyword for the same text: `UserComment`, `Software`, `MakerNote`,
/// `ImageDescription`, and the comment that Windows adds (`XPComment`).
const TAGS: [(u16, &str); 5] = [
    (0x9286, USER_COMMENT),
    (0x0131, SOFTWARE),
    (0x927c, FOOOCUS_SCHEME),
    (0x010e, DESCRIPTION),
    (exif_text::XP_COMMENT, COMMENT),
];

/// Keywords and texts. The first of a keyword counts, in any case.
pub(super) struct Texts(Vec<(String, String)>);

impl Texts {
    /// The texts of a PNG, JPEG or WebP file.
    pub(super) fn of_picture(mut file: impl BufRead + Seek) -> Result<Self> {
        let mut magic = Vec::new();
        let start = file.by_ref().take(unread::LOOKED_AT_BYTES as u64).read_to_end(&mut magic);
        let start = start.and_then(|_| file.rewind());
        start.map_err(|cause| Error::new("this file can't be read").caused_by(cause))?;
        match magic.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => Self::of_png(file),
            [0xff, 0xd8, ..] => Self::of_jpeg(file),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
                webp_chunks::check(&mut file)?;
                Self::of_exif(WebPDecoder::new(file))
            }
            other => {
                let kind = unread::kind(other);
                let message = kind.map(|kind| format!("this is {kind}, from which no settings can be read"));
                let message = message.unwrap_or_else(|| "this is no picture that can be read".to_owned());
                Err(Error::new(message).advise("Choose a PNG, JPEG or WebP file"))
            }
        }
    }

    fn of_png(file: impl BufRead + Seek) -> Result<Self> {
        let kinds: Vec<_> = png_text::KINDS.into_iter().chain([EXIF]).collect();
        let chunks = png_chunks::read(file, &kinds, png_text::READ_LIMIT_BYTES)?;
        let mut texts = Self(Vec::new());
        for (keyword, text) in png_text::decode_all(&chunks)? {
            texts.add(keyword, &text);
        }
        for (_, data) in chunks.iter().filter(|(kind, _)| *kind == EXIF) {
            texts.add_exif(data);
        }
        Ok(texts)
    }

    fn of_jpeg(mut file: impl BufRead + Seek) -> Result<Self> {
        let comments = jpeg_comments::read(&mut file).and_then(|comments| file.rewind().map(|()| comments));
        let comments = comments.map_err(|cause| Error::new("this file can't be read").caused_by(cause))?;
        let mut texts = Self::of_exif(JpegDecoder::new(file))?;
        for comment in comments {
            texts.add(COMMENT.to_owned(), &comment);
        }
        Ok(texts)
    }

    fn of_exif(decoder: ImageResult<impl ImageDecoder>) -> Result<Self> {
        let data = decoder.and_then(|mut decoder| decoder.exif_metadata());
        let data = data.map_err(|cause| Error::new("this picture is broken").caused_by(decode::reason(&cause)))?;
        let mut texts = Self(Vec::new());
        texts.add_exif(&data.unwrap_or_default());
        Ok(texts)
    }

    /// Adds what EXIF data says to what there is.
    fn add_exif(&mut self, data: &[u8]) {
        for (tag, text) in exif_text::texts(data) {
            // ComfyUI has no place for its texts in a WebP file, and puts their keywords before them in the camera's name.
            let graph = text.split_once(':').filter(|(keyword, _)| {
                [COMFYUI_PROMPT, COMFYUI_WORKFLOW].iter().any(|known| known.eq_ignore_ascii_case(keyword))
            });
            if let Some((keyword, graph)) = graph {
                self.add(keyword.to_owned(), graph);
            } else if let Some((_, keyword)) = TAGS.into_iter().find(|(known, _)| *known == tag) {
                self.add_nested(&text);
                self.add(keyword.to_owned(), &text);
            }
        }
    }

    /// Adds a text, without the zeros that end it in some programs.
    fn add(&mut self, keyword: String, text: &str) {
        self.0.push((keyword, text.trim_matches('\0').to_owned()));
    }

    /// NovelAI puts all texts of its PNGs into the one comment of its WebP files.
    fn add_nested(&mut self, text: &str) {
        for (keyword, value) in json::object(text).unwrap_or_default() {
            if let (SOFTWARE | DESCRIPTION | COMMENT | SOURCE, Some(value)) = (keyword.as_str(), value.as_str()) {
                self.0.push((keyword, value.to_owned()));
            }
        }
    }

    /// The text of this keyword.
    pub(super) fn get(&self, keyword: &str) -> Option<&str> {
        self.all(keyword).next()
    }

    /// The texts in which any app may have left its settings, those in the usual place first.
    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        PLACES.into_iter().flat_map(|keyword| self.all(keyword))
    }

    fn all(&self, keyword: &str) -> impl Iterator<Item = &str> {
        let texts = self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(keyword));
        texts.map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
impl Texts {
    /// These texts, for the tests of the formats.
    pub(super) fn of(texts: &[(&str, &str)]) -> Self {
        Self(texts.iter().map(|(keyword, text)| ((*keyword).to_owned(), (*text).to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::RgbImage;

    use super::*;
    use crate::storage::recipe::metadata;

    const A1111: &str = "a fox\nSteps: 20, Sampler: Euler, Seed: 1, Size: 512x512";

    fn prompt(texts: &[(&str, &str)]) -> Option<String> {
        let file = png_text::encode(&RgbImage::new(8, 8), texts).expect("a PNG");
        let imported = metadata::read(Cursor::new(file)).expect("it can be read")?;
        imported.get(crate::content::request::Field::Prompt)
    }

    #[test]
    fn settings_are_found_under_every_keyword_that_apps_use_in_any_case() {
        for keyword in ["parameters", "Parameters", "UserComment", "Comment", "comment", "Description", "DESCRIPTION"] {
            assert_eq!(prompt(&[(keyword, A1111)]).as_deref(), Some("a fox"), "{keyword}");
            assert_eq!(
                prompt(&[("Title", "fox.png"), ("Comment", "mine"), (keyword, A1111)]).as_deref(),
                Some("a fox")
            );
        }
        assert_eq!(prompt(&[("InvokeAI_Metadata", "{\"positive_prompt\": \"a hen\"}")]).as_deref(), Some("a hen"));
    }

    #[test]
    fn a_comment_without_settings_is_no_prompt() {
        for keyword in ["UserComment", "Comment", "Description"] {
            assert_eq!(prompt(&[(keyword, "a day at the sea")]), None, "{keyword}");
        }
        assert_eq!(prompt(&[("parameters", "a day at the sea")]).as_deref(), Some("a day at the sea"));
    }

    #[test]
    fn zeros_at_the_end_of_a_text_are_no_part_of_it() {
        let mut texts = Texts(Vec::new());
        texts.add("parameters".to_owned(), "{\"a\": 1}\0\0");
        assert_eq!(texts.get("parameters"), Some("{\"a\": 1}"));
    }
}
