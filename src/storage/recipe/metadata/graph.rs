//! ComfyUI's graph: nodes, the links between them, and the node that sampled first.
//!
//! A graph may be anything: nodes of unknown kinds, missing ones and circles are all survived.

use std::collections::HashSet;

use serde_json::Value;

use super::json::{self, Object};

/// Links that are followed in a row: more than any sensible graph has.
pub(super) const MOST_HOPS: usize = 100;

/// Nodes that encode a prompt and are looked at where no sampler is known.
const MOST_ENCODERS: usize = 50;

/// Samplers that are looked at: more than any sensible graph has.
const MOST_SAMPLERS: usize = 50;

/// Inputs in which nodes that hold a text keep it.
#[rustfmt::skip]
const TEXTS: [&str; 10] =
    ["text", "string", "value", "populated_text", "prompt", "text_g", "text_l", "string_a", "text_a", "text1"];

/// Inputs in which nodes that hold a number keep it.
const NUMBERS: [&str; 6] = ["value", "seed", "noise_seed", "int", "float", "number"];

/// Inputs of a node that samples, whoever wrote it.
const SETTINGS: [&str; 7] = ["seed", "noise_seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"];

/// Nodes with fewer of them than this, such as those that apply a ControlNet or set a guidance, don't sample.
const FEWEST_SETTINGS: usize = 3;

/// Inputs of a sampler that lead to what it begins with.
const BEGINNINGS: [&str; 5] = ["latent_image", "latent", "samples", "image", "pixels"];

/// A node: its kind and its inputs, which are values or links.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) class: &'a str,
    pub(super) inputs: &'a Object,
}

impl<'a> Node<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        Some(Self { class: value.get("class_type")?.as_str()?, inputs: value.get("inputs")?.as_object()? })
    }

    /// Whether it samples: by its name, or by inputs that only such a node has, whatever its name.
    fn is_sampler(self) -> bool {
        let class = self.class.to_lowercase();
        let is_named = class.starts_with("samplercustom") || (class.contains("ksampler") && class != "ksamplerselect");
        let has = |key: &&&str| self.inputs.contains_key(**key);
        is_named || (self.link(&["positive"]).is_some() && SETTINGS.iter().filter(has).count() >= FEWEST_SETTINGS)
    }

    /// The first of these inputs that is a text or number.
    pub(super) fn scalar(self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| json::scalar(self.inputs.get(*key)))
    }

    /// The first of these inputs that is a link.
    pub(super) fn link(self, keys: &[&str]) -> Option<Link<'a>> {
        keys.iter().find_map(|key| Link::of(self.inputs.get(*key)?))
    }

    /// The LoRAs that it applies: one by its name, or several with a switch each (`Power Lora Loader`).
    pub(super) fn loras(self) -> impl Iterator<Item = String> + 'a {
        let is_on = |entry: &&Value| entry.get("on").is_none_or(|on| on != &Value::Bool(false));
        let several = self.inputs.values().filter(is_on).filter_map(|entry| json::scalar(entry.get("lora")));
        self.scalar(&["lora_name"]).into_iter().chain(several).filter(|name| name != "None")
    }

    /// The link to a node that hands it several things at once: model, prompts, size.
    pub(super) fn pipe(self) -> Option<Link<'a>> {
        let is_pipe = |key: &str| key.contains("pipe") || key.contains("ctx") || key == "context";
        self.inputs.iter().find_map(|(key, value)| Link::of(value).filter(|_| is_pipe(key)))
    }

    /// Its one link, if it passes on what it gets.
    pub(super) fn only_link(self) -> Option<Link<'a>> {
        let mut links = self.inputs.values().filter_map(Link::of);
        links.next().filter(|_| links.next().is_none())
    }
}

/// An output of another node: `["4", 0]`.
#[derive(Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) id: &'a str,
    pub(super) output: u64,
}

impl<'a> Link<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        match value.as_array()?.as_slice() {
            [Value::String(id), output] => Some(Self { id, output: output.as_u64()? }),
            _ => None,
        }
    }
}

/// Nodes by their names.
#[derive(Clone, Copy)]
pub(super) struct Graph<'a>(pub(super) &'a Object);

impl<'a> Graph<'a> {
    pub(super) fn node(self, id: &str) -> Option<Node<'a>> {
        Node::of(self.0.get(id)?)
    }

    /// The samplers that lead to a picture that is saved or shown, or all where none is.
    pub(super) fn samplers(self) -> Vec<&'a str> {
        let is_end =
            |node: Node<'_>| ["SaveImage", "PreviewImage", "Image Save"].iter().any(|c| node.class.contains(c));
        let ends = self.0.keys().filter(|id| self.node(id).is_some_and(is_end)).map(String::as_str);
        let is_sampler = |id: &&str| self.node(id).is_some_and(Node::is_sampler);
        let mut samplers: Vec<&str> = self.upstream(ends.collect()).filter(is_sampler).collect();
        if samplers.is_empty() {
            samplers = self.0.keys().map(String::as_str).filter(is_sampler).collect();
        }
        samplers.truncate(MOST_SAMPLERS);
        samplers
    }

    /// The sampler that begins with what no other one has drawn, or the first where they run in a circle.
    pub(super) fn first_pass(self, samplers: &[&'a str]) -> Option<Node<'a>> {
        let nodes = samplers.iter().filter_map(|id| self.node(id));
        let is_first = |node: &Node<'a>| {
            let links = BEGINNINGS.iter().filter_map(|key| node.link(&[*key])).chain(node.pipe());
            !self.upstream(links.map(|link| link.id).collect()).any(|id| samplers.contains(&id))
        };
        nodes.clone().find(is_first).or_else(|| nodes.clone().next())
    }

    /// A node and those that hand it its things, the nearest first.
    pub(super) fn with_pipes(self, node: Node<'a>) -> Vec<Node<'a>> {
        let next = |node: &Node<'a>| self.node(node.pipe()?.id);
        std::iter::successors(Some(node), next).take(MOST_HOPS).collect()
    }

    /// The first node with both prompts, as texts or links.
    pub(super) fn with_both_prompts(self) -> Option<Node<'a>> {
        let has_both = |node: &Node<'a>| ["positive", "negative"].iter().all(|key| node.inputs.contains_key(*key));
        self.0.values().filter_map(Node::of).find(has_both)
    }

    /// The texts of nodes that encode one, and whether they lead to an input for a negative prompt.
    pub(super) fn encoded_texts(self) -> Vec<(String, bool)> {
        let is_negative = |id: &str| {
            let inputs = self.0.values().filter_map(Node::of).flat_map(|node| node.inputs.iter());
            inputs
                .filter(|(key, _)| key.starts_with("neg"))
                .any(|(_, value)| Link::of(value).is_some_and(|link| link.id == id))
        };
        let encoders = self.0.keys().filter_map(|id| {
            let node = self.node(id).filter(|node| node.link(&["clip"]).is_some())?;
            Some((id, self.text(node, "text")?))
        });
        encoders.take(MOST_ENCODERS).map(|(id, text)| (text, is_negative(id))).collect()
    }

    /// These nodes and all that they are made from, each once.
    fn upstream(self, from: Vec<&'a str>) -> impl Iterator<Item = &'a str> {
        let (mut waiting, mut seen) = (from, HashSet::new());
        std::iter::from_fn(move || {
            let id = std::iter::from_fn(|| waiting.pop()).find(|id| seen.insert(*id))?;
            let inputs = self.node(id).into_iter().flat_map(|node| node.inputs.values());
            waiting.extend(inputs.filter_map(|value| Some(Link::of(value)?.id)));
            Some(id)
        })
    }

    /// An input that is a text, or a link to a node that holds one.
    pub(super) fn text(self, node: Node<'a>, key: &str) -> Option<String> {
        self.value(node, key, &TEXTS, |value| value.as_str().map(str::to_owned))
    }

    /// An input that is a number, or a link to a node that holds one.
    pub(super) fn number(self, node: Node<'a>, key: &str) -> Option<String> {
        self.value(node, key, &NUMBERS, |value| json::scalar(Some(value)))
    }

    /// An input as `read`, or, where it is a link, the same input or one of `others` of the nodes that it leads to.
    fn value(
        self,
        mut node: Node<'a>,
        key: &str,
        others: &[&str],
        read: impl Fn(&Value) -> Option<String>,
    ) -> Option<String> {
        let keys: Vec<&str> = std::iter::once(key).chain(others.iter().copied()).collect();
        let mut wanted = &keys[..1];
        for _ in 0..MOST_HOPS {
            let found = wanted.iter().find_map(|key| read(node.inputs.get(*key)?));
            if found.is_some() {
                return found;
            }
            let is_behind = wanted.len() > 1;
            let link = node.link(wanted).or_else(|| node.only_link().filter(|_| is_behind))?;
            node = self.node(link.id)?;
            wanted = &keys;
        }
        None
    }
}
