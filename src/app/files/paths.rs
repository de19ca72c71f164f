//! Paths that come as texts: typed by a person, or put on the clipboard by a file manager.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

/// Returns the files that a text names, if it is nothing else: one a line, by an absolute path or a `file://` address.
pub(crate) fn paths_in(text: &str) -> Vec<PathBuf> {
    // Some file managers say first what is to be done with them; lists of addresses may have comments.
    let told = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let mut lines = text.lines().map(str::trim).filter(told).peekable();
    lines.next_if(|line| ["copy", "cut"].contains(line));
    lines.map(absolute).collect::<Option<_>>().unwrap_or_default()
}

/// Returns the path that a person means by a text: `~` is their home, and what isn't absolute lies in `folder`. `None` if the text
/// says nothing.
pub(crate) fn typed_path(text: &str, folder: Option<&Path>) -> Option<PathBuf> {
    let text = unquoted(text.trim());
    if text.is_empty() {
        return None;
    }
    let home = || dirs::home_dir().unwrap_or_default();
    let in_home = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(['/', '\\']));
    let in_home = in_home.map(|rest| home().join(rest.trim_start_matches(['/', '\\'])));
    Some(absolute(text).or(in_home).unwrap_or_else(|| folder.map_or_else(home, Path::to_owned).join(text)))
}

/// An absolute path, also as an address or in quotes.
fn absolute(text: &str) -> Option<PathBuf> {
    let text = unquoted(text);
    let path = match text.strip_prefix("file://") {
        // What comes before the path is the computer's name.
        Some(rest) => of_address(rest.strip_prefix("localhost").unwrap_or(rest)),
        None => PathBuf::from(text),
    };
    path.is_absolute().then_some(path)
}

/// The path of a `file://` address, from its first slash on.
fn of_address(path: &str) -> PathBuf {
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        std::ffi::OsString::from_vec(bytes).into()
    }
    #[cfg(not(unix))]
    {
        // A drive has a slash before it there.
        String::from_utf8_lossy(&bytes).trim_start_matches('/').into()
    }
}

/// Without the quotes that terminals and Windows put around a path.
fn unquoted(text: &str) -> &str {
    let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_nothing_but_files_names_them() {
        let one =
            ["/p/a b.png", "file:///p/a%20b.png", "file://localhost/p/a%20b.png", "'/p/a b.png'", "\"/p/a b.png\"\r\n"];
        for text in one {
            assert_eq!(paths_in(text), [PathBuf::from("/p/a b.png")], "{text}");
        }
        let list = "copy\nfile:///p/%C3%B6.png\r\n# and\nfile:///p/100%25.png";
        assert_eq!(paths_in(list), [PathBuf::from("/p/ö.png"), PathBuf::from("/p/100%.png")]);
        for text in ["", "a fox", "a fox\n/p/a.png", "https://a.example/a.png", "file://server/share/a.png", "copy"] {
            assert!(paths_in(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_read_from_an_address() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(paths_in("file:///%FF.png")[0].as_os_str().as_bytes(), b"/\xff.png");
    }

    #[test]
    fn a_typed_path_may_begin_at_home_or_in_the_folder_of_the_question() {
        let folder = Path::new("/pictures");
        let typed = |text: &str| typed_path(text, Some(folder));
        assert_eq!(typed(" a.png "), Some("/pictures/a.png".into()));
        assert_eq!(typed("/b/a.png"), Some("/b/a.png".into()));
        assert_eq!(typed("file:///b/a%20b.png"), Some("/b/a b.png".into()));
        assert_eq!(typed("~/a.png"), dirs::home_dir().map(|home| home.join("a.png")));
        assert_eq!(typed("~"), dirs::home_dir().map(|home| home.join("")));
        assert_eq!(typed("~a.png"), Some("/pictures/~a.png".into()));
        assert_eq!(typed("  "), None);
    }
}
