//! The lines of a journal: a checksum and one JSON value each.
//!
//! A line break stands before and after each entry, so that neither a torn entry nor a line break that was damaged takes a second
//! entry with it.

use flate2::Crc;

/// Writes an entry, with its line breaks.
pub(super) fn encode(json: &str) -> String {
    format!("\n{:08x} {json}\n", checksum(json))
}

/// Finds the sound entries of a journal, and counts the damaged ones. An entry at the end that isn't whole isn't counted: the
/// program was ended while it was written.
pub(super) fn decode(bytes: &[u8]) -> (Vec<&str>, usize) {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let (mut sound, mut damaged) = (Vec::new(), 0);
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        match entry(line) {
            Some(json) => sound.push(json),
            None if at + 1 == lines.len() => {}
            None => damaged += 1,
        }
    }
    (sound, damaged)
}

fn entry(line: &[u8]) -> Option<&str> {
    let (sum, json) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    (sum.len() == 8 && u32::from_str_radix(sum, 16).ok()? == checksum(json)).then_some(json)
}

fn checksum(json: &str) -> u32 {
    let mut crc = Crc::new();
    crc.update(json.as_bytes());
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three entries, and where each begins.
    fn three() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        for json in ["{\"a\":1}", "\"two\"", "[3]"] {
            starts.push(bytes.len());
            bytes.extend(encode(json).bytes());
        }
        (bytes, starts)
    }

    #[test]
    fn entries_come_back_as_they_were_written() {
        assert_eq!(decode(&three().0), (vec!["{\"a\":1}", "\"two\"", "[3]"], 0));
        assert_eq!(decode(b""), (vec![], 0));
    }

    #[test]
    fn an_entry_that_is_cut_anywhere_costs_no_other_and_the_next_one_is_read() {
        let (bytes, starts) = three();
        for cut in starts[2]..bytes.len() {
            let (sound, damaged) = decode(&bytes[..cut]);
            assert_eq!((&sound[..2], damaged), (&["{\"a\":1}", "\"two\""][..], 0), "cut at {cut}");
            let mut goes_on = bytes[..cut].to_vec();
            goes_on.extend(encode("4").bytes());
            let (sound, _) = decode(&goes_on);
            assert_eq!((sound[1], sound.last()), ("\"two\"", Some(&"4")), "cut at {cut}");
        }
    }

    #[test]
    fn a_byte_that_is_changed_anywhere_costs_one_entry_at_most() {
        let (bytes, _) = three();
        for at in 0..bytes.len() {
            for to in [b'\n', b' ', b'0', 0, 0xff, bytes[at] ^ 1] {
                let mut damaged = bytes.clone();
                damaged[at] = to;
                let (sound, _) = decode(&damaged);
                assert!(sound.len() >= 2, "{to} at {at}: {sound:?}");
                assert!(
                    sound.iter().all(|json| ["{\"a\":1}", "\"two\"", "[3]"].contains(json)),
                    "{to} at {at}: {sound:?}"
                );
            }
        }
    }
}
