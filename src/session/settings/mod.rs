//! The preferences, as one JSON file.
//!
//! Broken settings never stop the program: what can't be read takes its default, the file as it was is kept beside it as
//! `settings.json.bad`, and the user is told. Keys of newer versions are passed over.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::device::{DeviceChoice, DtypeChoice, KernelChoice};
use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::base::lock::lock_within;
use crate::base::model_ref::ModelRef;
use crate::storage::gallery::NamePattern;
use crate::storage::gallery::export::Metadata;

mod draft;
mod painting;
mod patch;
mod text;

pub use draft::{Draft, StartDraft};
pub use painting::{Brush, MAX_DIAMETER, Painting, Tint};
pub use patch::{FormChange, FormSetting, changes};

/// How long settings wait for another window to write its own.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Prompts that the history keeps.
pub const HISTORY_LENGTH: usize = 200;

/// What the user prefers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where pictures go.
    #[serde(with = "crate::base::path_text")]
    pub output_folder: PathBuf,
    /// What files are called: see `gallery::NamePattern`.
    pub name_pattern: NamePattern,
    /// Where pictures are drawn.
    #[serde(with = "text")]
    pub device: DeviceChoice,
    /// What the model computes in.
    #[serde(with = "text")]
    pub dtype: DtypeChoice,
    /// How a GPU's kernels are compiled.
    #[serde(with = "text")]
    pub kernels: KernelChoice,
    /// Gigabytes that a model and its pictures may take; 0 for all there are.
    pub memory_limit_gb: f64,
    /// Minutes without anything to draw after which the model's memory is given back; 0 for never.
    pub unload_after_minutes: f64,
    /// The model in use.
    pub model: ModelRef,
    /// Models that were opened before, but for the bundled one, the newest first.
    pub recent_models: Vec<ModelRef>,
    /// Folders that models are looked for in, beside those that are known.
    #[serde(with = "crate::base::path_text")]
    pub model_folders: Vec<PathBuf>,
    /// Steps from one preview to the next; 0 for none.
    pub preview_every: usize,
    /// Light or dark.
    pub theme: Theme,
    /// How large everything is drawn; 1 is the system's own size.
    pub scale: f32,
    /// Whether the panel with the controls is open.
    pub controls_open: bool,
    /// Whether the gallery is open.
    pub gallery_open: bool,
    /// The folder that a picture was last saved to.
    #[serde(with = "crate::base::path_text")]
    pub save_folder: Option<PathBuf>,
    /// Whether copies that are saved leave prompt and settings out.
    pub strip_metadata: bool,
    /// What masks are painted with, and how they are shown.
    pub painting: Painting,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// As the system is.
    #[default]
    System,
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

impl Default for Settings {
    fn default() -> Self {
        let pictures = dirs::picture_dir().or_else(|| Some(dirs::home_dir()?.join("Pictures")));
        Self {
            output_folder: pictures.unwrap_or_default().join("Burnisher"),
            name_pattern: NamePattern::default(),
            device: DeviceChoice::Auto,
            dtype: DtypeChoice::Auto,
            kernels: KernelChoice::Auto,
            memory_limit_gb: 0.0,
            // Loading takes seconds to minutes, which nobody wants to wait for who didn't ask for the memory.
            unload_after_minutes: 0.0,
            model: ModelRef::Bundled,
            recent_models: Vec::new(),
            model_folders: Vec::new(),
            preview_every: 1,
            theme: Theme::System,
            scale: 1.0,
            controls_open: true,
            gallery_open: true,
            save_folder: None,
            strip_metadata: false,
            painting: Painting::default(),
        }
    }
}

impl Settings {
    /// The user's file.
    pub fn path_of_user() -> PathBuf {
        dirs::config_dir().unwrap_or_else(std::env::temp_dir).join("burnisher/settings.json")
    }

    /// Reads the settings. What couldn't be read takes its default; the error then says so.
    pub fn load(path: &Path) -> (Self, Option<Error>) {
        let text = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return (Self::default(), None),
            Err(cause) => {
                // The next change would replace what someone may still want to read.
                let kept = path.with_extension("json.bad");
                let advice = match path.is_file().then(|| fs::rename(path, &kept)) {
                    Some(Ok(())) => format!("Burnisher starts anew; the file is kept as {}", kept.display()),
                    _ => "Burnisher starts as if it were the first time".to_owned(),
                };
                let error = Error::new(format!("the settings can't be read: {}", path.display()));
                return (Self::default(), Some(error.caused_by(cause).advise(advice)));
            }
        };
        let (settings, broken) = match serde_json::from_slice::<Map<String, Value>>(&text) {
            Ok(values) => Self::from_values(values),
            Err(cause) => (Self::default(), vec![cause.to_string()]),
        };
        if broken.is_empty() {
            return (settings, None);
        }
        let kept = path.with_extension("json.bad");
        let advice = match write_whole(&kept, &text) {
            Ok(()) => format!("The file as it was is kept as {}", kept.display()),
            Err(error) => format!("The file as it was couldn't be kept: {error}"),
        };
        let error = Error::new(format!("some settings made no sense and have their defaults: {}", broken.join("; ")));
        (settings, Some(error.advise(advice)))
    }

    /// Takes over every value that makes sense; the others are named.
    fn from_values(values: Map<String, Value>) -> (Self, Vec<String>) {
        let mut broken = Vec::new();
        let mut good = Map::new();
        for (key, value) in values {
            let alone = Map::from_iter([(key.clone(), value.clone())]);
            match serde_json::from_value::<Self>(Value::Object(alone)) {
                Ok(_) => {
                    good.insert(key, value);
                }
                Err(cause) => broken.push(format!("{key} ({cause})")),
            }
        }
        let mut settings: Self = serde_json::from_value(Value::Object(good)).unwrap_or_default();
        settings.scale = if settings.scale.is_finite() { settings.scale.clamp(0.5, 3.0) } else { 1.0 };
        let sound = |value: f64, most: f64| if value.is_finite() { value.clamp(0.0, most) } else { 0.0 };
        settings.memory_limit_gb = sound(settings.memory_limit_gb, 1e4);
        settings.unload_after_minutes = sound(settings.unload_after_minutes, 1e5);
        settings.painting.make_valid();
        (settings, broken)
    }

    /// Writes what has changed since `before`, and leaves everything else as another window has written it meanwhile.
    ///
    /// # Errors
    /// As for [`Self::save`].
    pub fn save_changes(&self, before: &Self, path: &Path) -> Result<()> {
        // It is held for as long as a small file takes, so that waiting longer means that its holder was stopped.
        let _lock = lock_within(&path.with_extension("lock"), LOCK_PATIENCE);
        let there = fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let Some(there) = there else { return self.save(path) };
        let (mut merged, before) = (Self::from_values(there).0.values()?, before.values()?);
        merged.extend(self.values()?.into_iter().filter(|(key, value)| before.get(key) != Some(value)));
        Self::from_values(merged).0.save(path)
    }

    fn values(&self) -> Result<Map<String, Value>> {
        let values = serde_json::to_value(self).and_then(serde_json::from_value);
        values.map_err(|cause| Error::new("the settings can't be saved").caused_by(cause))
    }

    /// Writes the settings, whole or not at all.
    ///
    /// # Errors
    /// The folder can't be made or written to, or the disk is full.
    pub fn save(&self, path: &Path) -> Result<()> {
        let at = |error: Error| Error::new("the settings can't be saved").caused_by(error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|cause| at(Error::new(folder.display().to_string()).caused_by(cause)))?;
        }
        let json = serde_json::to_vec_pretty(self).map_err(|cause| at(Error::new(cause.to_string())))?;
        write_whole(path, &json).map_err(at)
    }

    /// What copies of pictures keep.
    pub fn export_metadata(&self) -> Metadata {
        if self.strip_metadata { Metadata::Strip } else { Metadata::Keep }
    }

    /// Puts a model at the head of those that were opened.
    pub fn remember_model(&mut self, model: &ModelRef) {
        if *model != ModelRef::Bundled {
            self.recent_models.retain(|old| old != model);
            self.recent_models.insert(0, model.clone());
            self.recent_models.truncate(12);
        }
    }
}

/// Puts a prompt at the head of a history, in which each stands once.
pub fn remember(history: &mut Vec<String>, prompt: &str) {
    let prompt = prompt.trim();
    if !prompt.is_empty() {
        history.retain(|old| old != prompt);
        history.insert(0, prompt.to_owned());
        history.truncate(HISTORY_LENGTH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    #[test]
    fn settings_come_back_as_they_were() {
        let folder = folder();
        let path = folder.path().join("deep/settings.json");
        let mut settings = Settings { theme: Theme::Light, scale: 1.25, ..Settings::default() };
        settings.model = ModelRef::Folder("/models/sd".into());
        settings.save(&path).expect("it can be written");
        let (loaded, error) = Settings::load(&path);
        assert!(error.is_none());
        assert_eq!(loaded, settings);
    }

    #[cfg(unix)]
    #[test]
    fn settings_with_paths_that_are_no_text_are_kept_whole() {
        use std::os::unix::ffi::OsStrExt;

        let (folder, odd) = (folder(), PathBuf::from(std::ffi::OsStr::from_bytes(b"/home/ren\xe9/Pictures")));
        let path = folder.path().join("settings.json");
        let settings = Settings {
            output_folder: odd.clone(),
            model_folders: vec!["/models".into(), odd.clone()],
            save_folder: Some(odd.clone()),
            model: ModelRef::Folder(odd.clone()),
            recent_models: vec![ModelRef::File(odd.join("a.safetensors"))],
            theme: Theme::Dark,
            ..Settings::default()
        };
        settings.save(&path).expect("it can be written");
        let (loaded, error) = Settings::load(&path);
        assert!(error.is_none() && loaded == settings, "{error:?}");
    }

    #[test]
    fn what_one_window_changes_and_what_another_changes_are_both_kept() {
        let folder = folder();
        let path = folder.path().join("deep/settings.json");
        let begun = Settings::default();
        let first = Settings { theme: Theme::Light, save_folder: Some("/pictures".into()), ..begun.clone() };
        first.save_changes(&begun, &path).expect("it can be written");
        let second = Settings { scale: 1.5, preview_every: 3, ..begun.clone() };
        second.save_changes(&begun, &path).expect("it can be written");
        let third = Settings { save_folder: None, ..first.clone() };
        third.save_changes(&first, &path).expect("it can be written");
        let expected = Settings { theme: Theme::Light, scale: 1.5, preview_every: 3, ..begun };
        assert_eq!(Settings::load(&path).0, expected);
        // What a person broke meanwhile costs the settings nothing else.
        fs::write(&path, "{\"theme\": \"li").expect("written");
        third.save_changes(&first, &path).expect("it can be written");
        assert_eq!(Settings::load(&path).0, third);
    }

    #[test]
    fn without_a_file_everything_has_its_default() {
        let (settings, error) = Settings::load(&folder().path().join("settings.json"));
        assert!(error.is_none());
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn a_corrupt_file_is_kept_aside_and_told() {
        let folder = folder();
        let path = folder.path().join("settings.json");
        for text in [&b"{\"theme\": \"li"[..], b"", b"[]", b"\xff\xfe\0"] {
            fs::write(&path, text).expect("written");
            let (settings, error) = Settings::load(&path);
            assert_eq!(settings, Settings::default());
            assert!(error.expect("it is told").to_string().contains("settings.json.bad"));
            assert_eq!(fs::read(folder.path().join("settings.json.bad")).expect("it is kept"), text);
        }
    }

    #[test]
    fn one_bad_value_costs_only_itself() {
        let folder = folder();
        let path = folder.path().join("settings.json");
        let text = r#"{"theme":"purple","scale":1e30,"preview_every":4,"device":"toaster","newer":1}"#;
        fs::write(&path, text).expect("written");
        let (settings, error) = Settings::load(&path);
        let error = error.expect("it is told").to_string();
        assert!(error.contains("theme") && error.contains("toaster"), "{error}");
        assert_eq!((settings.theme, settings.scale, settings.preview_every), (Theme::System, 3.0, 4));
    }

    #[test]
    fn settings_that_cannot_be_read_or_written_are_an_error_and_no_panic() {
        let folder = folder();
        let (settings, error) = Settings::load(folder.path());
        assert_eq!(settings, Settings::default());
        assert!(error.expect("a folder is no file").to_string().contains("can't be read"));
        assert!(settings.save(folder.path()).is_err());
        assert!(settings.save(Path::new("/proc/nowhere/settings.json")).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_cannot_be_read_is_kept_aside_and_not_replaced() {
        let folder = folder();
        let path = folder.path().join("settings.json");
        // A file that is there and gives nothing to anyone.
        std::os::unix::fs::symlink("/proc/self/mem", &path).expect("a link");
        let (settings, error) = Settings::load(&path);
        assert!(error.expect("it is told").to_string().contains("settings.json.bad"));
        settings.save(&path).expect("the place is free");
        assert!(fs::symlink_metadata(folder.path().join("settings.json.bad")).expect("it is kept").is_symlink());
    }

    #[test]
    fn the_history_has_each_prompt_once_and_the_newest_first() {
        let mut history = Vec::new();
        for prompt in ["a", " b ", "a", "  "] {
            remember(&mut history, prompt);
        }
        assert_eq!(history, ["a", "b"]);
    }
}
