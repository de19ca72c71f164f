//! Where files that recipes name by their content lie on this machine.
//!
//! A recipe in a PNG names the picture that it begins with by its hash and a model by its name and a fingerprint, so that no
//! path leaves the machine. This store, a file of JSON lines that grows at its end, leads back to the files. Nothing in it is
//! trusted: a file is taken only if its content is still what the recipe names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::digest::hex;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::content::request::{ImageRef, Request};

/// The most pictures beside a PNG that are compared with what it begins with.
const MOST_BESIDE: usize = 200;

/// The largest file that is taken for a picture, in bytes.
pub(super) const LARGEST_PICTURE: u64 = 256 << 20;

/// The bytes that a fingerprint takes from the beginning, the middle and the end of a file of weights: enough to tell two
/// trainings of one model apart, and read in a moment however large the file is.
const SAMPLE_BYTES: u64 = 64 << 10;

/// How deep the weights of a model's folder lie.
const MOST_DEPTH: usize = 2;

/// What files of weights end in.
const WEIGHTS: [&str; 5] = ["safetensors", "gguf", "bin", "ckpt", "pt"];

/// Where files lie that recipes name by their content, and where pictures go that can't be saved where they should be.
#[derive(Clone, Debug, Default)]
pub struct LocalFiles {
    /// The store; without one nothing is remembered.
    store: Option<PathBuf>,
    /// See [`Self::rescue_folder`].
    rescue: Option<PathBuf>,
}

/// A line of the store.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct KnownPlace {
    hash: String,
    #[serde(with = "crate::base::path_text")]
    path: PathBuf,
}

impl LocalFiles {
    /// The user's own store.
    pub fn of_user() -> Self {
        let store = dirs::config_dir().map(|folder| folder.join("burnisher/local-files.jsonl"));
        let state = dirs::state_dir().or_else(dirs::data_local_dir);
        Self { store, rescue: state.map(|folder| folder.join("burnisher/rescued")) }
    }

    /// A store in this file; pictures go beside it, unless it is the user's own.
    pub fn at(store: PathBuf) -> Self {
        let of_user = Self::of_user();
        if of_user.store.as_ref() == Some(&store) {
            return of_user;
        }
        Self { rescue: Some(store.with_file_name("rescued")), store: Some(store) }
    }

    /// Returns the folder of the user's own for pictures that can't be saved where they should be; it may not exist yet.
    pub fn rescue_folder(&self) -> Option<&Path> {
        self.rescue.as_deref()
    }

    /// Finds the pictures that a request begins with and names them by their content, before it is drawn.
    ///
    /// # Errors
    /// A picture isn't known here, or isn't what it was.
    pub fn prepare(&self, request: &Request) -> Result<Request> {
        let mut request = request.clone();
        for image in request.images_mut() {
            self.prepare_image(image)?;
        }
        Ok(request)
    }

    fn prepare_image(&self, image: &mut ImageRef) -> Result<()> {
        let found = image.hint.as_deref().and_then(|path| hash_of_picture(path).ok());
        match (&image.hash, found) {
            (Some(wanted), Some(found)) if *wanted != found => {
                let elsewhere = self.find(wanted, |path| hash_of_picture(path).ok());
                image.hint = Some(elsewhere.ok_or_else(|| {
                    Error::new(format!("The picture isn't what it was when this was drawn: {image}"))
                        .advise("Choose the picture again, and draw with that")
                })?);
            }
            (Some(wanted), None) => {
                // Where it isn't known at all, whoever reads it says so.
                image.hint = self.find(wanted, |path| hash_of_picture(path).ok()).or(image.hint.take());
                image.path()?;
            }
            (_, Some(found)) => {
                if let Some(path) = &image.hint {
                    self.remember(&found, path);
                }
                image.hash = Some(found);
            }
            // Whoever reads it says what is wrong.
            (None, None) => {}
        }
        Ok(())
    }

    /// Says where the pictures lie that a recipe begins with: where they were last seen, or in the folder `beside` the file
    /// that it came in. Returns whether all are found.
    pub fn locate(&self, request: &mut Request, beside: Option<&Path>) -> bool {
        let mut all = true;
        for image in request.images_mut() {
            if let (Some(wanted), None) = (&image.hash, &image.hint) {
                let known = self.find(wanted, |path| hash_of_picture(path).ok());
                image.hint = known.or_else(|| find_beside(beside?, wanted));
            }
            all &= image.hint.is_some();
        }
        all
    }

    /// Names a model on disk by its content, and remembers where it lies; `None` for the bundled model and those of the Hub,
    /// whose names say it all.
    pub fn fingerprint(&self, model: &ModelRef) -> Option<String> {
        let (ModelRef::Folder(path) | ModelRef::File(path)) = model else { return None };
        let hash = fingerprint(path).ok()?;
        self.remember(&hash, path);
        Some(hash)
    }

    /// Returns the model with this fingerprint, if it is known here.
    pub fn model(&self, wanted: &str) -> Option<ModelRef> {
        self.find(wanted, |path| fingerprint(path).ok()).map(ModelRef::of_path)
    }

    /// The newest place at which the content is still this.
    fn find(&self, wanted: &str, hash: impl Fn(&Path) -> Option<String>) -> Option<PathBuf> {
        let lines = self.lines();
        let mut paths = lines.into_iter().rev().filter(|line| line.hash == wanted).map(|line| line.path);
        paths.find(|path| hash(path).as_deref() == Some(wanted))
    }

    fn lines(&self) -> Vec<KnownPlace> {
        let bytes = self.store.as_ref().and_then(|store| fs::read(store).ok()).unwrap_or_default();
        bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    /// Adds a place. What can't be written is forgotten: the picture matters more.
    fn remember(&self, hash: &str, path: &Path) {
        let (Some(store), Ok(path)) = (&self.store, std::path::absolute(path)) else { return };
        let line = KnownPlace { hash: hash.to_owned(), path };
        if self.lines().contains(&line) {
            return;
        }
        let Ok(text) = serde_json::to_string(&line) else { return };
        let folder = store.parent().map_or(Ok(()), fs::create_dir_all);
        let file = folder.and_then(|()| OpenOptions::new().create(true).append(true).open(store));
        // One write, so that two programs don't mix their lines.
        let _ = file.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()));
    }
}

/// The picture with this content in a folder.
fn find_beside(folder: &Path, wanted: &str) -> Option<PathBuf> {
    const PICTURES: [&str; 8] = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"];
    let is_picture = |path: &PathBuf| {
        let end = path.extension().and_then(|end| end.to_str()).map(str::to_lowercase);
        end.is_some_and(|end| PICTURES.contains(&end.as_str()))
    };
    let files = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let mut pictures = files.filter(is_picture).take(MOST_BESIDE);
    pictures.find(|path| hash_of_picture(path).is_ok_and(|hash| hash == wanted))
}

/// The SHA-256 of a file of a picture's size.
fn hash_of_picture(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.len() > LARGEST_PICTURE {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

/// A name for a model's weights: a hash of samples of every file of weights and of its length.
fn fingerprint(path: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    if path.is_dir() {
        weights(path, Path::new(""), 0, &mut files)?;
    } else {
        files.push((PathBuf::new(), path.to_owned()));
    }
    if files.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    files.sort();
    let mut hash = Sha256::new();
    for (name, path) in files {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        hash.update(name.to_string_lossy().as_bytes());
        hash.update(length.to_le_bytes());
        for start in [0, (length / 2).saturating_sub(SAMPLE_BYTES / 2), length.saturating_sub(SAMPLE_BYTES)] {
            file.seek(SeekFrom::Start(start))?;
            let mut sample = Vec::new();
            (&file).take(SAMPLE_BYTES).read_to_end(&mut sample)?;
            hash.update(&sample);
        }
    }
    Ok(format!("sampled-{}", hex(&hash.finalize())))
}

/// The files of weights of a folder, with their names in it.
fn weights(folder: &Path, name: &Path, depth: usize, found: &mut Vec<(PathBuf, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let (path, name) = {
            let entry = entry?;
            (entry.path(), name.join(entry.file_name()))
        };
        if path.is_dir() && depth < MOST_DEPTH {
            weights(&path, &name, depth + 1, found)?;
        } else if path.extension().and_then(|end| end.to_str()).is_some_and(|end| WEIGHTS.contains(&end)) {
            found.push((name, path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Branch, Task};

    fn begins_with(image: impl Into<ImageRef>) -> Request {
        Request { start: Task::ImageToImage { image: image.into(), strength: 0.5 }.into(), ..Request::default() }
    }

    fn image(request: &mut Request) -> ImageRef {
        request.images_mut().first().map(|image| (**image).clone()).expect("a picture")
    }

    /// What another machine gets: the hash without the place.
    fn shared(request: &Request) -> Request {
        let mut shared = request.clone();
        shared.images_mut().into_iter().for_each(|image| image.hint = None);
        shared
    }

    #[test]
    fn a_picture_is_found_by_its_content_where_it_was_last_seen_and_not_once_it_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, path) = (LocalFiles::at(folder.path().join("deep/store.jsonl")), folder.path().join("a.png"));
        fs::write(&path, "pixels").expect("written");
        let request = begins_with(path.clone());
        let prepared = store.prepare(&request).expect("the picture is there");
        let mut again = shared(&prepared);
        assert_eq!(store.prepare(&again).expect("it is known"), prepared);
        assert!(store.locate(&mut again, None) && again == prepared);
        fs::write(&path, "other pixels").expect("written");
        assert!(store.prepare(&prepared).expect_err("it changed").to_string().contains("isn't what it was"));
        assert!(store.prepare(&shared(&prepared)).expect_err("it is gone").to_string().contains("isn't known"));
        assert_eq!(image(&mut store.prepare(&request).expect("as it is now")).hint, Some(path));
    }

    #[test]
    fn on_another_machine_a_picture_is_found_beside_what_was_drawn_from_it() {
        let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fs::write(here.path().join("a.png"), "pixels").expect("written");
        let prepared = LocalFiles::default().prepare(&begins_with(here.path().join("a.png"))).expect("it is there");
        let branch = Branch { from: shared(&prepared), step: 1 };
        let mut copied = shared(&prepared).with(|request| request.start.branch = Some(Box::new(branch)));
        assert!(!LocalFiles::default().locate(&mut copied, Some(there.path())), "nothing lies there");
        fs::write(there.path().join("copy.PNG"), "pixels").expect("written");
        assert!(LocalFiles::default().locate(&mut copied, Some(there.path())));
        assert!(copied.images_mut().iter().all(|image| image.hint == Some(there.path().join("copy.PNG"))));
    }

    #[test]
    fn a_model_is_found_by_its_weights() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = LocalFiles::at(folder.path().join("store.jsonl"));
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for (path, weights) in [(&one, "1"), (&other, "2")] {
            fs::create_dir_all(path.join("unet")).expect("a folder");
            fs::write(path.join("unet/model.safetensors"), weights).expect("written");
        }
        let models = [&one, &other].map(|path| ModelRef::Folder(path.clone()));
        let hashes = models.each_ref().map(|model| store.fingerprint(model).expect("weights"));
        assert_ne!(hashes[0], hashes[1]);
        assert_eq!(hashes.each_ref().map(|hash| store.model(hash)), models.map(Some));
        assert_eq!(store.fingerprint(&ModelRef::Bundled), None);
        assert_eq!(store.model("sampled-0"), None);
    }
}
