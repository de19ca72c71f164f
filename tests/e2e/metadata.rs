//! Pictures of other apps, dropped on ours: `tests/golden/metadata` holds one of each kind, made after their formats.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use burnisher::content::request::{Field, Patch, Request, Size};
use burnisher::schedulers::SchedulerKind;
use burnisher::storage::recipe::import::{Imported, SourceApp, import};
use burnisher::storage::recipe::local_files::LocalFiles;
use burnisher::storage::recipe::metadata;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metadata").join(name)
}

/// What a picture says, without its notes, and these.
fn read(name: &str) -> (Imported, Vec<String>) {
    let mut imported = import(&fixture(name), &LocalFiles::default()).expect("settings");
    let notes = std::mem::take(&mut imported.notes);
    (imported, notes)
}

/// Settings of every picture here: one without a recipe and without guidance rescale.
fn settings(source: SourceApp, prompts: (&str, &str), sampler: (&str, Option<&str>)) -> Imported {
    let scheduler = sampler.1.map(|name| SchedulerKind::from_name(name).expect("a sampler"));
    let patch = Patch::default()
        .with(Field::Prompt, |request| request.prompts.prompt = prompts.0.into())
        .with(Field::NegativePrompt, |request| request.prompts.negative_prompt = prompts.1.into())
        .with(Field::Scheduler, |request| request.sampling.scheduler = scheduler)
        .with(Field::Steps, |request| request.sampling.steps = 20)
        .with(Field::GuidanceScale, |request| request.guidance.scale = 7.0)
        .with(Field::Seed, |request| request.seeds.first = 42)
        .with(Field::Size, |request| request.size = Size::new(512, 512));
    Imported { source, patch, sampler: Some(sampler.0.into()), model: None, model_hash: None, notes: Vec::new() }
}

/// The same settings with these values and this model.
fn with(mut imported: Imported, model: &str, values: impl FnOnce(&mut Request)) -> Imported {
    values(&mut imported.patch.request);
    Imported { model: Some(model.into()), ..imported }
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
    let expected = with(
        settings(SourceApp::AUTOMATIC1111, prompts, ("DPM++ 2M Karras", Some("dpm++2m-karras"))),
        "v1-5-pruned-emaonly",
        |request| {
            request.sampling.steps = 25;
            request.guidance.scale = 6.5;
            request.seeds.first = 4_294_967_295;
            request.size.height = 768;
        },
    );
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
    let expected = with(
        settings(SourceApp::AUTOMATIC1111, ("雪の中の狐", "ぼやけた"), ("DPM++ 2M Karras", Some("dpm++2m-karras"))),
        "hash 81761151",
        |_| {},
    );
    assert_eq!(imported, expected);
    assert_notes(&notes, &["came from a GPU"]);
}

#[test]
fn automatic1111_in_jpeg_and_webp_of_every_byte_order_and_where_converters_move_it() {
    let moved = ["a1111_comment.jpg", "a1111_windows.jpg", "a1111_description.jpg"];
    for name in ["a1111.jpg", "a1111.webp", "a1111_ascii.jpg"].into_iter().chain(moved) {
        let (imported, notes) = read(name);
        let expected =
            with(settings(SourceApp::AUTOMATIC1111, ("a hen", ""), ("Euler a", Some("euler-a"))), "m", |request| {
                request.seeds.first = 1;
            });
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &[]);
    }
}

#[test]
fn stable_diffusion_cpp() {
    let (imported, notes) = read("sdcpp.png");
    let expected = with(
        settings(SourceApp::AUTOMATIC1111, ("a cat", "dog"), ("euler_a", Some("euler-a"))),
        "sd-v1-4.ckpt",
        |_| {},
    );
    assert_eq!(imported, expected);
    assert_notes(&notes, &["came from a GPU"]);
}

#[test]
fn comfyui_in_png_and_webp_and_as_its_editor_keeps_it() {
    for name in ["comfyui.png", "comfyui.webp", "comfyui_workflow.png"] {
        let (imported, notes) = read(name);
        let prompts = ("beautiful scenery, galaxy in a bottle", "text, watermark");
        let expected = with(
            settings(SourceApp::COMFY_UI, prompts, ("dpmpp_2m karras", Some("dpm++2m-karras"))),
            "v1-5-pruned-emaonly.safetensors",
            |request| {
                request.guidance.scale = 8.0;
                request.seeds.first = 156_680_208_700_286;
                request.size.height = 640;
            },
        );
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &["LoRAs can't be applied here: fur.safetensors"]);
    }
}

#[test]
fn invokeai() {
    let (imported, notes) = read("invokeai.png");
    let expected = {
        let mut expected = with(
            settings(SourceApp::INVOKE_AI, ("a watercolour fox", "photo"), ("dpmpp_2m_k", Some("dpm++2m-karras"))),
            "stable-diffusion-v1-5",
            |request| {
                request.sampling.steps = 30;
                request.guidance.scale = 7.5;
                request.guidance.rescale = 0.5;
                request.seeds.first = 1_841_397_158;
            },
        );
        expected.patch.has.insert(Field::GuidanceRescale);
        expected
    };
    assert_eq!(imported, expected);
    assert_notes(&notes, &["LoRAs can't be applied here: watercolour"]);
}

#[test]
fn draw_things_in_xmp_in_texts_and_in_jpeg() {
    for name in ["draw_things.png", "draw_things_texts.png", "draw_things.jpg"] {
        let (imported, notes) = read(name);
        let prompts = ("a fox <in> \"snow\" & ice é", "blurry");
        let expected = with(
            settings(SourceApp::DRAW_THINGS, prompts, ("DPM++ 2M Karras", Some("dpm++2m-karras"))),
            "sd_v1.5_f16.ckpt",
            |request| {
                request.guidance.scale = 7.5;
                request.seeds.first = 3_403_502_843;
                request.size.height = 768;
            },
        );
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
        let expected = with(
            settings(SourceApp::FOOOCUS, ("a fox", "blurry"), sampler),
            "juggernautXL_v8Rundiffusion",
            |request| {
                request.sampling.steps = 30;
                request.guidance.scale = 4.0;
                request.seeds.first = 1_234_567_890_123_456_789;
                request.size.width = 1152;
                request.size.height = 896;
            },
        );
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &["Styles", "LoRAs can't be applied here: sd_xl_offset_example-lora_1.0", "sharpness"]);
    }
}

#[test]
fn fooocus_in_automatic1111s_scheme() {
    let (imported, notes) = read("fooocus_a1111.png");
    let sampler = ("DPM++ 2M SDE Karras", Some("dpm++2m-sde-karras"));
    let expected = with(
        settings(SourceApp::FOOOCUS, ("a fox\nin two lines", "blurry"), sampler),
        "juggernautXL_v8Rundiffusion",
        |request| {
            request.sampling.steps = 30;
            request.guidance.scale = 4.0;
            request.seeds.first = 7;
            request.size.width = 1152;
            request.size.height = 896;
        },
    );
    assert_eq!(imported, expected);
    assert_notes(&notes, &[]);
}

#[test]
fn novelai_in_png_and_webp() {
    for name in ["novelai.png", "novelai.webp"] {
        let (imported, notes) = read(name);
        let sampler = ("k_dpmpp_2m karras", Some("dpm++2m-karras"));
        let expected = {
            let mut expected = with(
                settings(SourceApp::NOVEL_AI, ("1girl, {silver hair}", "lowres"), sampler),
                "NovelAI Diffusion V4 37442FCA",
                |request| {
                    request.sampling.steps = 28;
                    request.guidance.scale = 5.0;
                    request.guidance.rescale = 0.2;
                    request.seeds.first = 3_816_166_865;
                    request.size.width = 832;
                    request.size.height = 1216;
                },
            );
            expected.patch.has.insert(Field::GuidanceRescale);
            expected
        };
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &["came from a GPU", "single characters", "weight"]);
    }
}

#[test]
fn swarmui_in_png_and_jpeg() {
    for name in ["swarmui.png", "swarmui.jpg"] {
        let (imported, notes) = read(name);
        let prompts = ("a fox in the snow", "blurry");
        let expected = with(
            settings(SourceApp::SWARM_UI, prompts, ("euler karras", Some("euler-karras"))),
            "OfficialStableDiffusion/v1-5",
            |request| {
                request.sampling.steps = 25;
                request.guidance.scale = 6.5;
                request.seeds.first = 7;
                request.size.height = 768;
            },
        );
        assert_eq!(imported, expected, "{name}");
        assert_notes(&notes, &["LoRAs can't be applied here: fur"]);
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
