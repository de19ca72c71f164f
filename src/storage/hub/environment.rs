//! Where the Hub and its cache are, and who asks: the environment variables of Python's `huggingface_hub`.
//!
//! Names, order and defaults are those of its `constants.py` and `utils/_auth.py`. Limits: of a path's shorthands only a
//! leading `~` is understood.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The Hub itself.
const ENDPOINT: &str = "https://huggingface.co";

/// Which Hub, where its cache is, and how it is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address of the Hub or of a mirror, without a slash at its end.
    pub endpoint: String,
    /// The folder that holds `models--owner--name`.
    pub cache: PathBuf,
    /// Who asks; `None` for anyone.
    pub token: Option<Token>,
    /// Whether the Hub must not be asked.
    pub offline: bool,
    /// How long to wait, and how often to try again.
    pub patience: Patience,
}

impl Options {
    /// What the environment asks for: `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_HUB_OFFLINE`, and, where the settings
    /// have no token, `HF_TOKEN` or the file that `hf auth login` wrote.
    pub fn from_env(token_of_settings: Option<Token>) -> Self {
        Self::from_variables(&|name| std::env::var_os(name).filter(|value| !value.is_empty()), token_of_settings)
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<OsString>, token_of_settings: Option<Token>) -> Self {
        let text = |name: &str| variable(name)?.into_string().ok();
        let is_true = |value: String| ["1", "ON", "YES", "TRUE"].contains(&&*value.to_uppercase());
        let path = |name: &str| variable(name).map(|value| from_home(Path::new(&value)));
        let home = path("HF_HOME").unwrap_or_else(|| {
            let caches = path("XDG_CACHE_HOME").unwrap_or_else(|| from_home(Path::new("~/.cache")));
            caches.join("huggingface")
        });
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE"));
        let implicit = || {
            let file = || fs::read_to_string(path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"))).ok();
            let named = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN"));
            named.and_then(Token::new).or_else(|| file().and_then(Token::new))
        };
        let asked = !text("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some_and(is_true);
        Self {
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()).trim_end_matches('/').to_owned(),
            cache: cache.unwrap_or_else(|| home.join("hub")),
            token: token_of_settings.or_else(|| asked.then(implicit).flatten()),
            offline: text("HF_HUB_OFFLINE").or_else(|| text("TRANSFORMERS_OFFLINE")).is_some_and(is_true),
            patience: Patience::default(),
        }
    }
}

/// A path whose leading `~` is the user's folder.
fn from_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), dirs::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// How long to wait, and how often to try again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes on one.
    pub stall: Duration,
    /// Before the second try; twice as long before each later one.
    pub backoff: Duration,
    /// How many tries in a row may bring nothing.
    pub tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            backoff: Duration::from_secs(1),
            tries: 6,
        }
    }
}

/// A secret that says who asks. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token without the space around it; `None` for nothing but space.
    pub fn new(text: impl AsRef<str>) -> Option<Self> {
        let text = text.as_ref().trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The secret, for the one header that carries it.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)], token: Option<Token>) -> Options {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Options::from_variables(&find, token)
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let cache = |variables: &[(&str, &str)]| options(variables, None).cache;
        assert_eq!(cache(&[("HF_HUB_CACHE", "/a"), ("HF_HOME", "/b")]), Path::new("/a"));
        assert_eq!(cache(&[("HF_HOME", "/b"), ("XDG_CACHE_HOME", "/c")]), Path::new("/b/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/c")]), Path::new("/c/huggingface/hub"));
        let home = dirs::home_dir().expect("a home");
        assert_eq!(cache(&[]), home.join(".cache/huggingface/hub"));
        assert_eq!(cache(&[("HF_HOME", "~/models")]), home.join("models/hub"));
    }

    #[test]
    fn the_settings_token_comes_before_the_environments_and_that_before_the_file() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("token"), "hf_file\n").expect("written");
        let home = home.path().to_str().expect("a plain name");
        let secret = |variables: &[(&str, &str)], settings: Option<&str>| {
            let variables = [&[("HF_HOME", home)], variables].concat();
            options(&variables, settings.and_then(Token::new)).token.map(|token| token.secret().to_owned())
        };
        assert_eq!(secret(&[("HF_TOKEN", "hf_env")], Some("hf_set")).as_deref(), Some("hf_set"));
        assert_eq!(secret(&[("HF_TOKEN", " hf_env ")], None).as_deref(), Some("hf_env"));
        assert_eq!(secret(&[], None).as_deref(), Some("hf_file"));
        assert_eq!(secret(&[("HF_TOKEN_PATH", "/nowhere")], None), None);
        let off = ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
        assert_eq!(secret(&[off, ("HF_TOKEN", "hf_env")], None), None);
        assert_eq!(secret(&[off], Some("hf_set")).as_deref(), Some("hf_set"));
    }

    #[test]
    fn a_mirror_and_offline_mode_are_asked_for_as_in_python() {
        let mirror = options(&[("HF_ENDPOINT", "https://hub.example/hf/"), ("HF_HUB_OFFLINE", "yes")], None);
        assert_eq!((&*mirror.endpoint, mirror.offline), ("https://hub.example/hf", true));
        let plain = options(&[("HF_HUB_OFFLINE", "0")], None);
        assert_eq!((&*plain.endpoint, plain.offline), (ENDPOINT, false));
    }

    #[test]
    fn a_token_shows_itself_nowhere() {
        let options = options(&[("HF_TOKEN", "hf_secret")], None);
        let token = options.token.clone().expect("a token");
        assert!(!format!("{options:?} {token} {token:?}").contains("secret"));
    }
}
