//! The names that apps give to samplers, and which of ours they mean.
//!
//! A name may hold the noise schedule ("DPM++ 2M Karras", `dpmpp_2m_k`), or the file names it apart. Names are those of
//! AUTOMATIC1111, old and new; k-diffusion and ComfyUI; InvokeAI; Diffusers' classes; NovelAI; Draw Things;
//! stable-diffusion.cpp.

use crate::schedulers::SchedulerKind;

use super::values::shorten;

/// What became of a sampler's name.
pub(super) struct FoundSampler {
    /// Ours, if we have it.
    pub(super) kind: Option<SchedulerKind>,
    /// The sampler with its schedule, as the file names them.
    pub(super) written: String,
    /// What is different here.
    pub(super) note: Option<String>,
}

/// How the noise falls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schedule {
    /// The web UI's `Automatic`: which one depends on the sampler.
    Automatic,
    /// The model's own.
    Own,
    Karras,
    /// Evenly from the first timestep to the last: k-diffusion's usual one.
    Linspace,
    Trailing,
    /// One that we don't have.
    Other,
}

/// Schedules by their squeezed names.
const SCHEDULES: [(&str, Schedule); 22] = [
    ("automatic", Schedule::Automatic),
    ("", Schedule::Own),
    ("native", Schedule::Own),
    ("discrete", Schedule::Own),
    ("default", Schedule::Own),
    ("ddim", Schedule::Own),
    ("ddimuniform", Schedule::Own),
    ("karras", Schedule::Karras),
    ("uniform", Schedule::Linspace),
    ("normal", Schedule::Linspace),
    ("linspace", Schedule::Linspace),
    ("sgmuniform", Schedule::Trailing),
    ("simple", Schedule::Trailing),
    ("trailing", Schedule::Trailing),
    ("exponential", Schedule::Other),
    ("polyexponential", Schedule::Other),
    ("beta", Schedule::Other),
    ("ays", Schedule::Other),
    ("alignyoursteps", Schedule::Other),
    ("substep", Schedule::Other),
    ("kloptimal", Schedule::Other),
    ("turbo", Schedule::Other),
];

/// Samplers by their squeezed names, where these aren't our own labels or short names.
#[rustfmt::skip]
const ALIASES: [(&str, &str); 27] = [
    ("eulerdiscrete", "euler"),
    ("eulerancestral", "euler-a"),
    ("eulerancestraldiscrete", "euler-a"),
    ("heundiscrete", "heun"),
    ("lmsdiscrete", "lms"),
    ("kdpm2", "dpm2"),
    ("kdpm2discrete", "dpm2"),
    ("dpm2ancestral", "dpm2-a"),
    ("kdpm2a", "dpm2-a"),
    ("kdpm2ancestral", "dpm2-a"),
    ("kdpm2ancestraldiscrete", "dpm2-a"),
    ("dpmsolvermultistep", "dpm++2m"),
    ("dpmsolver++", "dpm++2m"),
    ("dpm++2msdegpu", "dpm++2m-sde"),
    ("dpm++2mv2", "dpm++2m"),
    ("dpmsolversinglestep", "dpm++2s"),
    ("dpmsolversde", "dpm++sde"),
    ("dpm++sdegpu", "dpm++sde"),
    ("edmdpmsolvermultistep", "edm-dpm++2m"),
    ("flowmatcheulerdiscrete", "flow-euler"),
    ("unipcbh1", "unipc"),
    ("unipcbh2", "unipc"),
    ("unipcmultistep", "unipc"),
    ("unipcsnr", "unipc"),
    ("deismultistep", "deis"),
    ("ddimv3", "ddim"),
    ("originalddim", "ddim"),
];

/// Samplers whose `Automatic` schedule is Karras in the web UI (`sd_samplers_kdiffusion.py`).
const AUTOMATIC_KARRAS: [&str; 4] = ["dpm++2m", "dpm++sde", "dpm2", "dpm2-a"];

/// Samplers whose `Automatic` schedule is exponential there.
const AUTOMATIC_EXPONENTIAL: [&str; 1] = ["dpm++2m-sde"];

/// Finds the sampler of this name, with the schedule if the file names it apart.
pub(super) fn find(sampler: &str, schedule: Option<&str>) -> FoundSampler {
    let (base, own_schedule) = split(&squeeze(sampler));
    let apart = schedule.map(|text| (text, named_schedule(&squeeze(text)).unwrap_or(Schedule::Other)));
    // "Automatic" says less than the sampler's name may say.
    let apart = apart.filter(|(_, schedule)| *schedule != Schedule::Automatic || own_schedule.is_none());
    let written = match apart {
        Some((text, schedule)) if schedule != Schedule::Automatic && own_schedule != Some(schedule) => {
            format!("{sampler} {text}")
        }
        _ => sampler.to_owned(),
    };
    let Some(kind) = named_sampler(&base) else {
        let note = format!("The sampler isn't available here: {}", shorten(&written));
        return FoundSampler { kind: None, written, note: Some(note) };
    };
    let wanted = apart.map(|(_, schedule)| schedule).or(own_schedule).unwrap_or(Schedule::Own);
    let wanted = if wanted == Schedule::Automatic { automatic(kind) } else { wanted };
    let suffix = match wanted {
        Schedule::Karras => "-karras",
        Schedule::Linspace => "-linspace",
        Schedule::Trailing => "-trailing",
        Schedule::Own | Schedule::Automatic | Schedule::Other => "",
    };
    let with_schedule =
        Some(suffix).filter(|suffix| !suffix.is_empty()).and_then(|suffix| named(&format!("{}{suffix}", kind.name())));
    // The model's own spacing is the even one, more or less, for samplers that have no choice of it.
    let is_kept = with_schedule.is_some() || matches!(wanted, Schedule::Own | Schedule::Linspace);
    let note = (!is_kept).then(|| {
        format!("{} has another noise schedule here, so the picture will differ: {}", kind.label(), shorten(&written))
    });
    FoundSampler { kind: Some(with_schedule.unwrap_or(kind)), written, note }
}

/// What `Automatic` means for a sampler.
fn automatic(kind: SchedulerKind) -> Schedule {
    if AUTOMATIC_KARRAS.contains(&kind.name()) {
        Schedule::Karras
    } else if AUTOMATIC_EXPONENTIAL.contains(&kind.name()) {
        Schedule::Other
    } else {
        Schedule::Own
    }
}

/// A sampler's squeezed name without the schedule, and that schedule.
fn split(name: &str) -> (String, Option<Schedule>) {
    // InvokeAI's `_k`.
    let named = SCHEDULES.into_iter().chain([("k", Schedule::Karras)]).filter(|(end, _)| !end.is_empty());
    let mut ends = named.filter_map(|(end, schedule)| Some((name.strip_suffix(end)?, schedule)));
    let known = ends.find(|(base, _)| named_sampler(base).is_some());
    known.map_or((name.to_owned(), None), |(base, schedule)| (base.to_owned(), Some(schedule)))
}

/// Small letters, digits and pluses, as every app agrees on them.
fn squeeze(name: &str) -> String {
    let name = name.trim().to_lowercase();
    // k-diffusion's prefix and Diffusers' ending.
    let name = name.strip_prefix("k_").unwrap_or(&name);
    let name = name.strip_suffix("scheduler").unwrap_or(name);
    let kept: String = name.chars().filter(|c| c.is_alphanumeric() || *c == '+').collect();
    kept.replace("dpmpp", "dpm++")
}

fn named_schedule(name: &str) -> Option<Schedule> {
    SCHEDULES.into_iter().find_map(|(known, schedule)| (known == name).then_some(schedule))
}

/// The sampler of a squeezed name.
fn named_sampler(name: &str) -> Option<SchedulerKind> {
    let alias = ALIASES.iter().find_map(|(known, ours)| (*known == name).then_some(*ours));
    let ours = || SchedulerKind::ALL.iter().copied().find(|kind| squeeze(kind.label()) == name);
    alias.and_then(self::named).or_else(ours)
}

/// The sampler of this short name.
fn named(name: &str) -> Option<SchedulerKind> {
    SchedulerKind::ALL.iter().copied().find(|kind| kind.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(sampler: &str, schedule: Option<&str>) -> Option<&'static str> {
        find(sampler, schedule).kind.map(SchedulerKind::name)
    }

    #[test]
    #[rustfmt::skip]
    fn every_apps_names_are_understood() {
        for (sampler, schedule, ours) in [
            // AUTOMATIC1111, old and new
            ("Euler a", None, "euler-a"), ("DPM++ 2M Karras", None, "dpm++2m-karras"), ("DPM2 a Karras", None, "dpm2-a-karras"),
            ("DPM++ 2M", Some("Automatic"), "dpm++2m-karras"), ("DPM++ SDE", Some("Automatic"), "dpm++sde-karras"), ("DPM++ 2M", Some("Karras"), "dpm++2m-karras"),
            ("DPM++ 2M", Some("Uniform"), "dpm++2m"), ("Euler", Some("SGM Uniform"), "euler-trailing"), ("LMS", Some("Automatic"), "lms"),
            ("DPM++ 2M Karras", Some("Automatic"), "dpm++2m-karras"), ("DPM++ 2M SDE Karras", None, "dpm++2m-sde-karras"),
            ("UniPC", None, "unipc"), ("PLMS", None, "plms"), ("DDIM", Some("DDIM"), "ddim"),
            // ComfyUI
            ("euler", Some("normal"), "euler-linspace"), ("euler_ancestral", Some("normal"), "euler-a"), ("dpm_2", Some("karras"), "dpm2-karras"),
            ("dpmpp_2m", Some("karras"), "dpm++2m-karras"),
            ("dpmpp_2m_sde_gpu", Some("karras"), "dpm++2m-sde-karras"), ("dpmpp_sde", Some("karras"), "dpm++sde-karras"), ("dpmpp_sde_gpu", Some("normal"), "dpm++sde"), ("sa_solver", Some("normal"), "sasolver"), ("uni_pc", Some("normal"), "unipc"), ("uni_pc_bh2", Some("normal"), "unipc"),
            ("euler", Some("simple"), "euler-trailing"), ("ddim", Some("ddim_uniform"), "ddim"),
            // InvokeAI
            ("euler_k", None, "euler-karras"), ("dpmpp_2m_k", None, "dpm++2m-karras"), ("dpmpp_2m_sde_k", None, "dpm++2m-sde-karras"),
            ("kdpm_2", None, "dpm2"), ("kdpm_2_a", None, "dpm2-a"), ("kdpm_2_a_k", None, "dpm2-a-karras"), ("dpmpp_3m", None, "dpm++3m"), ("dpmpp_2s", None, "dpm++2s"), ("dpmpp_2s_k", None, "dpm++2s-karras"),
            ("pndm", None, "pndm"), ("k_lms", None, "lms"), ("unipc_k", None, "unipc-karras"), ("lms_k", None, "lms-karras"),
            // Diffusers
            ("EulerAncestralDiscreteScheduler", None, "euler-a"), ("DPMSolverMultistepScheduler", None, "dpm++2m"), ("LCMScheduler", None, "lcm"),
            ("KDPM2AncestralDiscreteScheduler", None, "dpm2-a"), ("UniPCMultistepScheduler", None, "unipc"), ("DPMSolverSDEScheduler", None, "dpm++sde"), ("SASolverScheduler", None, "sasolver"), ("FlowMatchEulerDiscreteScheduler", None, "flow-euler"), ("DPMSolverSinglestepScheduler", None, "dpm++2s"), ("TCDScheduler", None, "tcd"), ("PNDMScheduler", None, "pndm"),
            // NovelAI
            ("k_euler", Some("native"), "euler"), ("k_euler_ancestral", Some("native"), "euler-a"), ("k_dpmpp_2m", Some("karras"), "dpm++2m-karras"),
            ("ddim_v3", None, "ddim"), ("k_dpm_2_ancestral", Some("karras"), "dpm2-a-karras"),
            // Draw Things
            ("Euler A Trailing", None, "euler-a"), ("UniPC Trailing", None, "unipc"), ("TCD", None, "tcd"), ("DDIM Trailing", None, "ddim"), ("Euler Ancestral", None, "euler-a"),
            // stable-diffusion.cpp
            ("euler_a karras", None, "euler-a"), ("dpm++2m discrete", None, "dpm++2m"), ("dpm++2m karras", None, "dpm++2m-karras"),
        ] {
            assert_eq!(name(sampler, schedule), Some(ours), "{sampler} {schedule:?}");
        }
    }

    #[test]
    fn our_own_labels_mean_ourselves() {
        for kind in SchedulerKind::ALL {
            assert_eq!(find(kind.label(), None).kind, Some(*kind), "{}", kind.label());
            assert_eq!(find(kind.label(), None).note, None, "{}", kind.label());
        }
    }

    #[test]
    fn a_schedule_that_we_lack_leaves_the_sampler_and_a_note() {
        for (sampler, schedule) in [
            ("Euler a", Some("Karras")),
            ("dpmpp_2m", Some("exponential")),
            ("UniPC AYS", None),
            ("euler", Some("spiral")),
        ] {
            let found = find(sampler, schedule);
            let note = found.note.expect("it differs");
            assert!(found.kind.is_some() && note.contains("another noise schedule"), "{note}");
        }
        assert_eq!(find("dpmpp_2m", Some("karras")).written, "dpmpp_2m karras");
        assert_eq!(find("Euler", Some("Automatic")).written, "Euler");
        assert_eq!(find("Euler Karras", Some("karras")).written, "Euler Karras");
    }

    #[test]
    fn a_sampler_that_we_lack_is_none_and_a_note() {
        for sampler in [
            "DPM++ 2S a Karras",
            "dpmpp_2s_ancestral",
            "ipndm",
            "Restart",
            "DPM++ 3M SDE",
            "k",
            "karras",
            "🦊",
            "_",
            &"x".repeat(9999),
        ] {
            let found = find(sampler, None);
            assert_eq!(found.kind, None, "{sampler}");
            assert!(found.note.expect("it is said").len() < 300);
        }
    }
}
