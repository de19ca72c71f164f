//! ComfyUI's workflow: the graph as its editor keeps it, made into the form in which it is run ([`super::graph`]).
//!
//! Here a node's values stand in a row without their names. The names are those of the core nodes, or of inputs that the file
//! names itself, which newer versions do.
//! Limits: subgraphs aren't opened; nodes that are muted or bypassed are left out.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::json::{self, Object};

/// The values of ComfyUI's own nodes, in their order.
const WIDGETS: [(&str, &[&str]); 17] = [
    ("KSampler", &["seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"]),
    ("KSamplerAdvanced", &["add_noise", "noise_seed", "steps", "cfg", "sampler_name", "scheduler"]),
    ("SamplerCustom", &["add_noise", "noise_seed", "cfg"]),
    ("KSamplerSelect", &["sampler_name"]),
    ("BasicScheduler", &["scheduler", "steps", "denoise"]),
    ("KarrasScheduler", &["steps"]),
    ("RandomNoise", &["noise_seed"]),
    ("CFGGuider", &["cfg"]),
    ("CLIPTextEncode", &["text"]),
    ("CLIPSetLastLayer", &["stop_at_clip_layer"]),
    ("CheckpointLoaderSimple", &["ckpt_name"]),
    ("UNETLoader", &["unet_name"]),
    ("LoraLoader", &["lora_name"]),
    ("LoraLoaderModelOnly", &["lora_name"]),
    ("EmptyLatentImage", &["width", "height"]),
    ("PrimitiveNode", &["value"]),
    ("Seed (rgthree)", &["seed"]),
];

/// What the editor does to a seed after a run: a value of its own behind the seed, which is no input.
const AFTER_RUN: [&str; 4] = ["fixed", "increment", "decrement", "randomize"];

/// Modes of nodes that don't take part: muted and bypassed.
const OFF: [u64; 2] = [2, 4];

/// Returns the nodes of a workflow by their numbers; `None` if a text is none.
pub(super) fn nodes(text: &str) -> Option<Object> {
    let workflow = json::object(text)?;
    let links: HashMap<u64, Value> = json::list(workflow.get("links")).iter().filter_map(link).collect();
    let nodes = workflow.get("nodes")?.as_array()?.iter();
    let is_on = |node: &&Value| !node.get("mode").and_then(Value::as_u64).is_some_and(|mode| OFF.contains(&mode));
    Some(nodes.filter(is_on).filter_map(|node| node_of(node, &links)).collect())
}

/// The number of a link, and where it comes from as a graph has it: `[number, node, output, ...]`.
fn link(link: &Value) -> Option<(u64, Value)> {
    let [number, node, output, ..] = link.as_array()?.as_slice() else { return None };
    Some((number.as_u64()?, json!([json::scalar(Some(node))?, output.as_u64()?])))
}

fn node_of(node: &Value, links: &HashMap<u64, Value>) -> Option<(String, Value)> {
    let class = node.get("type")?.as_str()?;
    let mut inputs = match node.get("widgets_values") {
        Some(Value::Object(named)) => named.clone(),
        values => named_values(class, node, json::list(values)),
    };
    for input in json::list(node.get("inputs")) {
        let linked = input.get("link").and_then(Value::as_u64).and_then(|number| links.get(&number));
        if let (Some(name), Some(from)) = (input.get("name").and_then(Value::as_str), linked) {
            inputs.insert(name.to_owned(), from.clone());
        }
    }
    Some((json::scalar(node.get("id"))?, json!({ "class_type": class, "inputs": inputs })))
}

/// The values of a node by the names of ComfyUI's nodes, or by those that the file has.
fn named_values(class: &str, node: &Value, values: &[Value]) -> Object {
    let own = json::list(node.get("inputs")).iter().filter(|input| input.get("widget").is_some_and(Value::is_object));
    let own = own.filter_map(|input| input.get("name")?.as_str());
    let known = WIDGETS.iter().find(|(known, _)| *known == class).map(|(_, names)| names.to_vec());
    let names = known.unwrap_or_else(|| own.collect());
    let mut values = values.iter().peekable();
    let mut named = Object::new();
    for name in names {
        let Some(value) = values.next() else { break };
        named.insert(name.to_owned(), value.clone());
        if name.ends_with("seed") {
            values.next_if(|next| next.as_str().is_some_and(|next| AFTER_RUN.contains(&next)));
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_their_names_and_links_their_nodes() {
        let text = r#"{"nodes": [
            {"id": 3, "type": "KSampler", "inputs": [{"name": "positive", "link": 4}, {"name": "negative", "link": null}],
                "widgets_values": [5, "randomize", 20, 8.0, "euler", "karras", 1]},
            {"id": "6", "type": "CLIPTextEncode", "widgets_values": ["a fox"]},
            {"id": 7, "type": "Mine", "widgets_values": [1, "fixed", "b"], "inputs": [
                {"name": "noise_seed", "widget": {"name": "noise_seed"}}, {"name": "clip", "link": 9},
                {"name": "text", "widget": {"name": "text"}, "link": 4}]},
            {"id": 8, "type": "Named", "widgets_values": {"text": "b"}},
            {"id": 9, "type": "CLIPTextEncode", "mode": 4, "widgets_values": ["off"]}],
            "links": [[4, 6, 0, 3, 1, "CONDITIONING"], [5], {}]}"#;
        let expected = json!({
            "3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "cfg": 8.0, "sampler_name": "euler",
                "scheduler": "karras", "denoise": 1, "positive": ["6", 0]}},
            "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox"}},
            "7": {"class_type": "Mine", "inputs": {"noise_seed": 1, "text": ["6", 0]}},
            "8": {"class_type": "Named", "inputs": {"text": "b"}},
        });
        assert_eq!(nodes(text).map(Value::from), Some(expected));
    }

    #[test]
    fn what_is_no_workflow_is_none_and_what_is_odd_in_one_is_left_out() {
        for text in ["", "a fox", "{}", "{\"nodes\": 7}", "{\"3\": {\"class_type\": \"A\", \"inputs\": {}}}"] {
            assert_eq!(nodes(text), None, "{text}");
        }
        let odd = r#"{"nodes": [7, {}, {"id": 1}, {"type": "A"}, {"id": [], "type": "A"}], "links": 7}"#;
        assert_eq!(nodes(odd), Some(Object::new()));
    }
}
