//! XMP packets: the mark that a picture was made by an AI model, and one text of other apps.
//!
//! Limits: a packet is searched as text and not parsed as XML, which is enough for the one element that is needed.

/// The keyword of the PNG text that has a packet (XMP specification, part 3). It must be an `iTXt` chunk.
pub const KEYWORD: &str = "XML:com.adobe.xmp";

/// The first bytes of a JPEG segment that has a packet.
pub const JPEG_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The packet in all our pictures: IPTC's digital source type for media made by a trained model
/// (<https://cv.iptc.org/newscodes/digitalsourcetype/>), by which sites and apps label such pictures.
pub const MADE_BY_A_MODEL: &str = "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
<rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">\
<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\
</Iptc4xmpExt:DigitalSourceType>\
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>";

/// Finds the text of a packet's `exif:UserComment`, which has the settings of Draw Things.
pub fn user_comment(packet: &str) -> Option<String> {
    let (_, after) = packet.split_once("<exif:UserComment")?;
    let (element, _) = after.split_once("</exif:UserComment>")?;
    // The text is in the first item of a list of languages, or in the element itself.
    let item = element.split_once("<rdf:li").map_or(element, |(_, item)| item);
    let (_, text) = item.split_once('>')?;
    Some(unescape(text.split_once('<').map_or(text, |(text, _)| text).trim()))
}

/// Resolves XML's character references. Unknown ones stay as they are.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let known = after.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        if let Some((character, after)) = known {
            plain.push(character);
            rest = after;
        } else {
            plain.push('&');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

/// The character that a reference names.
fn character(name: &str) -> Option<char> {
    match name {
        "quot" => Some('"'),
        "apos" => Some('\''),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        _ => {
            let number = name.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16));
            char::from_u32(hexadecimal.unwrap_or_else(|| number.parse()).ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_found_in_a_list_of_languages_and_alone() {
        let list = "<exif:UserComment>\n <rdf:Alt>\n <rdf:li xml:lang=\"x-default\">{&quot;c&quot;:&quot;a &lt;b&gt; \
            &amp; &#233;&#xe9;&quot;}</rdf:li></rdf:Alt></exif:UserComment>";
        assert_eq!(user_comment(list).as_deref(), Some("{\"c\":\"a <b> & éé\"}"));
        assert_eq!(user_comment("<exif:UserComment>x</exif:UserComment>").as_deref(), Some("x"));
    }

    #[test]
    fn nonsense_is_passed_over() {
        for packet in ["", "<exif:UserComment", "<exif:UserComment></exif:UserComment", MADE_BY_A_MODEL] {
            assert_eq!(user_comment(packet), None);
        }
        let broken = "<exif:UserComment>a & b &nope; &#xffffffff; &#55296;</exif:UserComment>";
        assert_eq!(user_comment(broken).as_deref(), Some("a & b &nope; &#xffffffff; &#55296;"));
    }
}
