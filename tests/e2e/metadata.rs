//! Pictures of other apps, dropped on ours: `tests/golden/metadata` holds one of each kind, made after their formats.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use burnisher::schedulers::SchedulerKind;
use burnisher::storage::recipe::import::{Imported, Source, import};
use burnisher::storage::recipe::metadata;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metadata").join(name)
}

/// What a picture says, without its notes, and these.
fn read(name: &str) -> (Imported, Vec<String>) {
    let mut imported = import(&fixture(name)).expect("settings");
    let notes = std::mem::take(&mut imported.notes);
    (imported, notes)
}

/// Settings of every picture here: one without a recipe and without guidance rescale.
fn settings(source: Source, prompts: (&str, &str), sampler: (&str, Option<&str>)) -> Imported {
    Imported {
        source,
        recipe: None,
        prompt: Some(prompts.0.into()),
        negative_prompt: Some(prompts.1.into()),
        scheduler: sampler.1.map(|name| SchedulerKind::from_name(name).expect("a sampler")),
        sampler: Some(sampler.0.into()),
        steps: Some(20),
        guidance_scale: Some(7.0),
        guidance_rescale: None,
        seed: Some(42),
        width: Some(512),
        height: Some(512),
        model: None,
        notes: Vec::new(),
    }
}

/// Each note says one of these, and each of these is said.
fn assert_notes(notes: &[String], words: &[&str]) {
    let said = words.iter().all(|word| notes.iter().any(|note| note.contains(word)));
    assert!(said && notes.len() == words.len(), "{notes:#?} are not {words:?}");
}

#[test]
fn automatic1111_of_today() {
    let (imported, notes) = read("a1111.png");
    let prompts = ("a red fox in the snow, <lora:fur_detail:0.8>\nphoto, 35mm", "blurry, (ugly:1.3)\nlow quality");
    let expected = Imported {
        steps: Some(25),
        guidance_scale: Some(6.5),
        seed: Some(4_294_967_295),
        height: Some(768),
        model: Some("v1-5-pruned-emaonly".into()),
        ..settings(Source::Automatic1111, prompts, ("DPM++ 2M Karras", Some("dpm++2m-karras")))
    };
    assert_eq!(imported, expected);
    let words = [
        "came from a GPU",
        "Clip skip 2",
        "hires fix",
        "autoencoders",
        "LoRAs can't be applied here: fur_detail",
        "weight",
    ];
    assert_notes(&notes, &words);
}

#[test]
fn automatic1111_of_2022_in_unicode() {
    let (imported, notes) = read("a1111_old.png");
    let expected = Imported {
        model: Some("hash 81761151".into()),
        ..settings(Source::Automatic1111, ("雪の中の狐", "ぼやけた"), ("DPM++ 2M Karras", Some("dpm++2m-karras")))
    };
    assert_eq!(imported, expected);
    assert_notes(&notes, &["came from a GPU"]);
}

#[test]
fn automatic1111_in_jpeg_and_webp_of_every_byte_order() {
    for name in ["a1111.jpg", "a1111.webp", "a1111_ascii.jpg"] {
        let (imported, notes) = read(name);
        let expected = Imported {
            seed: Some(1),
            model: Some("m".into()),
            ..settings(Source::Automatic1111, ("a hen", ""), ("Euler a", Some("euler-a")))
        };
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &[]);
    }
}

#[test]
fn stable_diffusion_cpp() {
    let (imported, notes) = read("sdcpp.png");
    let expected = Imported {
        model: Some("sd-v1-4.ckpt".into()),
        ..settings(Source::Automatic1111, ("a cat", "dog"), ("euler_a", Some("euler-a")))
    };
    assert_eq!(imported, expected);
    assert_notes(&notes, &["came from a GPU"]);
}

#[test]
fn comfyui_in_png_and_webp() {
    for name in ["comfyui.png", "comfyui.webp"] {
        let (imported, notes) = read(name);
        let prompts = ("beautiful scenery, galaxy in a bottle", "text, watermark");
        let expected = Imported {
            guidance_scale: Some(8.0),
            seed: Some(156_680_208_700_286),
            height: Some(640),
            model: Some("v1-5-pruned-emaonly.safetensors".into()),
            ..settings(Source::ComfyUi, prompts, ("dpmpp_2m karras", Some("dpm++2m-karras")))
        };
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &["LoRAs can't be applied here: fur.safetensors"]);
    }
}

#[test]
fn invokeai() {
    let (imported, notes) = read("invokeai.png");
    let expected = Imported {
        steps: Some(30),
        guidance_scale: Some(7.5),
        guidance_rescale: Some(0.5),
        seed: Some(1_841_397_158),
        model: Some("stable-diffusion-v1-5".into()),
        ..settings(Source::InvokeAi, ("a watercolour fox", "photo"), ("dpmpp_2m_k", Some("dpm++2m-karras")))
    };
    assert_eq!(imported, expected);
    assert_notes(&notes, &["LoRAs can't be applied here: watercolour"]);
}

#[test]
fn draw_things_in_xmp_in_texts_and_in_jpeg() {
    for name in ["draw_things.png", "draw_things_texts.png", "draw_things.jpg"] {
        let (imported, notes) = read(name);
        let prompts = ("a fox <in> \"snow\" & ice é", "blurry");
        let expected = Imported {
            guidance_scale: Some(7.5),
            seed: Some(3_403_502_843),
            height: Some(768),
            model: Some("sd_v1.5_f16.ckpt".into()),
            ..settings(Source::DrawThings, prompts, ("DPM++ 2M Karras", Some("dpm++2m-karras")))
        };
        assert_eq!(imported, expected, "{name}");
        let loras = "LoRAs can't be applied here: fur_lora_f16.ckpt";
        let words = if name == "draw_things_texts.png" { vec![loras] } else { vec!["other noise", loras] };
        assert_notes(&notes, &words);
    }
}

#[test]
fn fooocus_in_its_own_scheme() {
    for name in ["fooocus.png", "fooocus.jpg"] {
        let (imported, notes) = read(name);
        let sampler = ("dpmpp_2m_sde_gpu karras", Some("dpm++2m-sde-karras"));
        let expected = Imported {
            steps: Some(30),
            guidance_scale: Some(4.0),
            seed: Some(1_234_567_890_123_456_789),
            width: Some(1152),
            height: Some(896),
            model: Some("juggernautXL_v8Rundiffusion".into()),
            ..settings(Source::Fooocus, ("a fox", "blurry"), sampler)
        };
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &["Styles", "LoRAs can't be applied here: sd_xl_offset_example-lora_1.0", "sharpness"]);
    }
}

#[test]
fn fooocus_in_automatic1111s_scheme() {
    let (imported, notes) = read("fooocus_a1111.png");
    let sampler = ("DPM++ 2M SDE Karras", Some("dpm++2m-sde-karras"));
    let expected = Imported {
        steps: Some(30),
        guidance_scale: Some(4.0),
        seed: Some(7),
        width: Some(1152),
        height: Some(896),
        model: Some("juggernautXL_v8Rundiffusion".into()),
        ..settings(Source::Fooocus, ("a fox\nin two lines", "blurry"), sampler)
    };
    assert_eq!(imported, expected);
    assert_notes(&notes, &[]);
}

#[test]
fn novelai_in_png_and_webp() {
    for name in ["novelai.png", "novelai.webp"] {
        let (imported, notes) = read(name);
        let sampler = ("k_dpmpp_2m karras", Some("dpm++2m-karras"));
        let expected = Imported {
            steps: Some(28),
            guidance_scale: Some(5.0),
            guidance_rescale: Some(0.2),
            seed: Some(3_816_166_865),
            width: Some(832),
            height: Some(1216),
            model: Some("NovelAI Diffusion V4 37442FCA".into()),
            ..settings(Source::NovelAi, ("1girl, {silver hair}", "lowres"), sampler)
        };
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &["came from a GPU", "single characters", "weight"]);
    }
}

/// Cut off anywhere, or with any byte changed, a picture ends in settings or in an error for people.
#[test]
fn broken_copies_of_every_picture_end_in_a_clear_result() {
    let folder = fs::read_dir(fixture("")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let pictures: Vec<PathBuf> = folder.filter(|path| path.extension().is_some_and(|it| it != "py")).collect();
    assert!(pictures.len() > 15);
    for path in pictures {
        let whole = fs::read(&path).expect("a file");
        let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
        let changed = (0..whole.len()).map(|at| {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            changed
        });
        for file in cut.chain(changed) {
            if let Err(error) = metadata::read(Cursor::new(file)) {
                let text = error.to_string();
                assert!(text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.len() < 500, "{text}");
            }
        }
    }
}
