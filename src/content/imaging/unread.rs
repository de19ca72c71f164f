//! The names of files that are no picture we read, told by their first bytes, so that a refusal can name them.
//!
//! Limits: TGA has no mark of its own; it is guessed from a header whose every value makes sense.

/// The bytes of a file that are looked at.
pub const LOOKED_AT_BYTES: usize = 64;

/// The first bytes of formats, and what to call one of their files.
const STARTS: [(&[u8], &str); 20] = [
    (b"8BPS", "a Photoshop (PSD) picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"gimp xcf", "a GIMP (XCF) picture"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance (HDR) picture"),
    (b"DDS ", "a DirectDraw (DDS) picture"),
    (b"qoif", "a QOI picture"),
    (b"farbfeld", "a farbfeld picture"),
    (b"\0\0\x01\0", "an icon (ICO)"),
    (b"FUJIFILMCCD-RAW", "a raw picture of a camera"),
    (b"<svg", "an SVG drawing"),
    (b"%PDF", "a PDF document"),
    (b"<!DOCTYPE", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"\x1a\x45\xdf\xa3", "a WebM or Matroska video"),
    (b"PK\x03\x04", "a ZIP archive"),
];

/// Brands of files in ISO's base media format, the more telling ones first, and what to call one of their files.
const BRANDS: [(&[u8], &str); 10] = [
    (b"avif", "an AVIF picture"),
    (b"avis", "an AVIF picture"),
    (b"heic", "a HEIC picture"),
    (b"heix", "a HEIC picture"),
    (b"heim", "a HEIC picture"),
    (b"hevc", "a HEIC picture"),
    (b"hevx", "a HEIC picture"),
    (b"mif1", "a HEIF picture"),
    (b"msf1", "a HEIF picture"),
    (b"crx ", "a raw picture of a camera"),
];

/// Returns what a file is, with its article, from its first [`LOOKED_AT_BYTES`]; `None` if they tell nothing.
pub fn kind(start: &[u8]) -> Option<&'static str> {
    if start.get(4..8) == Some(b"ftyp") {
        let brands = start.get(8..).unwrap_or_default();
        let has = |brand: &[u8]| brands.chunks_exact(4).any(|known| known == brand);
        return Some(BRANDS.into_iter().find(|(brand, _)| has(brand)).map_or("a video", |(_, kind)| kind));
    }
    let drawn = |kind: &[u8]| start.windows(kind.len()).any(|bytes| bytes == kind);
    if start.starts_with(b"PK") && (drawn(b"application/x-krita") || drawn(b"image/openraster")) {
        return Some("a Krita or OpenRaster picture");
    }
    if start.starts_with(b"<?xml") && drawn(b"<svg") {
        return Some("an SVG drawing");
    }
    if matches!(start, [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace()) {
        return Some("a PNM picture");
    }
    let known = STARTS.into_iter().find(|(bytes, _)| start.starts_with(bytes)).map(|(_, kind)| kind);
    known.or_else(|| is_tga(start).then_some("a TGA picture"))
}

/// Whether every value of a TGA's header makes sense (Truevision TGA specification 2.0, section C.2).
fn is_tga(start: &[u8]) -> bool {
    let &[_, has_palette, kind, a, b, c, d, palette_bits, _, _, _, _, w, wide, h, high, bits, flags, ..] = start else {
        return false;
    };
    let has_pixels = [w | wide, h | high].iter().all(|side| *side != 0);
    let colours = match (has_palette, kind) {
        (0, 2 | 10) => [15, 16, 24, 32].contains(&bits),
        (0, 3 | 11) => [8, 16].contains(&bits),
        (1, 1 | 9) => bits == 8 && [15, 16, 24, 32].contains(&palette_bits),
        _ => false,
    };
    let has_sound_palette = has_palette == 1 || [a, b, c, d, palette_bits] == [0; 5];
    has_pixels && colours && has_sound_palette && flags & 0xc0 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_pictures_is_named() {
        let tga = b"\0\0\x02\0\0\0\0\0\0\0\0\0\x40\0\x40\0\x18\0pixels";
        let painted = [&b"PK\x03\x04\x0a\0\0\0\0\0"[..], &[0; 20], b"mimetypeapplication/x-krita"].concat();
        for (start, name) in [
            (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "a HEIC picture"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC picture"),
            (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "an AVIF picture"),
            (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif", "an AVIF picture"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a video"),
            (b"8BPS\0\x01", "a Photoshop (PSD) picture"),
            (b"\xff\x0a\xfa", "a JPEG XL picture"),
            (b"\0\0\0\x0cJXL \r\n\x87\n\0", "a JPEG XL picture"),
            (b"<?xml version=\"1.0\"?>\n<svg ", "an SVG drawing"),
            (b"P6\n8 8\n", "a PNM picture"),
            (&painted, "a Krita or OpenRaster picture"),
            (tga, "a TGA picture"),
        ] {
            assert_eq!(kind(start), Some(name));
        }
    }

    #[test]
    fn a_file_of_an_unknown_kind_has_no_name() {
        let tga = *b"\0\0\x02\0\0\0\0\0\0\0\0\0\x40\0\x40\0\x18\0";
        for at in [1, 2, 12, 16, 17] {
            let mut odd = tga;
            odd[at] = if at == 12 { 0 } else { 0xd5 };
            assert_eq!(kind(&odd), None, "{odd:?}");
        }
        for start in [&b""[..], b"ftyp", b"notes of a day", &[0; 64], b"PNG", b"\x89PNG", b"GIF89a", b"P", b"II*"] {
            assert_eq!(kind(start), None, "{start:?}");
        }
    }
}
