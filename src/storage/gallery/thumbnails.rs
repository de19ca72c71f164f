//! Small copies of pictures, kept in the user's cache.
//!
//! A copy belongs to a path, a length and a time: a file that changes gets another. They are JPEGs, or PNGs where a
//! picture has see-through parts; a picture that is small already is its own. When they take more than a limit, the
//! oldest go. Whatever is wrong with the cache, the picture itself is opened instead.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, RgbaImage};

use crate::base::error::{Error, Result};
use crate::base::files::temporary_in;
use crate::storage::gallery::decode::decode;
use crate::storage::gallery::stamp::Stamp;

/// The longest side of a thumbnail in pixels.
pub const SIDE: u32 = 256;

/// No trace of the compression is seen at this size.
const JPEG_QUALITY: u8 = 90;

/// How much the cache may hold: some thirty thousand thumbnails.
const LIMIT_BYTES: u64 = 512 << 20;

/// The thumbnails in a cache.
#[derive(Debug)]
pub struct Thumbnails {
    folder: PathBuf,
    limit_bytes: u64,
    /// Written since the cache was last looked through; at first as much as makes it worth a look.
    written_bytes: u64,
}

impl Thumbnails {
    /// The thumbnails below `cache`.
    pub fn new(cache: &Path) -> Self {
        Self::with_limit(cache, LIMIT_BYTES)
    }

    fn with_limit(cache: &Path, limit_bytes: u64) -> Self {
        Self { folder: cache.join("thumbnails"), limit_bytes, written_bytes: limit_bytes }
    }

    /// The thumbnail of a file: from the cache, or made and put there.
    ///
    /// # Errors
    /// The file can't be shown (see [`decode`]).
    pub fn get(&mut self, path: &Path) -> Result<RgbaImage> {
        let metadata = fs::metadata(path)
            .map_err(|cause| Error::new(format!("can't read {}", path.display())).caused_by(cause))?;
        let mut hasher = DefaultHasher::new();
        (path, Stamp::of(&metadata)).hash(&mut hasher);
        let kept = self.folder.join(format!("{:016x}", hasher.finish()));
        if let Ok(image) = decode(&kept) {
            return Ok(image.into_rgba8());
        }
        let image = decode(path)?;
        if image.width().max(image.height()) <= SIDE {
            return Ok(image.into_rgba8());
        }
        let small = shrink(&image);
        // A thumbnail that can't be kept is made again next time.
        let _ = self.keep(&kept, &small);
        Ok(small.into_rgba8())
    }

    fn keep(&mut self, path: &Path, image: &DynamicImage) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = temporary_in(&self.folder)?;
        let mut writer = BufWriter::new(&mut file);
        let written = if image.color().has_alpha() {
            image.write_with_encoder(PngEncoder::new(&mut writer))
        } else {
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut writer, JPEG_QUALITY))
        };
        written.map_err(std::io::Error::other)?;
        writer.flush()?;
        drop(writer);
        self.written_bytes += file.as_file().metadata()?.len();
        file.persist(path)?;
        if self.written_bytes > self.limit_bytes / 8 {
            self.written_bytes = 0;
            self.evict()?;
        }
        Ok(())
    }

    /// Deletes the oldest until a good part of the room is free.
    fn evict(&self) -> std::io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)?.flatten() {
            if let Ok(metadata) = entry.metadata() {
                files.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), entry.path()));
            }
        }
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        if total <= self.limit_bytes {
            return Ok(());
        }
        files.sort_unstable();
        for (_, bytes, path) in files {
            if total <= self.limit_bytes / 4 * 3 {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
        }
        Ok(())
    }
}

/// A copy that fits, in eight bits.
fn shrink(image: &DynamicImage) -> DynamicImage {
    let small = image.thumbnail(SIDE, SIDE);
    if small.color().has_alpha() { small.into_rgba8().into() } else { small.into_rgb8().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::gallery::testing::png_file;

    struct Setup {
        folder: tempfile::TempDir,
        thumbnails: Thumbnails,
    }

    impl Setup {
        fn new(limit_bytes: u64) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let thumbnails = Thumbnails::with_limit(&folder.path().join("cache"), limit_bytes);
            Self { folder, thumbnails }
        }

        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.folder.path().join(name);
            fs::write(&path, bytes).expect("written");
            path
        }

        fn kept(&self) -> Vec<PathBuf> {
            let entries = fs::read_dir(self.folder.path().join("cache/thumbnails")).into_iter().flatten();
            entries.map(|entry| entry.expect("an entry").path()).collect()
        }
    }

    #[test]
    fn a_large_picture_shrinks_in_its_shape_and_is_kept() {
        let mut setup = Setup::new(1 << 20);
        let path = setup.file("x.png", &png_file(1024, 512, None));
        let first = setup.thumbnails.get(&path).expect("a thumbnail");
        assert_eq!(first.dimensions(), (256, 128));
        assert!(first.get_pixel(100, 100).0.iter().zip([200, 10, 30, 255]).all(|(a, b): (&u8, u8)| a.abs_diff(b) < 4));
        assert_eq!(setup.kept().len(), 1);

        // The kept one is used: the picture's own pixels are gone, its length and time are as they were.
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("a time");
        let length = fs::metadata(&path).expect("metadata").len();
        setup.file("x.png", &vec![0; length as usize]);
        fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(modified)).expect("a time");
        assert_eq!(setup.thumbnails.get(&path).expect("the kept one").dimensions(), (256, 128));
    }

    #[test]
    fn a_changed_picture_gets_another_thumbnail() {
        let mut setup = Setup::new(1 << 20);
        let path = setup.file("x.png", &png_file(512, 512, None));
        assert_eq!(setup.thumbnails.get(&path).expect("a thumbnail").dimensions(), (256, 256));
        setup.file("x.png", &png_file(512, 1024, None));
        assert_eq!(setup.thumbnails.get(&path).expect("a thumbnail").dimensions(), (128, 256));
    }

    #[test]
    fn a_small_picture_is_its_own_thumbnail() {
        let mut setup = Setup::new(1 << 20);
        let path = setup.file("x.png", &png_file(64, 32, None));
        assert_eq!(setup.thumbnails.get(&path).expect("a thumbnail").dimensions(), (64, 32));
        assert!(setup.kept().is_empty());
    }

    #[test]
    fn see_through_parts_stay_so() {
        let mut setup = Setup::new(1 << 20);
        let path = setup.folder.path().join("x.png");
        RgbaImage::from_pixel(512, 512, image::Rgba([255, 0, 0, 0])).save(&path).expect("saved");
        for _ in 0..2 {
            assert_eq!(setup.thumbnails.get(&path).expect("a thumbnail").get_pixel(0, 0).0[3], 0);
        }
    }

    #[test]
    fn a_garbled_thumbnail_is_made_again() {
        let mut setup = Setup::new(1 << 20);
        let path = setup.file("x.png", &png_file(512, 512, None));
        setup.thumbnails.get(&path).expect("a thumbnail");
        fs::write(&setup.kept()[0], "garbage").expect("written");
        assert_eq!(setup.thumbnails.get(&path).expect("a thumbnail").dimensions(), (256, 256));
        assert!(fs::read(&setup.kept()[0]).expect("a file").starts_with(b"\xff\xd8"), "and kept again");
    }

    #[test]
    fn the_oldest_go_when_the_room_is_used_up() {
        let mut setup = Setup::new(12_000);
        let mut first = None;
        for k in 0..20 {
            let path = setup.file(&format!("{k}.png"), &png_file(512, 512, None));
            setup.thumbnails.get(&path).expect("a thumbnail");
            if let [only] = &setup.kept()[..] {
                fs::File::options()
                    .write(true)
                    .open(only)
                    .expect("a file")
                    .set_modified(SystemTime::UNIX_EPOCH)
                    .expect("a time");
                first = Some(only.clone());
            }
        }
        let total: u64 = setup.kept().iter().map(|path| fs::metadata(path).expect("a file").len()).sum();
        assert!(total <= 12_000 + 12_000 / 8, "{total}");
        assert!(setup.kept().len() > 1, "what is new stays");
        assert!(!first.expect("a first one").exists(), "the oldest is gone");
    }

    #[test]
    fn without_a_cache_there_are_thumbnails_all_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.png");
        fs::write(&path, png_file(512, 512, None)).expect("written");
        let mut thumbnails = Thumbnails::new(&path);
        assert_eq!(thumbnails.get(&path).expect("a thumbnail").dimensions(), (256, 256));
    }

    #[test]
    fn what_cannot_be_shown_is_an_error() {
        let mut setup = Setup::new(1 << 20);
        let path = setup.file("x.png", b"notes");
        assert!(setup.thumbnails.get(&path).is_err());
        assert!(
            setup
                .thumbnails
                .get(Path::new("gone.png"))
                .expect_err("gone")
                .to_string()
                .starts_with("can't read gone.png")
        );
    }
}
