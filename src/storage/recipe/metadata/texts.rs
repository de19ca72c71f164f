//! The texts in a picture's file, whatever its format, under the keywords that PNG has for them.

use std::io::{BufRead, Read, Seek, SeekFrom};

use image::codecs::jpeg::JpegDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ImageDecoder, ImageResult};

use super::json;
use crate::base::error::{Error, Result};
use crate::content::imaging::{exif_text, png_chunks, png_text, webp_chunks};

/// The chunk of a PNG that holds EXIF data.
const EXIF: png_chunks::ChunkKind = *b"eXIf";

/// Keywords under which apps write.
pub(super) const SOFTWARE: &str = "Software";
pub(super) const DESCRIPTION: &str = "Description";
pub(super) const COMMENT: &str = "Comment";
pub(super) const SOURCE: &str = "Source";
pub(super) const COMFYUI_PROMPT: &str = "prompt";
pub(super) const FOOOCUS_SCHEME: &str = "fooocus_scheme";

/// EXIF tags that hold settings, and the PNG keyword for the same text.
const TAGS: [(u16, &str); 3] = [(0x9286, png_text::PARAMETERS), (0x0131, SOFTWARE), (0x927c, FOOOCUS_SCHEME)];

/// Keywords and texts; the first of a keyword counts.
pub(super) struct Texts(Vec<(String, String)>);

impl Texts {
    /// The texts of a PNG, JPEG or WebP file.
    pub(super) fn of_picture(mut file: impl BufRead + Seek) -> Result<Self> {
        let mut magic = Vec::new();
        let start = file.by_ref().take(12).read_to_end(&mut magic).and_then(|_| file.seek(SeekFrom::Start(0)));
        start.map_err(|cause| Error::new("this file can't be read").caused_by(cause))?;
        match magic.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => Self::of_png(file),
            [0xff, 0xd8, ..] => Self::of_exif(JpegDecoder::new(file)),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => {
                webp_chunks::check(&mut file)?;
                Self::of_exif(WebPDecoder::new(file))
            }
            _ => Err(Error::new("this is no picture that can be read").advise("Choose a PNG, JPEG or WebP file")),
        }
    }

    fn of_png(file: impl BufRead + Seek) -> Result<Self> {
        let kinds: Vec<_> = png_text::KINDS.into_iter().chain([EXIF]).collect();
        let chunks = png_chunks::read(file, &kinds, png_text::READ_LIMIT_BYTES)?;
        let mut texts = Self(png_text::decode_all(&chunks)?);
        for (_, data) in chunks.iter().filter(|(kind, _)| *kind == EXIF) {
            texts.add_exif(data);
        }
        Ok(texts)
    }

    fn of_exif(decoder: ImageResult<impl ImageDecoder>) -> Result<Self> {
        let data = decoder.and_then(|mut decoder| decoder.exif_metadata());
        let data = data.map_err(|cause| Error::new(format!("this picture is broken: {cause}")))?;
        let mut texts = Self(Vec::new());
        texts.add_exif(&data.unwrap_or_default());
        Ok(texts)
    }

    /// Adds what EXIF data says to what there is.
    fn add_exif(&mut self, data: &[u8]) {
        for (tag, text) in exif_text::texts(data) {
            if let Some((_, keyword)) = TAGS.into_iter().find(|(known, _)| *known == tag) {
                self.add_nested(&text);
                self.0.push((keyword.to_owned(), text));
            } else if let Some(graph) = text.strip_prefix("prompt:").or_else(|| text.strip_prefix("Prompt:")) {
                // ComfyUI has no place for it in a WebP file and uses the camera's name.
                self.0.push((COMFYUI_PROMPT.to_owned(), graph.to_owned()));
            }
        }
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
        self.0.iter().find(|(known, _)| known == keyword).map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
impl Texts {
    /// These texts, for the tests of the formats.
    pub(super) fn of(texts: &[(&str, &str)]) -> Self {
        Self(texts.iter().map(|(keyword, text)| ((*keyword).to_owned(), (*text).to_owned())).collect())
    }
}
