#!/usr/bin/env python3
"""Writes ids.json: what transformers' CLIPTokenizer makes of prompts.json, with each tokenizer of the tests.

sd15     pads with the end token, as Stable Diffusion 1's folders do
sd21     pads with "!", as Stable Diffusion 2's do
resaved  as sd21 in the form that transformers 4.35 and later write (`added_tokens_decoder`)
pictogram-64   the bundled model's own vocabulary and limit

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


if __name__ == "__main__":
    main()
