//! Which bytes of a file an answer holds, as far as servers that are careless with ranges can be understood.
//!
//! What comes is checked by its hash in the end, so an answer is read as what it can only mean, and refused where it could mean
//! anything. RFC 9110, sections 14.4 and 15.3.7, says what servers should answer.

use std::ops::Range;

use ureq::Body;
use ureq::http::Response;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE};

use crate::storage::hub::client;

/// What an answer says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announced<'a> {
    pub(super) status: u16,
    /// `Content-Range`.
    pub(super) range: Option<&'a str>,
    /// `Content-Length`, in bytes.
    pub(super) length: Option<u64>,
}

impl<'a> Announced<'a> {
    /// Reads the headers of an answer.
    pub(super) fn of(response: &'a Response<Body>) -> Self {
        let text = |name| client::text(response.headers(), name);
        Self {
            status: response.status().as_u16(),
            range: text(CONTENT_RANGE.as_str()),
            length: text(CONTENT_LENGTH.as_str()).and_then(|length| length.trim().parse().ok()),
        }
    }

    /// Returns which bytes of a file of `of` bytes come, where those from `at` on were asked for: they begin there or before.
    ///
    /// # Errors
    /// It isn't that file, or another part of it; the reason goes behind "it is".
    pub(super) fn bytes(&self, at: u64, of: u64) -> Result<Range<u64>, String> {
        let named = self.range.and_then(parse);
        let rest = self.length == Some(of - at);
        let bytes = match (self.status, named) {
            // The rest, by a server that forgot its status.
            (200, Some(named)) if rest && named.start == at => at..of,
            (200, _) => 0..of,
            (_, Some(named)) => named,
            (_, None) if rest => at..of,
            (_, None) if self.length == Some(of) => 0..of,
            (_, None) => return Err("another part than was asked for".to_owned()),
        };
        if bytes.start > at || bytes.end <= at && at < of {
            return Err("another part than was asked for".to_owned());
        }
        let length = self.length.unwrap_or(bytes.end - bytes.start);
        if bytes.end > of || length > bytes.end - bytes.start {
            return Err("longer".to_owned());
        }
        if length < bytes.end - bytes.start {
            return Err("shorter".to_owned());
        }
        Ok(bytes)
    }
}

/// Reads `bytes 5-9/10`, whatever its unit and the signs between them are; `None` where it names no bytes.
fn parse(text: &str) -> Option<Range<u64>> {
    let numbers = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let (begin, rest) = numbers.split_once('-')?;
    let end: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    let (begin, end): (u64, u64) = (begin.trim_end().parse().ok()?, end.parse().ok()?);
    (begin <= end).then_some(begin..end.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(status: u16, range: Option<&str>, length: Option<u64>) -> Result<Range<u64>, String> {
        Announced { status, range, length }.bytes(5, 10)
    }

    #[test]
    fn careless_answers_are_read_as_what_they_can_only_mean() {
        for range in ["bytes 5-9/10", "bytes 5-9/*", "Bytes 5-9/10", "bytes=5-9/10", " octets  5 - 9 / 10", "5-9"] {
            assert_eq!(bytes(206, Some(range), Some(5)), Ok(5..10), "{range}");
            assert_eq!(bytes(206, Some(range), None), Ok(5..10), "{range}");
            assert_eq!(bytes(200, Some(range), Some(5)), Ok(5..10), "{range}");
        }
        assert_eq!(bytes(206, None, Some(5)), Ok(5..10));
        assert_eq!(bytes(206, Some("bytes 5-18446744073709551615/*"), Some(5)), Ok(5..10));
        assert_eq!(bytes(206, None, Some(10)), Ok(0..10));
        assert_eq!(bytes(206, Some("bytes 0-9/10"), Some(10)), Ok(0..10));
        assert_eq!(bytes(206, Some("bytes 5-6/10"), Some(2)), Ok(5..7), "a part of what was asked for");
        assert_eq!(bytes(200, None, Some(10)), Ok(0..10));
        assert_eq!(bytes(200, None, None), Ok(0..10));
    }

    #[test]
    fn answers_that_cannot_be_meant_are_refused() {
        for (status, range, length, why) in [
            (200, None, Some(5), "shorter"),
            (200, None, Some(11), "longer"),
            (206, None, None, "another part than was asked for"),
            (206, None, Some(3), "another part than was asked for"),
            (206, Some("bytes 6-9/10"), Some(4), "another part than was asked for"),
            (206, Some("bytes 0-3/10"), Some(4), "another part than was asked for"),
            (206, Some("bytes 5-9/10"), Some(10), "longer"),
            (206, Some("bytes 5-10/11"), Some(6), "longer"),
            (206, Some("bytes 5-9/10"), Some(3), "shorter"),
            (206, Some("bytes 9-5/10"), Some(3), "another part than was asked for"),
        ] {
            assert_eq!(bytes(status, range, length), Err(why.to_owned()), "{status} {range:?} {length:?}");
        }
    }
}
