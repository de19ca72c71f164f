//! What a generation is made of, without tensors and folders: requests, pictures, and text as token ids.

pub mod imaging;
pub mod request;
pub mod text;
