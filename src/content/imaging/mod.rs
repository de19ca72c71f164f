//! Pictures as bytes and as numbers: no tensors, no folders.

pub mod decode;
pub mod depth;
pub mod encode;
pub mod exif_text;
pub mod fit;
pub mod hole;
pub mod inpaint;
pub mod jpeg_comments;
pub mod margins;
pub mod mask;
pub mod pixels;
pub mod png_chunks;
pub mod png_text;
pub mod processor;
pub mod resize;
pub mod texture;
pub mod unread;
pub(crate) mod webp_chunks;
pub mod xmp;
