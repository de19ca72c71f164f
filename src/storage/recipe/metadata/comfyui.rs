//! ComfyUI's metadata: the graph of nodes that was run, as JSON under `prompt`, or else as its editor keeps it (`workflow`).
//!
//! What counts is the node that sampled from noise first; its links are followed to the prompts, the model and the
//! size. Where no node is known to sample, the prompts are taken alone.
//!
//! Limits: prompts that nodes put together from parts are read as the first part; of several independent pictures in
//! one graph the first is read.

use super::graph::{Graph, Link, MOST_HOPS, Node};
use super::imported::{Imported, SourceApp};
use super::json::{self, Object};
use super::texts::{COMFYUI_PROMPT, COMFYUI_WORKFLOW, Texts};
use super::workflow;
use crate::base::error::{Error, Result};
use crate::content::request::Field;

/// Inputs of a conditioning node that hold its text.
const TEXTS: [&str; 6] = ["text", "text_g", "text_l", "t5xxl", "clip_l", "prompt"];

/// Inputs that lead from one conditioning node to the one before it.
const CONDITIONINGS: [&str; 4] = ["conditioning", "conditioning_1", "conditioning_to", "conditioning_from"];

/// Inputs of a sampler that lead to nodes with part of its settings (`SamplerCustom`, `SamplerCustomAdvanced`).
const PARTS: [&str; 4] = ["guider", "sigmas", "sampler", "noise"];

/// Inputs that hold a model's file.
const MODELS: [&str; 3] = ["ckpt_name", "unet_name", "model_name"];

/// The most LoRAs of a node that are read.
const MOST_LORAS: usize = 100;

impl SourceApp {
    /// ComfyUI.
    pub const COMFY_UI: Self = Self::new("ComfyUI");
}

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let is_graph = |nodes: &Object| nodes.values().any(|node| Node::of(node).is_some());
    let graph = texts.get(COMFYUI_PROMPT).and_then(json::object).filter(is_graph);
    let nodes = graph.or_else(|| workflow::nodes(texts.get(COMFYUI_WORKFLOW)?).filter(is_graph))?;
    let graph = Graph(&nodes);
    let samplers = graph.samplers();
    let Some(first) = graph.first_pass(&samplers) else {
        return Some(prompts_alone(graph));
    };
    let mut imported = imported(graph, first);
    if samplers.len() > 1 {
        imported.note(format!("It was drawn in {} passes, the first of which is read", samplers.len()));
    }
    imported.note_prompt_syntax();
    Some(Ok(imported))
}

/// What a graph says without a node that is known to sample.
fn prompts_alone(graph: Graph<'_>) -> Result<Imported> {
    let mut imported = match graph.with_both_prompts() {
        Some(node) => imported(graph, node),
        None => encoded_prompts(graph),
    };
    if !imported.patch.has.contains(Field::Prompt) {
        return Err(Error::new("ComfyUI's graph in this picture has no sampler that is known, and no prompt"));
    }
    imported.note("Its sampler isn't known, so its prompts may be all that can be read");
    imported.note_prompt_syntax();
    Ok(imported)
}

/// The first text of the graph, and the first that leads to an input for a negative prompt.
fn encoded_prompts(graph: Graph<'_>) -> Imported {
    let mut imported = Imported::new(SourceApp::COMFY_UI);
    let (negative, positive): (Vec<_>, Vec<_>) =
        graph.encoded_texts().into_iter().partition(|(_, is_negative)| *is_negative);
    if positive.len() > 1 {
        imported.note("Which of its texts was the prompt can't be told, the first of which is read");
    }
    imported.set_prompt(positive.into_iter().next().map(|(text, _)| text));
    imported.set_negative_prompt(negative.into_iter().next().map(|(text, _)| text));
    imported
}

/// Which of the two prompts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Polarity {
    Positive,
    Negative,
}

impl Polarity {
    fn input(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
        }
    }
}

/// What a sampler and the nodes before it say.
fn imported<'a>(graph: Graph<'a>, sampler: Node<'a>) -> Imported {
    let mut imported = Imported::new(SourceApp::COMFY_UI);
    let parts: Vec<Node<'a>> = PARTS.iter().filter_map(|part| graph.node(sampler.link(&[*part])?.id)).collect();
    let pipes = graph.with_pipes(sampler);
    let nodes = || std::iter::once(sampler).chain(parts.iter().copied()).chain(pipes.iter().copied().skip(1));
    let text = |key: &str| nodes().find_map(|node| graph.text(node, key));
    let number = |key: &str| nodes().find_map(|node| graph.number(node, key));
    let link = |keys: &[&str]| nodes().find_map(|node| node.link(keys));

    imported.set(Field::Steps, number("steps"));
    imported.set(Field::GuidanceScale, number("cfg"));
    imported.set(Field::Seed, number("seed").or_else(|| number("noise_seed")));
    // Nodes that make one schedule only are called after it: `KarrasScheduler`.
    let sigmas = sampler.link(&["sigmas"]).and_then(|link| graph.node(link.id)?.class.strip_suffix("Scheduler"));
    imported.set_sampler(text("sampler_name"), text("scheduler").as_deref().or(sigmas));
    // A node that hands on several things may hold the prompts as plain texts.
    let typed = |polarity: Polarity| (nodes().find_map(|node| node.scalar(&[polarity.input()])), None);
    let (prompt, clip) = link(&["positive", "conditioning"])
        .map_or_else(|| typed(Polarity::Positive), |link| self::prompt(graph, link, Polarity::Positive, &mut imported));
    if prompt.is_none() {
        imported.note("The prompt comes from nodes that can't be read");
    }
    imported.set_prompt(prompt);
    let (negative_prompt, _) = link(&["negative"])
        .map_or_else(|| typed(Polarity::Negative), |link| self::prompt(graph, link, Polarity::Negative, &mut imported));
    imported.set_negative_prompt(negative_prompt);
    let mut loras = follow_model(graph, link(&["model"]), clip, &mut imported);
    if imported.model.is_none() {
        imported.model = MODELS.iter().find_map(|key| text(key));
        loras.extend(nodes().flat_map(Node::loras));
    }
    if !loras.is_empty() {
        imported.note_unused("LoRAs", &loras);
    }
    let latent = link(&["latent_image", "latent", "samples"]);
    if latent.is_none() && sampler.link(&["image", "pixels"]).is_some() {
        imported.note_image_to_image(number("denoise"));
    } else if latent.is_none() {
        imported.set_size(number("empty_latent_width"), number("empty_latent_height"));
    }
    follow_latent(graph, latent, number("denoise"), &mut imported);
    imported
}

/// The text of a conditioning, and where its text encoder comes from.
fn prompt<'a>(
    graph: Graph<'a>,
    mut link: Link<'a>,
    mut polarity: Polarity,
    imported: &mut Imported,
) -> (Option<String>, Option<Link<'a>>) {
    for _ in 0..MOST_HOPS {
        let Some(node) = graph.node(link.id) else { break };
        if node.class == "ConditioningZeroOut" {
            return (Some(String::new()), None);
        }
        if let Some(text) = TEXTS.iter().find_map(|key| graph.text(node, key)) {
            return (Some(text), node.link(&["clip"]));
        }
        if CONDITIONINGS.iter().filter(|key| node.link(&[**key]).is_some()).count() > 1 {
            imported.note("Several prompts were joined, the first of which is read");
        }
        // A node that both prompts pass gives out the positive one first.
        let both = [Polarity::Positive, Polarity::Negative].map(Polarity::input);
        if both.iter().all(|input| node.link(&[*input]).is_some()) {
            polarity = if link.output == 0 { Polarity::Positive } else { Polarity::Negative };
            if node.class.contains("ControlNet") {
                imported.note_unused("ControlNets", &[]);
            }
        }
        if let Some(text) = node.scalar(&[polarity.input()]) {
            return (Some(text), None);
        }
        let next = node.link(&CONDITIONINGS).or_else(|| node.link(&[polarity.input()]));
        let Some(next) = next.or_else(|| node.only_link()) else { break };
        link = next;
    }
    (None, None)
}

/// Takes the model's name, and what was done to the model and to its text encoder on the way. Gives the LoRAs.
fn follow_model<'a>(
    graph: Graph<'a>,
    model: Option<Link<'a>>,
    clip: Option<Link<'a>>,
    imported: &mut Imported,
) -> Vec<String> {
    let mut loras = Vec::new();
    for (start, input) in [(model, "model"), (clip, "clip")] {
        let mut next = start;
        for _ in 0..MOST_HOPS {
            let Some(node) = next.and_then(|link| graph.node(link.id)) else { break };
            for lora in node.loras().take(MOST_LORAS) {
                if !loras.contains(&lora) {
                    loras.push(lora);
                }
            }
            if let Some(layer) = node.scalar(&["stop_at_clip_layer"]) {
                // It counts from the last layer, which is -1.
                imported.note_clip_skip(layer.strip_prefix('-'));
            }
            if let Some(name) = MODELS.iter().find_map(|key| graph.text(node, key)) {
                imported.model.get_or_insert(name);
                break;
            }
            next = node.link(&[input]).or_else(|| node.only_link());
        }
    }
    loras
}

/// Takes the size of the empty latent picture, or notes that it wasn't empty.
fn follow_latent(graph: Graph<'_>, latent: Option<Link<'_>>, strength: Option<String>, imported: &mut Imported) {
    let mut next = latent;
    for _ in 0..MOST_HOPS {
        let Some(node) = next.and_then(|link| graph.node(link.id)) else { return };
        if node.inputs.contains_key("pixels") {
            imported.note_image_to_image(strength);
            return;
        }
        next = node.link(&["samples", "latent", "latent_image"]);
        if next.is_none() {
            let [width, height] = [["width", "empty_latent_width"], ["height", "empty_latent_height"]]
                .map(|keys| keys.iter().find_map(|key| graph.number(node, key)));
            if width.is_some() && height.is_some() {
                imported.set_size(width, height);
                return;
            }
            next = node.only_link();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedulers::SchedulerKind;

    /// A plain graph, with more nodes or other ones in the place of its own.
    fn graph(more: &str) -> Option<Result<Imported>> {
        let plain = r#"{"3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "cfg": 8.0, "denoise": 1,
                "sampler_name": "dpmpp_2m", "scheduler": "karras", "model": ["4", 0], "positive": ["6", 0],
                "negative": ["7", 0], "latent_image": ["5", 0]}},
            "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
            "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
            "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
            "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
            "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
            "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}}"#;
        read(&Texts::of(&[(COMFYUI_PROMPT, &format!("{plain}{more}}}"))]))
    }

    fn imported(more: &str) -> Imported {
        graph(more).expect("a graph").expect("with a sampler")
    }

    fn scheduler(imported: &Imported) -> Option<&'static str> {
        imported.patch.request.sampling.scheduler.map(SchedulerKind::name)
    }

    fn numbers(imported: &Imported) -> [Option<String>; 4] {
        [Field::Steps, Field::Seed, Field::GuidanceScale, Field::Size].map(|field| imported.get(field))
    }

    fn has_note(imported: &Imported, words: &str) -> bool {
        imported.notes.iter().any(|note| note.contains(words))
    }

    #[test]
    fn a_plain_graph_is_read_to_its_last_node() {
        let imported = imported("");
        assert_eq!(imported.prompts(), ["a fox", "blurry"]);
        assert_eq!(scheduler(&imported), Some("dpm++2m-karras"));
        assert_eq!(imported.sampler.as_deref(), Some("dpmpp_2m karras"));
        assert_eq!(numbers(&imported), ["20", "5", "8", "512 × 768"].map(|text| Some(text.to_owned())));
        assert_eq!(imported.model.as_deref(), Some("v1-5.safetensors"));
        assert_eq!(imported.notes, [""; 0]);
    }

    #[test]
    fn texts_and_numbers_behind_links_are_found() {
        let imported = imported(
            r#", "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["20", 0], "clip": ["21", 0]}},
            "20": {"class_type": "Reroute", "inputs": {"": ["22", 0]}},
            "22": {"class_type": "StyledText", "inputs": {"seed": 7, "style": "bold", "text_a": ["25", 0], "value": ["25", 0]}},
            "25": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a hen"}},
            "21": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["23", 1]}},
            "23": {"class_type": "LoraLoader", "inputs": {"lora_name": "fur", "model": ["4", 0], "clip": ["4", 1]}},
            "5": {"class_type": "EmptyLatentImage", "inputs": {"width": ["24", 0], "height": 64}},
            "24": {"class_type": "PrimitiveInt", "inputs": {"value": 128}}"#,
        );
        assert_eq!(imported.prompts()[0], "a hen");
        assert_eq!(imported.get(Field::Size).as_deref(), Some("128 × 64"));
        assert!(has_note(&imported, "Clip skip 2") && has_note(&imported, "LoRAs can't be applied here: fur"));
    }

    #[test]
    fn of_two_passes_the_first_is_read_though_it_comes_last_in_the_file() {
        let imported = imported(
            r#", "1": {"class_type": "KSamplerAdvanced", "inputs": {"noise_seed": 7, "steps": 30, "cfg": 5,
                "sampler_name": "euler", "scheduler": "normal", "model": ["4", 0], "positive": ["6", 0],
                "negative": ["7", 0], "latent_image": ["5", 0]}},
            "3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 9, "latent_image": ["30", 0]}},
            "30": {"class_type": "LatentUpscale", "inputs": {"width": 2048, "height": 2048, "samples": ["1", 0]}}"#,
        );
        assert_eq!(numbers(&imported), ["30", "7", "5", "512 × 768"].map(|text| Some(text.to_owned())));
        assert!(has_note(&imported, "in 2 passes"));
    }

    #[test]
    fn custom_samplers_and_controlnets_are_read_through_their_parts() {
        let imported = imported(
            r#", "3": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": ["40", 0], "guider": ["41", 0],
                "sampler": ["42", 0], "sigmas": ["43", 0], "latent_image": ["44", 0]}},
            "40": {"class_type": "RandomNoise", "inputs": {"noise_seed": 9}},
            "41": {"class_type": "CFGGuider", "inputs": {"cfg": 3, "model": ["4", 0], "positive": ["45", 0], "negative": ["45", 1]}},
            "42": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
            "43": {"class_type": "KarrasScheduler", "inputs": {"steps": 4, "denoise": 0.6}},
            "44": {"class_type": "VAEEncode", "inputs": {"pixels": ["46", 0]}},
            "45": {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["6", 0], "negative": ["7", 0]}}"#,
        );
        assert_eq!(numbers(&imported)[..3], ["4", "9", "3"].map(|text| Some(text.to_owned())));
        assert_eq!(scheduler(&imported), Some("euler-karras"));
        assert_eq!(imported.prompts()[1], "blurry");
        assert!(has_note(&imported, "ControlNets") && has_note(&imported, "at strength 0.6"));
    }

    /// The plain graph, whose sampler is of this class.
    fn sampled_by(class: &str) -> Imported {
        let sampler = r#"{"seed": 5, "steps": 20, "cfg": 8.0, "denoise": 1, "sampler_name": "dpmpp_2m",
            "scheduler": "karras", "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]"#;
        imported(&format!(r#", "3": {{"class_type": "{class}", "inputs": {sampler}, "latent_image": ["5", 0]}}}}"#))
    }

    #[test]
    fn a_sampler_is_known_by_its_inputs_whatever_its_name() {
        let plain = imported("");
        for class in ["easy kSampler", "ksampler", "ClownsharKSampler_Beta", "MySampler", "猫", "Draw"] {
            assert_eq!(sampled_by(class), plain, "{class}");
        }
    }

    #[test]
    fn upscalers_and_detailers_sample_a_picture_and_are_no_first_pass() {
        let settings = r#""seed": 9, "steps": 3, "cfg": 1, "sampler_name": "euler", "scheduler": "normal", "denoise": 0.3,
            "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]"#;
        for class in ["UltimateSDUpscale", "FaceDetailer"] {
            let second = format!(
                r#", "2": {{"class_type": "{class}", "inputs": {{{settings}, "image": ["8", 0]}}}},
                "9": {{"class_type": "SaveImage", "inputs": {{"images": ["2", 0]}}}}"#
            );
            let imported = imported(&second);
            assert_eq!(numbers(&imported), ["20", "5", "8", "512 × 768"].map(|text| Some(text.to_owned())));
            assert_eq!(imported.notes, ["It was drawn in 2 passes, the first of which is read"]);
            let alone = format!(
                r#"{second}, "8": {{"class_type": "LoadImage", "inputs": {{"image": "fox.png"}}}},
                "3": {{"class_type": "A", "inputs": {{}}}}"#
            );
            let imported = self::imported(&alone);
            assert_eq!((imported.prompts(), imported.get(Field::Steps)), (["a fox", "blurry"], Some("3".into())));
            assert!(has_note(&imported, "over another picture at strength 0.3"), "{:?}", imported.notes);
        }
    }

    #[test]
    fn prompts_typed_into_nodes_that_hand_on_everything_are_found() {
        let imported = imported(
            r#", "3": {"class_type": "easy kSampler", "inputs": {"pipe": ["50", 0], "image_output": "Save"}},
            "50": {"class_type": "easy preSampling", "inputs": {"pipe": ["51", 0], "seed": ["52", 0], "steps": 12, "cfg": 4,
                "sampler_name": "euler", "scheduler": "karras", "denoise": 1}},
            "51": {"class_type": "easy fullLoader", "inputs": {"ckpt_name": "m.safetensors", "positive": "a hen",
                "negative": "dark", "empty_latent_width": 256, "empty_latent_height": 128, "lora_name": "None"}},
            "52": {"class_type": "Seed (rgthree)", "inputs": {"seed": 77}}"#,
        );
        assert_eq!(imported.prompts(), ["a hen", "dark"]);
        assert_eq!(numbers(&imported), ["12", "77", "4", "256 × 128"].map(|text| Some(text.to_owned())));
        assert_eq!((scheduler(&imported), imported.model.as_deref()), (Some("euler-karras"), Some("m.safetensors")));
        assert_eq!(imported.notes, [""; 0]);
    }

    #[test]
    fn a_loader_with_both_prompts_gives_each_to_its_own_input() {
        let imported = imported(
            r#", "3": {"class_type": "KSampler (Efficient)", "inputs": {"seed": 5, "steps": 20, "cfg": 8, "model": ["4", 0],
                "positive": ["60", 1], "negative": ["60", 2], "latent_image": ["60", 3]}},
            "60": {"class_type": "Efficient Loader", "inputs": {"ckpt_name": "m", "positive": "a hen", "negative": "dark",
                "empty_latent_width": 64, "empty_latent_height": 32}}"#,
        );
        assert_eq!(imported.prompts(), ["a hen", "dark"]);
        assert_eq!(imported.get(Field::Size).as_deref(), Some("64 × 32"));
    }

    #[test]
    fn prompts_are_offered_where_no_sampler_is_known() {
        let unknown =
            imported(r#", "3": {"class_type": "Draw", "inputs": {"positive": ["6", 0], "negative": ["7", 0]}}"#);
        assert_eq!(unknown.prompts(), ["a fox", "blurry"]);
        let odd = imported(r#", "3": {"class_type": "Draw", "inputs": {"words": ["6", 0], "neg_words": ["7", 0]}}"#);
        assert_eq!((odd.prompts(), odd.get(Field::Steps)), (["a fox", "blurry"], None));
        assert_eq!(odd.notes.len(), 1, "{:?}", odd.notes);
        let untold = imported(r#", "3": {"class_type": "Draw", "inputs": {"a": ["6", 0], "b": ["7", 0]}}"#);
        assert_eq!(untold.prompts(), ["a fox", ""]);
        assert!(has_note(&untold, "can't be told") && has_note(&untold, "sampler isn't known"), "{:?}", untold.notes);
    }

    #[test]
    fn pythons_numbers_in_a_graph_are_passed_over() {
        let imported = imported(
            r#", "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a NaN, Infinity", "clip": ["4", 1]}, "is_changed": [NaN]},
            "80": {"class_type": "A", "inputs": {"low": -Infinity, "high": Infinity, "start": NaN}}"#,
        );
        assert_eq!((imported.prompts()[0], imported.get(Field::Seed)), ("a NaN, Infinity", Some("5".into())));
    }

    #[test]
    fn a_seed_from_a_node_of_its_own_is_read_and_a_random_one_is_noted() {
        let seed = |class: &str, value: &str| {
            imported(&format!(
                r#", "3": {{"class_type": "KSampler", "inputs": {{"seed": ["70", 0], "steps": 20, "positive": ["6", 0]}}}},
                "70": {{"class_type": "{class}", "inputs": {{{value}}}}}"#
            ))
        };
        for (class, value) in [
            ("Seed (rgthree)", r#""seed": 1125899906842624"#),
            ("PrimitiveInt", r#""value": 1125899906842624"#),
            ("Seed Everywhere", r#""noise_seed": "1125899906842624""#),
        ] {
            assert_eq!(seed(class, value).get(Field::Seed).as_deref(), Some("1125899906842624"), "{class}");
        }
        let random = seed("Seed (rgthree)", r#""seed": -1"#);
        assert_eq!(random.get(Field::Seed), None);
        assert!(has_note(&random, "seed can't be used: -1"), "{:?}", random.notes);
    }

    #[test]
    fn a_graph_with_circles_and_missing_nodes_is_read_as_far_as_it_goes() {
        let circle = imported(
            r#", "6": {"class_type": "ConditioningCombine", "inputs": {"conditioning_1": ["6", 0], "conditioning_2": ["99", 0]}},
            "7": {"class_type": "A", "inputs": {"x": ["50", 0]}}, "50": {"class_type": "B", "inputs": {"x": ["7", 0]}},
            "4": {"class_type": "A", "inputs": {"model": ["4", 0]}}, "5": {"class_type": "A", "inputs": {"samples": ["3", 0]}}"#,
        );
        assert_eq!(
            (circle.get(Field::Prompt), circle.model.as_deref(), circle.get(Field::Steps)),
            (None, None, Some("20".into()))
        );
        assert!(has_note(&circle, "can't be read"));
        assert!(graph(r#", "3": {"class_type": "A", "inputs": {}}, "6": {"class_type": "A", "inputs": {}}, "7": {"class_type": "A", "inputs": {}}"#).expect("a graph").is_err());
        for text in ["{}", "{\"a\": 1}", "a fox", "{\"3\": {\"class_type\": 3, \"inputs\": []}}"] {
            assert!(read(&Texts::of(&[(COMFYUI_PROMPT, text)])).is_none(), "{text}");
        }
    }

    #[test]
    fn a_graph_of_a_hundred_thousand_nodes_or_loras_is_read() {
        let chain: Vec<String> = (100..100_100)
            .map(|id| {
                format!(r#""{id}": {{"class_type": "KSampler", "inputs": {{"latent_image": ["{}", 0]}}}}"#, id + 1)
            })
            .collect();
        let more = format!(
            r#", "8": {{"class_type": "VAEDecode", "inputs": {{"samples": ["100", 0]}}}}, {}"#,
            chain.join(",")
        );
        assert!(graph(&more).expect("a graph").is_ok());
        let loras: Vec<String> = (0..100_000).map(|at| format!(r#""lora_{at}": {{"lora": "{at}"}}"#)).collect();
        let inputs = format!(r#""ckpt_name": "m", {}"#, loras.join(","));
        let imported = imported(&format!(r#", "4": {{"class_type": "Power Lora Loader", "inputs": {{{inputs}}}}}"#));
        assert!(imported.notes.iter().all(|note| note.len() < 1000), "{:?}", imported.notes);
        assert_eq!(imported.model.as_deref(), Some("m"));
    }
}
