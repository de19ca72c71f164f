//! ComfyUI's metadata: the graph of nodes that was run, as JSON under `prompt`.
//!
//! What counts is the node that sampled from noise first; its links are followed to the prompts, the model and the
//! size.
//!
//! Limits: prompts that nodes put together from parts are read as the first part; of several independent pictures in
//! one graph the first is read. The `workflow` text, which lays out the same graph for the editor, is left aside.

use super::graph::{Graph, Link, MOST_HOPS, Node};
use super::imported::{Imported, SourceApp};
use super::json;
use super::texts::{COMFYUI_PROMPT, Texts};
use crate::base::error::{Error, Result};
use crate::content::imaging::png_text;
use crate::content::request::Field;

/// Inputs of a conditioning node that hold its text.
const TEXTS: [&str; 6] = ["text", "text_g", "text_l", "t5xxl", "clip_l", "prompt"];

/// Inputs that lead from one conditioning node to the one before it.
const CONDITIONINGS: [&str; 4] = ["conditioning", "conditioning_1", "conditioning_to", "conditioning_from"];

/// Inputs of a sampler that lead to nodes with part of its settings (`SamplerCustom`, `SamplerCustomAdvanced`).
const PARTS: [&str; 4] = ["guider", "sigmas", "sampler", "noise"];

/// Inputs that hold a model's file.
const MODELS: [&str; 3] = ["ckpt_name", "unet_name", "model_name"];

impl SourceApp {
    /// ComfyUI.
    pub const COMFY_UI: Self = Self::new("ComfyUI");
}

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let nodes = json::object(texts.get(COMFYUI_PROMPT)?)?;
    let graph = Graph(&nodes);
    if !nodes.values().any(|node| Node::of(node).is_some()) {
        return None;
    }
    let samplers = graph.samplers();
    let Some(first) = graph.first_pass(&samplers) else {
        return Some(Err(Error::new("ComfyUI's graph in this picture has no sampler that is known")));
    };
    let mut imported = imported(graph, first);
    if !imported.patch.has.contains(Field::Prompt) && texts.get(png_text::PARAMETERS).is_some() {
        return Some(Err(Error::new("ComfyUI's graph in this picture keeps its prompt in nodes that can't be read")));
    }
    if samplers.len() > 1 {
        imported.note(format!("It was drawn in {} passes, the first of which is read", samplers.len()));
    }
    imported.note_prompt_syntax();
    Some(Ok(imported))
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
    let nodes = || std::iter::once(sampler).chain(parts.iter().copied());
    let text = |key: &str| nodes().find_map(|node| graph.text(node, key));
    let number = |key: &str| nodes().find_map(|node| graph.number(node, key));
    let link = |keys: &[&str]| nodes().find_map(|node| node.link(keys));

    imported.set(Field::Steps, number("steps"));
    imported.set(Field::GuidanceScale, number("cfg"));
    imported.set(Field::Seed, number("seed").or_else(|| number("noise_seed")));
    // Nodes that make one schedule only are called after it: `KarrasScheduler`.
    let sigmas = sampler.link(&["sigmas"]).and_then(|link| graph.node(link.id)?.class.strip_suffix("Scheduler"));
    imported.set_sampler(text("sampler_name"), text("scheduler").as_deref().or(sigmas));
    let mut clip = None;
    if let Some(link) = link(&["positive", "conditioning"]) {
        let (text, encoder) = prompt(graph, link, Polarity::Positive, &mut imported);
        imported.set_prompt(text);
        clip = encoder;
    }
    if let Some(link) = link(&["negative"]) {
        let (text, _) = prompt(graph, link, Polarity::Negative, &mut imported);
        imported.set_negative_prompt(text);
    }
    if !imported.patch.has.contains(Field::Prompt) {
        imported.note("The prompt comes from nodes that can't be read");
    }
    let loras = follow_model(graph, link(&["model"]), clip, &mut imported);
    if !loras.is_empty() {
        imported.note_unused("LoRAs", &loras);
    }
    follow_latent(graph, link(&["latent_image"]), number("denoise"), &mut imported);
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
        // A node with both prompts gives out the positive one first.
        let both = [Polarity::Positive, Polarity::Negative].map(Polarity::input);
        if both.iter().all(|input| node.inputs.contains_key(*input)) {
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
            if let Some(lora) = node.scalar(&["lora_name"]).filter(|lora| !loras.contains(lora)) {
                loras.push(lora);
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

    #[test]
    fn circles_and_missing_nodes_are_survived() {
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
        assert!(graph(r#", "3": {"class_type": "A", "inputs": {}}"#).expect("a graph").is_err());
        for text in ["{}", "{\"a\": 1}", "a fox", "{\"3\": {\"class_type\": 3, \"inputs\": []}}"] {
            assert!(read(&Texts::of(&[(COMFYUI_PROMPT, text)])).is_none(), "{text}");
        }
    }

    #[test]
    fn a_graph_of_a_hundred_thousand_nodes_is_read_in_a_moment() {
        let chain: Vec<String> = (100..100_100)
            .map(|id| {
                format!(r#""{id}": {{"class_type": "KSampler", "inputs": {{"latent_image": ["{}", 0]}}}}"#, id + 1)
            })
            .collect();
        let more = format!(
            r#", "8": {{"class_type": "VAEDecode", "inputs": {{"samples": ["100", 0]}}}}, {}"#,
            chain.join(",")
        );
        let start = std::time::Instant::now();
        assert!(graph(&more).expect("a graph").is_ok());
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
