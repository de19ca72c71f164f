//! Addresses of the Hub: how they are put together, and where a redirect leads.
//!
//! Limits: `http` and `https`; `.` and `..` in a redirect's path are left to the server.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;

/// What may stand in a segment of a path as it is (RFC 3986, `pchar` without `%`).
const IN_SEGMENTS: &str = "-._~!$&'()*+,;=:@";

/// What may stand in the value of a query as it is.
const IN_QUERIES: &str = "-._~";

/// The address of a Hub, to which paths are joined.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// Without a name and password, and without a slash at its end: as messages show it too.
    address: String,
    /// The value of the header that gives the name and password of the address, if it has any.
    pub(super) basic: Option<String>,
}

impl Endpoint {
    /// Reads an address; `None` if it is none of a web server.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, authority) = (web_scheme(&uri)?, uri.authority()?.as_str());
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        if host.is_empty() || uri.query().is_some() {
            return None;
        }
        let address = format!("{scheme}://{host}{}", uri.path().trim_end_matches('/'));
        let basic = user.map(|user| {
            let user = if user.contains(':') { user.to_owned() } else { format!("{user}:") };
            format!("Basic {}", STANDARD.encode(decoded(&user)))
        });
        Some(Self { address, basic })
    }

    /// The address without secrets.
    pub(super) fn shown(&self) -> &str {
        &self.address
    }

    /// An address on the Hub. Each part of the path is one segment, whatever characters it has.
    pub(super) fn join(&self, path: &[&str], query: &[(&str, &str)]) -> String {
        let mut address = self.address.clone();
        for part in path {
            address.push('/');
            encode(part, IN_SEGMENTS, &mut address);
        }
        for (number, (name, value)) in query.iter().enumerate() {
            address.push(if number == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            encode(value, IN_QUERIES, &mut address);
        }
        address
    }
}

/// The scheme of an address, if it is one of the web.
fn web_scheme(uri: &Uri) -> Option<&str> {
    uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))
}

/// Where a redirect from an address leads; `None` if that is nowhere on the web.
pub(super) fn redirected(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority) = (web_scheme(from)?, from.authority()?);
    let has_scheme = location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    let address = if has_scheme {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", from.path())
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let to: Uri = address.parse().ok()?;
    let is_web = web_scheme(&to).is_some() && to.host().is_some_and(|host| !host.is_empty());
    is_web.then_some(to)
}

/// Whether two addresses are on the same server: what is secret goes to no other.
pub(super) fn same_server(a: &Uri, b: &Uri) -> bool {
    let port = |uri: &Uri| uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    a.scheme() == b.scheme() && host(a) == host(b) && port(a) == port(b)
}

fn encode(text: &str, as_it_is: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || as_it_is.contains(char::from(byte)) {
            into.push(char::from(byte));
        } else {
            // Nothing fails that writes into a string.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// The bytes that a percent-encoded text stands for.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| first == b'%');
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_joined_with_whatever_names_files_have() {
        let hub = Endpoint::parse("https://hub.example/hf/").expect("an address");
        assert_eq!(hub.shown(), "https://hub.example/hf");
        let address = hub.join(&["a", "b", "resolve", "refs/pr/3", "grid 1 50%#?.png"], &[]);
        assert_eq!(address, "https://hub.example/hf/a/b/resolve/refs%2Fpr%2F3/grid%201%2050%25%23%3F.png");
        let address = hub.join(&["api", "models"], &[("search", "a&b é"), ("full", "true")]);
        assert_eq!(address, "https://hub.example/hf/api/models?search=a%26b%20%C3%A9&full=true");
        assert!(address.parse::<Uri>().is_ok());
    }

    #[test]
    fn the_name_and_password_of_an_address_are_kept_apart() {
        let hub = Endpoint::parse("https://me:a%40b@hub.example:8443").expect("an address");
        assert_eq!(hub.shown(), "https://hub.example:8443");
        // printf 'me:a@b' | base64
        assert_eq!(hub.basic.as_deref(), Some("Basic bWU6YUBi"));
        for none in ["", "hub.example", "ftp://hub.example", "file:///etc", "https://", "https://hub.example/?a=b"] {
            assert!(Endpoint::parse(none).is_none(), "{none}");
        }
    }

    #[test]
    fn redirects_lead_where_browsers_go() {
        let from: Uri = "https://hub.example:8443/a/b?c=d".parse().expect("an address");
        let leads = |location: &str| redirected(&from, location).map(|uri| uri.to_string());
        for (location, to) in [
            ("https://cdn.example/x?y=z#part", "https://cdn.example/x?y=z"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("/x", "https://hub.example:8443/x"),
            ("x", "https://hub.example:8443/a/x"),
            ("?e=f", "https://hub.example:8443/a/b?e=f"),
        ] {
            assert_eq!(leads(location).as_deref(), Some(to), "{location}");
        }
        for nowhere in ["file:///etc/passwd", "data:text/html,x", "https://", "https:///x"] {
            assert_eq!(leads(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_server_is_its_scheme_host_and_port() {
        let same = |a: &str, b: &str| same_server(&a.parse().expect("one"), &b.parse().expect("other"));
        assert!(same("https://hub.example/a", "https://HUB.example:443/b"));
        assert!(!same("https://hub.example/a", "http://hub.example/a"));
        assert!(!same("http://127.0.0.1:1/a", "http://127.0.0.1:2/a"));
        assert!(!same("https://hub.example/a", "https://cdn.example/a"));
    }
}
