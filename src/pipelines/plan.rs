//! The memory plan of a run: what of the model stays loaded, whether pictures are decoded in tiles, or that it won't fit.
//!
//! A run goes through stages (the prompt is encoded, noise becomes latents, ..), each of which needs some of the components and room
//! to work in. As many components stay loaded throughout as fit beside the largest stage; the others are loaded for the stages
//! that need them. Pictures are the same whichever plan is in force, but for the tiles.

use std::fmt;

use serde::Serialize;

use super::memory::Wish;
use crate::base::error::{Error, Result};
use crate::families::{ComponentId, Footprint};

/// Sides of decoder tiles in latents, largest first.
const TILES: [usize; 6] = [128, 96, 64, 48, 32, 16];

/// The memory plan of a run. `Display` says it in a line, as "Fits: 3.1 of 8.0 GB".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Bytes at the highest.
    pub peak_bytes: u64,
    /// Bytes that there are; `None` if nobody knows.
    pub budget_bytes: Option<u64>,
    /// Whether it can be done.
    pub fits: bool,
    /// Components that stay loaded.
    pub kept: Vec<ComponentId>,
    /// Components that are loaded for as long as they are needed.
    pub lent: Vec<ComponentId>,
    /// The side of the tiles in which pictures are decoded and encoded, in latents; `None` for whole.
    pub tile: Option<usize>,
    /// Settings that would fit, in words: "512 x 512", "f16".
    pub instead: Vec<String>,
    /// Bytes of one tensor and of the largest buffer, where that is what doesn't fit.
    #[serde(skip)]
    tensor: Option<(u64, u64)>,
    /// In pixels.
    #[serde(skip)]
    size: (usize, usize),
}

/// A stage of a run: the components that it needs, and the bytes that it works in.
struct PlannedStage {
    needs: Vec<ComponentId>,
    bytes: u64,
}

impl Footprint {
    /// The plan of a run on so many bytes.
    pub fn plan(&self, wish: &Wish, budget: Option<u64>) -> Plan {
        let mut plan = self.arrange(wish, budget);
        if !plan.fits {
            plan.instead.extend(self.smaller(wish, budget));
            let halved = self.halved().is_some_and(|halved| halved.arrange(wish, budget).fits);
            plan.instead.extend(halved.then(|| "f16".to_owned()));
        }
        plan
    }

    fn arrange(&self, wish: &Wish, budget: Option<u64>) -> Plan {
        let has_room = |bytes: u64| budget.is_none_or(|budget| bytes <= budget);
        let tile = self.tile(wish, budget);
        let stages = self.planned(wish, tile);
        let (kept, lent) = self.keep(&stages, has_room);
        let peak_bytes = self.peak(&stages, &kept);
        let (tensor, _) = self.step(wish);
        let tensor = self.capacity.max_tensor_bytes.filter(|max| tensor > *max).map(|max| (tensor, max));
        Plan {
            fits: has_room(peak_bytes) && tensor.is_none(),
            peak_bytes,
            budget_bytes: budget,
            kept,
            lent,
            tile,
            instead: Vec::new(),
            tensor,
            size: (wish.width, wish.height),
        }
    }

    /// The stages of a run, in their order.
    fn planned(&self, wish: &Wish, tile: Option<usize>) -> Vec<PlannedStage> {
        let (height, width) = (wish.height / self.factor, wish.width / self.factor);
        let (_, coding) = self.coding(tile.map_or(height, |t| t.min(height)), tile.map_or(width, |t| t.min(width)));
        let (stages, kept) = (&self.stages, self.kept(wish));
        let stage = |needs: &[&Vec<ComponentId>], bytes| PlannedStage {
            needs: needs.iter().flat_map(|needs| needs.iter().copied()).collect(),
            bytes,
        };
        let none = Vec::new();
        let mut all = vec![stage(&[&stages.encode], 0)];
        if wish.estimates_depth {
            all.push(stage(&[&stages.depth], self.estimating()));
        }
        if wish.encodes {
            all.push(stage(&[&stages.code], coding));
        }
        let looks = if self.looks_decode { &stages.code } else { &none };
        all.push(stage(&[&stages.denoise, looks], self.step(wish).1.saturating_add(kept)));
        let beside = if wish.side_by_side { &stages.denoise } else { &none };
        all.push(stage(&[&stages.code, beside], coding.saturating_add(kept)));
        if wish.checks_safety {
            all.push(stage(&[&stages.safety], kept));
        }
        all
    }

    /// The components of a run that stay, and those that come and go.
    fn keep(&self, stages: &[PlannedStage], has_room: impl Fn(u64) -> bool) -> (Vec<ComponentId>, Vec<ComponentId>) {
        let mut kept = Vec::new();
        let is_used = |id: &ComponentId| stages.iter().any(|stage| stage.needs.contains(id));
        let all = self.parameters.iter().map(|(id, _)| *id);
        let (_, lent) = all.filter(is_used).partition::<Vec<_>, _>(|id| {
            kept.push(*id);
            let stays = has_room(self.peak(stages, &kept));
            if !stays {
                kept.pop();
            }
            stays
        });
        (kept, lent)
    }

    /// Bytes in the largest stage, if these components stay loaded.
    fn peak(&self, stages: &[PlannedStage], kept: &[ComponentId]) -> u64 {
        let weights = |ids: &[ComponentId]| ids.iter().map(|id| self.weights(*id)).sum::<u64>();
        let of = |stage: &PlannedStage| {
            let passing: Vec<_> = stage.needs.iter().copied().filter(|id| !kept.contains(id)).collect();
            weights(kept).saturating_add(weights(&passing)).saturating_add(stage.bytes)
        };
        stages.iter().map(of).max().unwrap_or(0)
    }

    /// The side of the tiles in which a picture has to be decoded, even if nothing else were loaded; `None` for whole.
    fn tile(&self, wish: &Wish, budget: Option<u64>) -> Option<usize> {
        let weights = |ids: &[ComponentId]| ids.iter().map(|id| self.weights(*id)).sum::<u64>();
        let denoiser = if wish.side_by_side { weights(&self.stages.denoise) } else { 0 };
        let loaded = weights(&self.stages.code) + denoiser + self.kept(wish);
        let fits = |height: usize, width: usize| {
            let (tensor, work) = self.coding(height, width);
            self.capacity.max_tensor_bytes.is_none_or(|max| tensor <= max)
                && budget.is_none_or(|budget| loaded + work <= budget)
        };
        if fits(wish.height / self.factor, wish.width / self.factor) {
            return None;
        }
        TILES.into_iter().find(|side| fits(*side, *side)).or(TILES.last().copied())
    }

    /// The largest picture of about the same proportions that fits.
    fn smaller(&self, wish: &Wish, budget: Option<u64>) -> Option<String> {
        // Round numbers, where they are what the model can draw.
        let multiple = if wish.width.min(wish.height) >= 256 { 64 } else { 8 };
        let multiple = if multiple % self.size_multiple == 0 { multiple } else { self.size_multiple };
        let side = |side: usize, percent: usize| (side * percent / 100) / multiple * multiple;
        let sizes = (1..20).rev().map(|twentieth| (side(wish.width, 5 * twentieth), side(wish.height, 5 * twentieth)));
        let mut sizes = sizes.filter(|(width, height)| *width > 0 && *height > 0);
        let found = sizes.find(|(width, height)| {
            self.arrange(&Wish { width: *width, height: *height, ..wish.clone() }, budget).fits
        });
        found.map(|(width, height)| format!("{width} x {height}"))
    }
}

impl Plan {
    /// Returns whether everything stays loaded, and pictures are decoded whole.
    pub fn is_plain(&self) -> bool {
        self.fits && self.lent.is_empty() && self.tile.is_none()
    }

    /// Explains the plan in sentences for a tooltip; empty if there is nothing to explain.
    pub fn details(&self) -> Vec<String> {
        let mut details = Vec::new();
        if let Some((tensor, max)) = self.tensor {
            details.push(format!(
                "One buffer of this GPU holds {}, and {} are needed",
                gigabytes(max),
                gigabytes(tensor)
            ));
        }
        if self.fits && !self.lent.is_empty() {
            let names: Vec<&str> = self.lent.iter().map(|id| id.name()).collect();
            details.push(format!("Loaded only while needed, for every picture anew: {}", names.join(", ")));
        }
        if let Some(tile) = self.tile.filter(|_| self.fits) {
            details.push(format!("Pictures are decoded in tiles of {tile} x {tile} latents, whose seams are blended"));
        }
        if self.budget_bytes.is_none() {
            details.push("How much memory this GPU has isn't known: a limit can be set in the settings".to_owned());
        }
        details
    }

    /// Halves the side of the tiles, or that of the picture if it is decoded whole, as far as there are tiles so small. `factor`:
    /// pixels a latent.
    pub(super) fn shrink_tiles(&mut self, factor: usize) {
        let side = self.tile.unwrap_or(self.size.0.max(self.size.1) / factor);
        self.tile = TILES.into_iter().find(|tile| 2 * tile <= side).or(self.tile);
    }

    /// Makes sure that it can be done.
    ///
    /// # Errors
    /// It can't: the message says what there is, and what would fit.
    pub(super) fn check(&self) -> Result<()> {
        if self.fits {
            return Ok(());
        }
        let (width, height) = self.size;
        let (needed, there, what) = match self.tensor {
            Some((tensor, max)) => (tensor, max, "one buffer of this GPU"),
            None => (self.peak_bytes, self.budget_bytes.unwrap_or(0), "the memory for it"),
        };
        let [needed, there] = [needed, there].map(gigabytes);
        let advice = match &self.instead[..] {
            [] => "Choose a smaller size".to_owned(),
            instead => format!("Choose {}, or another smaller size", instead.join(" or ")),
        };
        let message =
            format!("A picture of {width} x {height} is too large: it takes about {needed}, and {what} holds {there}");
        Err(Error::new(message).advise(advice))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.fits && !self.instead.is_empty() {
            return write!(f, "Won't fit: choose {}", self.instead.join(" or "));
        }
        f.write_str(match (self.fits, self.lent.is_empty(), self.tile.is_some()) {
            (false, ..) => "Won't fit",
            (_, true, false) => "Fits",
            (_, true, true) => "Will decode in tiles",
            (_, false, false) => "Fits in parts",
            (_, false, true) => "Fits in parts, will decode in tiles",
        })?;
        match self.budget_bytes {
            Some(budget) => write!(f, ": {:.1} of {}", tenths(self.peak_bytes), gigabytes(budget)),
            None => write!(f, ", as far as is known: {}", gigabytes(self.peak_bytes)),
        }
    }
}

/// Bytes as people say them.
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", tenths(bytes))
}

/// Gigabytes to be shown with one decimal: nothing that is there is shown as 0.0.
fn tenths(bytes: u64) -> f64 {
    let gigabytes = bytes as f64 / 1e9;
    if bytes > 0 { gigabytes.max(0.1) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use burn::tensor::DType;

    use super::*;
    use crate::base::device::{Capacity, Memory};
    use crate::families::{NetworkCost, StageComponents};

    /// Stable Diffusion 1.5.
    fn footprint(dtype: DType) -> Footprint {
        let parameters = [
            (ComponentId::UNET, 859_520_964),
            (ComponentId::VAE, 83_653_863),
            (ComponentId::TEXT_ENCODER, 123_060_480),
            (ComponentId::SAFETY_CHECKER, 303_981_588),
        ];
        Footprint {
            parameters: parameters.into(),
            capacity: Capacity { dtype, max_tensor_bytes: None, memory: Memory::Main, has_f16: true },
            stages: StageComponents {
                encode: vec![ComponentId::TEXT_ENCODER],
                denoise: vec![ComponentId::UNET],
                code: vec![ComponentId::VAE],
                depth: Vec::new(),
                safety: vec![ComponentId::SAFETY_CHECKER],
            },
            denoiser: NetworkCost { widest: 320 * 8, alive: 320 * 40, convolved: 320 * 3 },
            codec: NetworkCost { widest: 256, alive: 256 * 4, convolved: 256 },
            depth: 0,
            channels: 4,
            factor: 8,
            size: (512, 512),
            size_multiple: 8,
            looks_decode: false,
            asks_twice: true,
        }
    }

    fn wish(side: usize) -> Wish {
        Wish { width: side, height: side, ..Wish::usual(&footprint(DType::F32)) }
    }

    #[test]
    fn a_plan_says_whether_it_fits_up_to_the_last_byte() {
        let model = footprint(DType::F32);
        let plan = |budget| model.plan(&wish(512), Some(budget));
        let most = model.plan(&wish(512), None).peak_bytes;
        assert_eq!(plan(8_000_000_000).to_string(), "Fits: 5.4 of 8.0 GB");
        assert!(plan(most).is_plain() && !plan(most - 1).is_plain());
        let parts = plan(most - 1);
        assert_eq!(
            (parts.to_string(), &parts.lent[..]),
            ("Fits in parts: 4.9 of 5.4 GB".into(), &[ComponentId::TEXT_ENCODER][..])
        );
        assert!(parts.details()[0].ends_with("text_encoder"), "{:?}", parts.details());
        let least = plan(3_900_000_000);
        assert_eq!((least.fits, least.kept.contains(&ComponentId::UNET)), (true, false), "{least}");
        assert_eq!(plan(3_600_000_000).to_string(), "Won't fit: choose 256 x 256 or f16");
        assert_eq!(plan(2_500_000_000).to_string(), "Won't fit: choose f16");
        assert_eq!(plan(500_000_000).to_string(), "Won't fit: 3.9 of 0.5 GB");
        assert!(plan(500_000_000).check().is_err());
    }

    #[test]
    fn a_decode_is_done_in_tiles_where_it_would_not_fit_alone() {
        let model = footprint(DType::F32);
        let plan = model.plan(&Wish { is_guided: false, ..wish(1024) }, Some(4_500_000_000));
        assert_eq!(
            (plan.to_string(), plan.tile),
            ("Fits in parts, will decode in tiles: 4.3 of 4.5 GB".into(), Some(96))
        );
        let capacity = Capacity { max_tensor_bytes: Some(1 << 27), memory: Memory::Own(None), ..model.capacity };
        let on_gpu = Footprint { capacity, ..model };
        let plan = on_gpu.plan(&wish(512), on_gpu.budget(0));
        assert_eq!(plan.to_string(), "Will decode in tiles, as far as is known: 4.7 GB");
        assert!(on_gpu.plan(&wish(360), None).is_plain(), "up to the largest buffer");
        let plan = on_gpu.plan(&wish(1024), None);
        assert_eq!(plan.to_string(), "Won't fit: choose 640 x 640");
        assert!(plan.check().is_err_and(|error| error.to_string().contains("one buffer of this GPU holds 0.1 GB")));
    }

    #[test]
    fn only_what_a_run_uses_is_counted() {
        let model = footprint(DType::F16);
        let peak = |checks_safety| model.plan(&Wish { checks_safety, ..wish(512) }, None).peak_bytes;
        assert_eq!(peak(true) - peak(false), 2 * 303_981_588);
        let side_by_side = Wish { side_by_side: true, ..wish(512) };
        let least = model.plan(&wish(512), Some(3_300_000_000));
        assert_eq!((least.fits, least.tile), (true, None), "{least}");
        assert!(model.plan(&side_by_side, Some(3_300_000_000)).tile.is_some(), "the unet stays for the others");
    }

    #[test]
    fn the_steps_that_are_kept_are_counted_up_to_what_is_kept_at_most() {
        let model = footprint(DType::F32);
        let peak = |side, kept_steps| model.plan(&Wish { kept_steps, ..wish(side) }, None).peak_bytes;
        // The samples and what the model expects of them, 4 channels of 64 x 64 in f32, fifty times.
        assert_eq!(peak(512, 50) - peak(512, 0), 2 * 4 * 4 * 64 * 64 * 50);
        assert_eq!(peak(2048, 1000) - peak(2048, 0), 256 << 20);
    }

    #[test]
    fn the_patches_of_convolutions_are_counted_where_they_are_written_out() {
        let whole = |dtype| footprint(dtype).coding(64, 64);
        let tensor = 512 * 512 * 256;
        // In f16 nine shifted copies, the matrix of them and the padded input; in f32 a strip of them.
        assert_eq!(whole(DType::F16), (9 * 2 * tensor, (4 + 19) * 2 * tensor));
        let (widest, alive) = whole(DType::F32);
        assert_eq!(widest, 4 * tensor);
        assert!(alive > 4 * 4 * tensor && alive < 5 * 4 * tensor, "{alive}");
        // A GPU has the input once more at most.
        let model = footprint(DType::F16);
        let capacity = Capacity { max_tensor_bytes: Some(1 << 32), ..model.capacity };
        assert_eq!(Footprint { capacity, ..model }.coding(64, 64), (2 * tensor, (4 + 1) * 2 * tensor));
    }

    #[test]
    fn as_many_pictures_as_nobody_can_draw_do_not_fit() {
        let model = footprint(DType::F32);
        let plan = model.plan(&Wish { pictures: usize::MAX, ..wish(512) }, Some(8_000_000_000));
        assert_eq!((plan.fits, plan.peak_bytes), (false, u64::MAX), "{plan}");
    }
}
