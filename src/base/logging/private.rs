//! Takes out of a text what only concerns its user: the home folder, access tokens, names of pictures (they may hold the prompt),
//! and what addresses carry beside the place.
//!
//! Limits: a home that is written in another way than the system says it (another case, say) is not seen.

use std::path::Path;
use std::sync::LazyLock;

/// The ends of names of pictures.
const PICTURES: [&str; 8] = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"];

/// What access tokens of the Hub begin with.
const TOKEN: &str = "hf_";

/// The user's home in the ways that texts write it, the longest first.
static HOMES: LazyLock<Vec<String>> =
    LazyLock::new(|| dirs::home_dir().map(|home| spellings(&home)).unwrap_or_default());

/// Returns a text as it may be shown to others.
pub fn without_private(text: &str) -> String {
    let text = HOMES.iter().fold(text.to_owned(), |text, home| without_home(&text, home));
    without_picture_names(&without_tokens(&plain_addresses(&text)))
}

fn spellings(home: &Path) -> Vec<String> {
    let real = home.canonicalize().unwrap_or_default();
    let mut homes: Vec<String> = [home, &real].iter().map(|home| home.display().to_string()).collect();
    // As `{:?}` writes it, and with the other separator.
    homes.extend(homes.clone().iter().flat_map(|home| [home.replace('\\', "\\\\"), home.replace('\\', "/")]));
    // The root is nobody's home.
    homes.retain(|home| home.len() > 1);
    homes.sort_by_key(|home| std::cmp::Reverse(home.len()));
    homes.dedup();
    homes
}

fn without_home(text: &str, home: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(home) {
        let (before, after) = (&rest[..at], &rest[at + home.len()..]);
        let is_whole = !after.starts_with(|c: char| c.is_alphanumeric() || "-_.".contains(c));
        shown.push_str(before);
        shown.push_str(if is_whole { "~" } else { home });
        rest = after;
    }
    shown + rest
}

fn without_tokens(text: &str) -> String {
    let mut parts = text.split(TOKEN);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(part.len());
        // `hf_hub` is a word of code, a token is long.
        let kept = if end < 8 { &part[..end] } else { "…" };
        shown.extend([TOKEN, kept, &part[end..]]);
    }
    shown
}

/// Leaves out of addresses the user's name and password before the host, and the query behind the path, which may be signed.
fn plain_addresses(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_whitespace() || "\"'`<>)".contains(c)).unwrap_or(part.len());
        let (address, rest) = part.split_at(end);
        let (address, query) = address.split_once('?').map_or((address, ""), |(address, _)| (address, "?…"));
        let host = address.find('/').unwrap_or(address.len());
        let begin = address[..host].rfind('@').map_or(0, |at| at + 1);
        shown.extend(["://", &address[begin..], query, rest]);
    }
    shown
}

fn without_picture_names(text: &str) -> String {
    text.split('\n').map(line_without_picture_names).collect::<Vec<_>>().join("\n")
}

fn line_without_picture_names(line: &str) -> String {
    let (mut shown, mut rest) = (String::with_capacity(line.len()), line);
    // Only ASCII letters change, so places are the same.
    while let Some((at, ending)) = first_ending(&rest.to_ascii_lowercase()) {
        let name = rest[..at].rfind(|c: char| "/\\\"'`:".contains(c)).map_or(0, |separator| separator + 1);
        shown.extend([&rest[..name], if name < at { "…" } else { "" }, &rest[at..at + ending.len()]]);
        rest = &rest[at + ending.len()..];
    }
    shown + rest
}

/// The first end of a picture's name in a text, and where it is. The longer of two in one place.
fn first_ending(text: &str) -> Option<(usize, &'static str)> {
    let found = PICTURES.iter().filter_map(|ending| Some((text.find(ending)?, *ending)));
    found.min_by_key(|(at, ending)| (*at, std::cmp::Reverse(ending.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_a_tilde_wherever_it_stands() {
        let home = "/home/ana";
        assert_eq!(without_home("can't read /home/ana/a: no /home/ana", home), "can't read ~/a: no ~");
        assert_eq!(without_home("/home/anabel/a and /home/ana-2", home), "/home/anabel/a and /home/ana-2");
        let windows = spellings(Path::new(r"C:\Users\ana"));
        let text = [r"C:\Users\ana\a", r#""C:\\Users\\ana\\b""#, "C:/Users/ana/c"].join(" ");
        let shown = windows.iter().fold(text, |text, home| without_home(&text, home));
        assert_eq!(shown, r#"~\a "~\\b" ~/c"#);
        assert_eq!(spellings(Path::new("/")), [""; 0]);
    }

    #[test]
    fn no_name_of_a_picture_is_left() {
        for (text, shown) in [
            (
                "can't write /data/pictures/0007-a fox, in snow.png: disk full",
                "can't write /data/pictures/….png: disk full",
            ),
            ("\"ein Fuchs.JPG\" and b\\c d.webp", "\"….JPG\" and b\\….webp"),
            ("Ölbild 狐.tiff", "….tiff"),
            ("no picture here", "no picture here"),
        ] {
            assert_eq!(without_private(text), shown);
        }
    }

    #[test]
    fn no_token_and_no_secret_of_an_address_is_left() {
        for (text, shown) in [
            ("token hf_AbCdEfGhIjKl012345 refused, says hf_hub", "token hf_… refused, says hf_hub"),
            ("via http://ana:secret@proxy.example:8080/a?b=c failed", "via http://proxy.example:8080/a?… failed"),
            (
                "`https://cdn.example/x?Signature=abc`, then \"https://b.example\"",
                "`https://cdn.example/x?…`, then \"https://b.example\"",
            ),
        ] {
            assert_eq!(without_private(text), shown);
        }
    }
}
