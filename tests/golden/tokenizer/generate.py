#!/usr/bin/env python3
"""Writes ids.json and added.json: what transformers' CLIPTokenizer makes of prompts.json, with each tokenizer of the tests.

sd15     pads with the end token, as Stable Diffusion 1's folders do
sd21     pads with "!", as Stable Diffusion 2's do
resaved  as sd21 in the form that transformers 4.35 and later write (`added_tokens_decoder`)
pictogram-64   the bundled model's own vocabulary and limit

added.json is the same for prompts of its own and tokenizers with added tokens: `files` are laid over sd15's.

The first three share assets/clip's vocabulary. `ids` lack the padding, which is `pad` up to `model_max_length`;
`counts` are the tokens of the whole prompt, without begin and end.

Needs transformers 5.23.0 (with tokenizers 0.23).
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import transformers
from transformers import CLIPTokenizer

transformers.utils.logging.set_verbosity_error()
HERE = Path(__file__).resolve().parent
ASSETS = HERE.parents[2] / "assets"


def folder_of(name, scratch):
    if name == "pictogram-64":
        return ASSETS / "models" / name / "tokenizer"
    folder = Path(scratch) / name
    shutil.copytree(HERE / name, folder)
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(ASSETS / "clip" / file, folder)
    return folder


ADDED_PROMPTS = [
    "a <cat-toy> on grass",
    "A <CAT-TOY> ON GRASS",
    "a<cat-toy>b <cat-toy> <dog> <cat-toy",
    "photo of sks person, <dog>,<dog>",
    "Zwx, zwx and   zwx.zwx",
    "<|startoftext|>a <dog><|endoftext|> fox",
    "",
]
ENDS = {"<|startoftext|>": 49406, "<|endoftext|>": 49407}


def rule(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, **flags}


def config(**changes):
    return {**json.loads((HERE / "sd15" / "tokenizer_config.json").read_text()), **changes}


ADDED = {
    "a word in added_tokens.json": {"added_tokens.json": {"<cat-toy>": 49408}},
    "several words, not in the order of their ids": {
        "added_tokens.json": {"<dog>": 49410, "sks": 49409, "<cat-toy>": 49408, **ENDS}
    },
    "ids with a gap": {"added_tokens.json": {"<cat-toy>": 50000, "<dog>": 49500}},
    "named as special in the config": {
        "added_tokens.json": {"<cat-toy>": 49408, "zwx": 49409},
        "tokenizer_config.json": config(additional_special_tokens=["<cat-toy>", "zwx"]),
    },
    "special in the config alone": {"tokenizer_config.json": config(additional_special_tokens=["<dog>", "zwx"])},
    "special in the map alone": {
        "special_tokens_map.json": {
            "bos_token": "<|startoftext|>",
            "additional_special_tokens": ["<cat-toy>", "<dog>"],
        }
    },
    "a list in the config goes before the file": {
        "added_tokens.json": {"<dog>": 49408},
        "tokenizer_config.json": config(
            added_tokens_decoder={
                "49406": rule("<|startoftext|>", special=True),
                "49407": rule("<|endoftext|>", special=True),
                "49408": rule("<cat-toy>", lstrip=True, normalized=True, special=False),
                "49409": rule("zwx", rstrip=True, single_word=True, special=False),
            }
        ),
    },
    "the names of transformers 5": {
        "tokenizer_config.json": config(added_tokens_decoder={}, extra_special_tokens=["<cat-toy>", "sks"])
    },
}


def added(scratch):
    cases = []
    for number, (name, files) in enumerate(ADDED.items()):
        folder = Path(scratch) / f"added-{number}"
        shutil.copytree(folder_of("sd15", Path(scratch) / f"base-{number}"), folder)
        for file, content in files.items():
            (folder / file).write_text(json.dumps(content))
        cases.append({"name": name, "files": files, **golden(folder, ADDED_PROMPTS)})
    return {"prompts": ADDED_PROMPTS, "cases": cases}


def golden(folder, prompts):
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    limit, pad = tokenizer.model_max_length, tokenizer.pad_token_id
    rows, counts = [], []
    for prompt in prompts:
        # As diffusers' StableDiffusionPipeline.encode_prompt calls it.
        padded = tokenizer(prompt, padding="max_length", max_length=limit, truncation=True).input_ids
        whole = tokenizer(prompt, padding="longest").input_ids
        counts.append(len(whole) - 2)
        length = min(len(whole), limit)
        assert len(padded) == limit and set(padded[length:]) <= {pad}
        rows.append(padded[:length])
    return {"model_max_length": limit, "pad": pad, "counts": counts, "ids": rows}


def main():
    assert transformers.__version__ == "5.23.0", transformers.__version__
    prompts = json.loads((HERE / "prompts.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        goldens = {
            name: golden(folder_of(name, scratch), prompts) for name in ("sd15", "sd21", "resaved", "pictogram-64")
        }
    text = json.dumps(goldens, separators=(",", ":")).replace("],[", "],\n[").replace('"ids":[', '"ids":[\n')
    (HERE / "ids.json").write_text(text + "\n")
    with tempfile.TemporaryDirectory() as scratch:
        (HERE / "added.json").write_text(json.dumps(added(scratch), ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
