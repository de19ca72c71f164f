#!/usr/bin/env python3
"""pictogram-64.txt: the bundled model and its configs as Diffusers 0.42.1 and transformers 5.23.0 print them.

Run from the root of the project. Three things differ from what Diffusers prints, since `inspect` shows what the files
say: `_name_or_path` is left out, as are the defaults that Diffusers fills in for keys the files don't have, and every
config stands under its component's class (transformers prints CLIPTextConfig over CLIPTextModel's).
"""
import json
import pathlib

from diffusers import StableDiffusionPipeline

MODEL = "assets/models/pictogram-64"
CONFIGS = {"scheduler": "scheduler_config.json", "tokenizer": "tokenizer_config.json"}

pipe = StableDiffusionPipeline.from_pretrained(MODEL, safety_checker=None)


def as_in_file(printed: str, file: str) -> str:
    """The JSON of a repr, without the keys that the file doesn't have."""
    name, text = printed.split(" ", 1)
    keys = json.load(open(file)).keys()
    config = {key: value for key, value in json.loads(text).items() if key in keys}
    # This is ConfigMixin.to_json_string's way to write JSON; that the lines are Diffusers' own is asserted.
    text = json.dumps(config, indent=2, sort_keys=True)
    assert {line.strip(",") for line in text.splitlines()} <= {line.strip(",") for line in printed[len(name) + 1:].splitlines()}
    return text


sections = [f"{type(pipe).__name__} " + as_in_file(repr(pipe), f"{MODEL}/model_index.json")]
for name in json.load(open(f"{MODEL}/model_index.json")):
    component = getattr(pipe, name, None)
    if name.startswith("_") or not hasattr(component, "__class__") or component is None or isinstance(component, bool):
        continue
    file = f"{MODEL}/{name}/{CONFIGS.get(name, 'config.json')}"
    if name == "tokenizer":
        # A tokenizer prints no JSON.
        printed = "- " + json.dumps(json.load(open(file)), indent=2, sort_keys=True)
    elif name == "text_encoder":
        printed = repr(component.config)
    elif name == "scheduler":
        printed = repr(component)
    else:
        printed = "- " + component.to_json_string()
    sections.append(f"{type(component).__name__} " + as_in_file(printed, file))

pathlib.Path(__file__).with_name("pictogram-64.txt").write_text("\n\n".join(sections) + "\n")
