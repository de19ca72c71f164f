//! Mutations: bits, cuts, splices, lying lengths, absurd values, deep nesting.

use fastrand::Rng;

/// Numbers that lengths, offsets and counts lie with.
const LIES: [u64; 12] =
    [0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, i64::MAX as u64, u64::MAX];

/// What a value in a text is replaced by.
const VALUES: [&str; 24] = [
    "0",
    "-1",
    "1",
    "0.5",
    "1e308",
    "-1e308",
    "1e-320",
    "NaN",
    "Infinity",
    "18446744073709551615",
    "-9223372036854775808",
    "99999999999999999999999",
    "1000000000",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "[[]]",
    "\"../../../etc/passwd\"",
    "\"\\u0000\"",
    "\"\u{202e}x\"",
    "[1, \"a\", null]",
    "{\"a\": {}}",
];

/// How deep brackets are nested.
const DEPTH: usize = 50_000;

/// A sample with something wrong in it.
pub(crate) struct Mutation {
    pub(crate) bytes: Vec<u8>,
    /// In words.
    pub(crate) what: String,
    /// How many bytes that count are missing at its end, if nothing else is wrong.
    pub(crate) cut: usize,
}

impl Mutation {
    /// Makes one, or some upon each other.
    pub(crate) fn of(rng: &mut Rng, sample: &[u8], others: &[&[u8]], is_text: bool) -> Self {
        let mut mutation = Self { bytes: sample.to_vec(), what: String::new(), cut: 0 };
        let times = if rng.u8(..4) == 0 { rng.usize(2..=4) } else { 1 };
        for _ in 0..times {
            let what = if is_text && rng.bool() {
                text(rng, &mut mutation.bytes)
            } else {
                binary(rng, &mut mutation.bytes, others)
            };
            mutation.what = format!("{}{}{what}", mutation.what, if mutation.what.is_empty() { "" } else { ", then " });
        }
        let trimmed = sample.trim_ascii_end().len();
        if sample.starts_with(&mutation.bytes) {
            mutation.cut = trimmed.saturating_sub(mutation.bytes.len());
        }
        mutation
    }
}

/// A place in these bytes. What is at the beginning tells what the rest is, and is met more often.
fn place(rng: &mut Rng, length: usize) -> usize {
    let end = if rng.bool() { length.min(256) } else { length };
    rng.usize(..end.max(1))
}

fn binary(rng: &mut Rng, bytes: &mut Vec<u8>, others: &[&[u8]]) -> String {
    let at = place(rng, bytes.len());
    match rng.u8(..8) {
        0 => {
            let count = rng.usize(1..=8);
            for _ in 0..count {
                let at = place(rng, bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.u8(..8);
                }
            }
            format!("{count} bits")
        }
        1 => {
            let value = [0, 0xff, 0x7f, 0x80, b' ', b'"'][rng.usize(..6)];
            bytes.get_mut(at).into_iter().for_each(|byte| *byte = value);
            format!("byte {at} is {value}")
        }
        2 | 3 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        4 => {
            let (lie, width) = (lie(rng, bytes.len() as u64), [2, 4, 8][rng.usize(..3)]);
            let lie =
                if rng.bool() { lie.to_le_bytes()[..width].to_vec() } else { lie.to_be_bytes()[8 - width..].to_vec() };
            for (byte, lie) in bytes.iter_mut().skip(at).zip(&lie) {
                *byte = *lie;
            }
            format!("{lie:?} at {at}")
        }
        5 => {
            let end = rng.usize(at..=bytes.len().max(at)).min(at + 4096);
            bytes.drain(at.min(bytes.len())..end.min(bytes.len()));
            format!("without {at}..{end}")
        }
        6 => {
            let from = others[rng.usize(..others.len())];
            let begin = place(rng, from.len());
            let end = rng.usize(begin..=from.len().max(begin)).min(begin + 4096).min(from.len());
            let part = from.get(begin..end).unwrap_or_default();
            let to = if rng.bool() { (at + part.len()).min(bytes.len()) } else { at.min(bytes.len()) };
            bytes.splice(at.min(bytes.len())..to, part.iter().copied());
            format!("{begin}..{end} of a sample at {at}..{to}")
        }
        _ => {
            let length = rng.usize(1..=64);
            let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
            bytes.splice(at.min(bytes.len())..at.min(bytes.len()), noise);
            format!("{length} bytes of noise at {at}")
        }
    }
}

fn lie(rng: &mut Rng, length: u64) -> u64 {
    match rng.u8(..4) {
        0 => length.wrapping_add_signed(rng.i64(-2..=2)),
        _ => LIES[rng.usize(..LIES.len())],
    }
}

fn text(rng: &mut Rng, bytes: &mut Vec<u8>) -> String {
    match rng.u8(..8) {
        0 => {
            let [open, close] = [["[", "]"], ["{\"a\":", "}"], ["(", ")"], ["- ", ""], ["\"\\", ""]][rng.usize(..5)];
            let is_closed = rng.bool();
            let inner =
                if is_closed { format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH)) } else { open.repeat(DEPTH) };
            if rng.bool() {
                *bytes = inner.into_bytes();
            } else {
                replace_value(rng, bytes, &inner);
            }
            format!("{DEPTH} times {open:?}")
        }
        1 => {
            let length = rng.usize(1000..100_000);
            replace_value(rng, bytes, &format!("\"{}\"", "a\u{e9}".repeat(length)));
            format!("a text of {length} letters")
        }
        2 => {
            let words: Vec<(usize, usize)> = values(bytes);
            if let (Some(&(a, b)), Some(&(c, d))) = (rng.choice(&words), rng.choice(&words)) {
                let other = bytes[c..d].to_vec();
                bytes.splice(a..b, other);
            }
            "one value in place of another".to_owned()
        }
        _ => {
            let value = VALUES[rng.usize(..VALUES.len())];
            replace_value(rng, bytes, value);
            format!("the value {value}")
        }
    }
}

/// Replaces a number, a quoted text or a word.
fn replace_value(rng: &mut Rng, bytes: &mut Vec<u8>, by: &str) {
    if let Some(&(from, to)) = rng.choice(&values(bytes)) {
        bytes.splice(from..to, by.bytes());
    }
}

/// Where numbers, quoted texts and words are.
fn values(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let from = at;
        if bytes[at] == b'"' {
            at += 1;
            while at < bytes.len() && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at = (at + 1).min(bytes.len());
            found.push((from, at));
        } else if bytes[at].is_ascii_alphanumeric() || bytes[at] == b'-' {
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || b"-+._".contains(&bytes[at])) {
                at += 1;
            }
            found.push((from, at));
        } else {
            at += 1;
        }
        // As many as make a difference.
        if found.len() >= 4096 {
            break;
        }
    }
    found
}
