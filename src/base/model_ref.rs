//! `ModelRef`: how people name a model, on the command line, in a recipe and in the settings.
//!
//! A name is told apart by its spelling alone, without looking at the disk: `owner/name` is a repository of the Hub, what
//! ends like a weight file is a file, and anything else, or what ends in a slash, is a folder. What is there is found out when
//! the model is opened. Written as JSON, every value is read as the same again.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::error::{Error, Result};
use crate::base::path_text::WrittenPath;

/// Endings of files that hold a whole model, or that people take for one.
const MODEL_FILES: [&str; 7] = ["safetensors", "sft", "gguf", "ckpt", "pt", "pth", "bin"];

/// Those of them that are pickles.
const PICKLES: [&str; 4] = ["ckpt", "pt", "pth", "bin"];

/// The name of the model built into the binary.
const BUNDLED: &str = "bundled";

/// What addresses of pages on the Hub begin with, the usual one first.
const HUB_PAGES: [&str; 3] = ["https://huggingface.co/", "http://huggingface.co/", "https://hf.co/"];

/// A model by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModelRef {
    /// The model built into the binary: `bundled`.
    #[default]
    Bundled,
    /// A folder with a `model_index.json`.
    Folder(PathBuf),
    /// A single file with all weights: `model.safetensors`.
    File(PathBuf),
    /// A repository on the Hub: `owner/name` or `owner/name@revision`.
    Hub(HubId),
}

/// A repository on the Hugging Face Hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HubId {
    /// The user or organization.
    pub owner: String,
    /// The repository's own name.
    pub name: String,
    /// A branch, tag or commit; `None` for `main`.
    pub revision: Option<String>,
}

impl HubId {
    /// `owner/name`, without the revision.
    pub fn repo(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Returns the address of its page.
    fn page(&self) -> String {
        let page = format!("{}{}", HUB_PAGES[0], self.repo());
        self.revision.as_ref().map_or_else(|| page.clone(), |revision| format!("{page}/tree/{revision}"))
    }

    /// Reads `owner/name`, `owner/name@revision` or the address of a repository's page; `None` for what is neither.
    ///
    /// Each part is of the characters that the Hub allows (`huggingface_hub/utils/_validators.py`, `validate_repo_id`):
    /// no name can lead out of a folder.
    pub fn parse(text: &str) -> Option<Self> {
        let page = HUB_PAGES.iter().find_map(|page| text.strip_prefix(page));
        let (repo, revision) = match page {
            Some(path) => {
                let mut parts = path.trim_end_matches('/').splitn(5, '/');
                let (owner, name) = (parts.next()?, parts.next()?);
                let revision = parts.next().filter(|kind| ["tree", "blob", "resolve"].contains(kind));
                let revision = revision.and(parts.next()).filter(|revision| *revision != "main");
                ((owner, name), revision)
            }
            None => match text.split_once('@') {
                Some((repo, revision)) => (repo.split_once('/')?, Some(revision)),
                None => (text.split_once('/')?, None),
            },
        };
        let (owner, name) = repo;
        let sound = is_word(owner) && is_word(name) && revision.is_none_or(is_revision);
        let [owner, name] = [owner, name].map(str::to_owned);
        sound.then(|| Self { owner, name, revision: revision.map(str::to_owned) })
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)?;
        self.revision.as_ref().map_or(Ok(()), |revision| write!(f, "@{revision}"))
    }
}

impl Serialize for HubId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns whether a text can be a part of a repository's name.
fn is_word(part: &str) -> bool {
    part.len() <= 96
        && part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && !part.ends_with(['.', '-'])
        && !part.contains("..")
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Returns whether a text can be a branch, tag or commit: `main`, `fp16`, `refs/pr/3`.
fn is_revision(text: &str) -> bool {
    text.len() <= 200 && text.split('/').all(is_word)
}

impl ModelRef {
    /// Returns a short name for it: the name of the bundled one, of its folder or file, or on the Hub.
    pub fn label(&self) -> String {
        match self {
            Self::Bundled => "Pictogram 64 (bundled)".to_owned(),
            Self::Hub(id) => id.to_string(),
            Self::Folder(path) | Self::File(path) => {
                path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
            }
        }
    }

    /// Returns whether its name says which model it is on every machine: no path is needed.
    pub fn is_named(&self) -> bool {
        matches!(self, Self::Bundled | Self::Hub(_))
    }

    /// Returns the model in a file or folder.
    pub fn of_path(path: PathBuf) -> Self {
        if is_model_file(&path) { Self::File(path) } else { Self::Folder(path) }
    }
}

impl From<OsString> for ModelRef {
    /// Reads a name as [`FromStr`] does; one that is no text names a file or a folder.
    fn from(name: OsString) -> Self {
        match name.into_string() {
            Ok(text) => {
                let Ok(model) = text.parse();
                model
            }
            Err(name) => Self::of_path(name.into()),
        }
    }
}

impl FromStr for ModelRef {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        let is_folder = text.ends_with(std::path::is_separator);
        let is_page = HUB_PAGES.iter().any(|page| text.starts_with(page));
        Ok(if text == BUNDLED {
            Self::Bundled
        } else if is_model_file(Path::new(text)) && !is_folder && !is_page {
            Self::File(text.into())
        } else if let Some(id) = HubId::parse(text) {
            Self::Hub(id)
        } else {
            Self::Folder(text.into())
        })
    }
}

impl fmt::Display for ModelRef {
    /// Returns what [`FromStr`] reads as the same model, as far as the spelling of a path allows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str(BUNDLED),
            Self::Folder(path) if is_model_file(path) => write!(f, "{}/", path.display()),
            Self::Folder(path) if path.to_str().is_some_and(|text| text == BUNDLED || HubId::parse(text).is_some()) => {
                write!(f, "./{}", path.display())
            }
            Self::Folder(path) | Self::File(path) => path.display().fmt(f),
            Self::Hub(id) if is_model_file(Path::new(&id.to_string())) => f.write_str(&id.page()),
            Self::Hub(id) => id.fmt(f),
        }
    }
}

impl Serialize for ModelRef {
    /// As it is shown, where that is read as the same; else as a map with the kind: `{"folder": "bundled"}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let text = self.to_string();
        let Ok(read) = text.parse::<Self>();
        match self {
            _ if read == *self => serializer.serialize_str(&text),
            Self::Folder(path) => TaggedModel::Folder(path.as_path().into()).serialize(serializer),
            Self::File(path) => TaggedModel::File(path.as_path().into()).serialize(serializer),
            Self::Hub(id) => TaggedModel::Hub(id.to_string()).serialize(serializer),
            Self::Bundled => serializer.serialize_str(&text),
        }
    }
}

impl<'de> Deserialize<'de> for ModelRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(match ModelSpelling::deserialize(deserializer)? {
            ModelSpelling::Text(text) => {
                let Ok(model) = text.parse();
                model
            }
            ModelSpelling::Tagged(TaggedModel::Folder(path)) => Self::Folder(path.into()),
            ModelSpelling::Tagged(TaggedModel::File(path)) => Self::File(path.into()),
            ModelSpelling::Tagged(TaggedModel::Hub(id)) => {
                let unknown = || D::Error::custom(format!("{id:?} is no repository's name"));
                HubId::parse(&id).map(Self::Hub).ok_or_else(unknown)?
            }
        })
    }
}

/// A model by its kind, where its name doesn't tell it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TaggedModel {
    Folder(WrittenPath),
    File(WrittenPath),
    Hub(String),
}

/// How a model is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum ModelSpelling {
    Text(String),
    Tagged(TaggedModel),
}

/// Returns whether a path ends like a file that holds a whole model.
fn is_model_file(path: &Path) -> bool {
    ending(path).is_some_and(|ending| MODEL_FILES.contains(&ending.as_str()))
}

/// Returns the ending of a path's name, in small letters.
fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// Says why a path that should be a model's folder isn't one.
///
/// # Errors
/// The path is no folder.
pub fn check_folder(path: &Path) -> Result<()> {
    let shown = path.display();
    if path.is_dir() {
        return Ok(());
    }
    if path.is_file() {
        return Err(Error::new(format!("this file is no model: {shown}"))
            .advise("A model is a folder with a model_index.json, or a .safetensors file"));
    }
    Err(Error::new(format!("no such model: {shown}")).advise(
        "A model is `bundled`, a folder with a model_index.json, a .safetensors file, or `owner/name` on the Hub",
    ))
}

/// Says why a file that should hold a model can't.
///
/// # Errors
/// There is no such file, or it is a pickle.
pub fn check_file(path: &Path) -> Result<()> {
    let shown = path.display();
    if ending(path).is_some_and(|ending| PICKLES.contains(&ending.as_str())) {
        return Err(Error::new(format!("this is a pickled checkpoint, which can run code when it is opened: {shown}"))
            .advise("Look for the model as .safetensors; most are published as both"));
    }
    if path.is_file() { Ok(()) } else { Err(Error::new(format!("no such model: {shown}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(text: &str) -> ModelRef {
        let Ok(model) = text.parse();
        model
    }

    fn hub(owner: &str, name: &str, revision: Option<&str>) -> ModelRef {
        ModelRef::Hub(HubId { owner: owner.into(), name: name.into(), revision: revision.map(str::to_owned) })
    }

    #[test]
    fn a_name_is_told_apart_by_its_spelling() {
        assert_eq!(model("bundled"), ModelRef::Bundled);
        for folder in ["/models/sd", "./owner/name", "models", "a/b/c", "../a", "~/sd", "owner/", "C:\\sd", "a/..", ""]
        {
            assert_eq!(model(folder), ModelRef::Folder(folder.into()), "{folder}");
        }
        for file in ["v1-5.safetensors", "models/V1.CKPT", "/a/b.gguf"] {
            assert_eq!(model(file), ModelRef::File(file.into()), "{file}");
        }
        assert_eq!(model("acme/tiny.sd-1"), hub("acme", "tiny.sd-1", None));
        assert_eq!(model("acme/tiny@refs/pr/3"), hub("acme", "tiny", Some("refs/pr/3")));
        assert_eq!(model("https://huggingface.co/acme/tiny"), hub("acme", "tiny", None));
        assert_eq!(model("https://huggingface.co/acme/tiny/tree/fp16"), hub("acme", "tiny", Some("fp16")));
        assert_eq!(model("https://huggingface.co/acme/tiny/blob/main/a.safetensors"), hub("acme", "tiny", None));
    }

    #[test]
    fn no_name_of_a_repository_leads_out_of_a_folder() {
        for text in ["../x", "a/..", "a/b@..", "a/b@../../c", "a/b\\..", "a/b@x/../y", "a/b@/etc", ".a/b"] {
            assert_eq!(HubId::parse(text), None, "{text}");
        }
    }

    /// Every name that parts of names make, as each kind of model.
    fn odd_models() -> Vec<ModelRef> {
        const NAMES: [&str; 12] = [
            "",
            ".",
            "bundled",
            "a",
            "a b",
            "owner/name",
            "owner/name@rev",
            "ä\"\\x",
            "a\nb",
            "~/sd",
            "C:\\sd",
            "https://hf.co/a/b",
        ];
        const ENDINGS: [&str; 8] = ["", "/", ".safetensors", ".SFT", ".gguf/", ".bin", ".tdict", "@x.pt"];
        let mut paths: Vec<PathBuf> =
            NAMES.iter().flat_map(|name| ENDINGS.map(|ending| PathBuf::from(format!("{name}{ending}")))).collect();
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            for bytes in [&b"\xff"[..], b"/models/\xe4.safetensors", b"owner/n\xffme", b"a\xed\xa0\x80/b.bin"] {
                paths.push(std::ffi::OsStr::from_bytes(bytes).into());
            }
        }
        let ids = ["acme/tiny", "acme/tiny@fp16", "acme/tiny.gguf", "acme/tiny.bin@refs/pr/3", "acme/a@x.safetensors"];
        let of_hub = ids.into_iter().filter_map(HubId::parse).map(ModelRef::Hub);
        let of_paths = paths.into_iter().flat_map(|path| [ModelRef::Folder(path.clone()), ModelRef::File(path)]);
        of_hub.chain(of_paths).chain([ModelRef::Bundled]).collect()
    }

    #[test]
    fn what_is_written_is_read_as_the_same_whatever_it_is_called() {
        let models = odd_models();
        assert!(models.len() > 200 && models.iter().filter(|model| matches!(model, ModelRef::Hub(_))).count() == 5);
        for model in models {
            let json = serde_json::to_string(&model).expect("JSON");
            assert_eq!(serde_json::from_str::<ModelRef>(&json).expect("a model"), model, "{json}");
        }
        for text in ["bundled", "acme/tiny@fp16", "/models/sd", "a.safetensors"] {
            assert_eq!(
                serde_json::to_string(&model(text)).expect("JSON"),
                format!("{text:?}"),
                "as older versions write it"
            );
        }
        assert!(serde_json::from_str::<ModelRef>(r#"{"hub": "../x"}"#).is_err());
    }

    #[test]
    fn a_name_that_is_shown_keeps_its_kind() {
        for (model, text) in [
            (ModelRef::Folder("a.safetensors".into()), "a.safetensors/"),
            (ModelRef::Folder("bundled".into()), "./bundled"),
            (hub("acme", "tiny.gguf", None), "https://huggingface.co/acme/tiny.gguf"),
            (hub("acme", "tiny", Some("fp16.bin")), "https://huggingface.co/acme/tiny/tree/fp16.bin"),
        ] {
            assert_eq!(model.to_string(), text);
            let Ok(read) = text.parse::<ModelRef>();
            assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&model), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_shown_is_read_as_the_same() {
        let folder = ModelRef::Folder("owner/name".into());
        assert_eq!(model(&folder.to_string()), ModelRef::Folder("./owner/name".into()));
        for text in ["bundled", "/models/sd", "acme/tiny@fp16", "a.safetensors"] {
            assert_eq!(model(text).to_string(), text);
        }
    }
}
