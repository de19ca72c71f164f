#!/usr/bin/env python3
"""Writes what each network of a checkpoint gives for a fixed input: NAME.safetensors, and cases.json to say for what.

An input is `torch.randn(shape)` from a generator seeded with the case's seed, or the ids of prompts, so that only
outputs are stored: `last_hidden_state` of the text encoder, the UNet's prediction, the VAE's picture (unclamped, -1 to
1; decoder-tiled by overlapping tiles of `tile` latents), and the moments of its posterior (mean and logvar one after
the other, as `DiagonalGaussianDistribution` gets them).
The spellings and file forms of a tiny checkpoint hold the same weights, so they share its goldens.

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0; runs on one thread in f32.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
import transformers
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checkpoints"))
from make_checkpoints import write_folder

BUNDLED = HERE.parents[2] / "assets" / "models" / "pictogram-64"
PROMPTS = ["An image of a squirrel in Picasso style", ""]


def cases_of(tokens, width, latent_size):
    """`tokens` and `width` of the text encoder; `latent_size` is what the UNet was made for."""
    cases = [{"component": "text_encoder", "name": "text_encoder", "prompts": PROMPTS}]
    for name, shape in {"square": [2, 4, latent_size, latent_size], "odd": [1, 4, 9, 13]}.items():
        text = {"shape": [shape[0], tokens, width], "seed": 2}
        for timestep in (981, 1):
            cases.append({
                "component": "unet", "name": f"unet-{name}-{timestep}", "sample": {"shape": shape, "seed": 1},
                "timestep": timestep, "encoder_hidden_states": text,
            })
    for name, (height, width) in {"square": (latent_size, latent_size), "wide": (5, 9)}.items():
        latents = {"shape": [1, 4, height, width], "seed": 3}
        cases.append({"component": "vae_decoder", "name": f"decoder-{name}", "latents": latents})
    tiled = {"shape": [1, 4, latent_size + 4, 2 * latent_size + 3], "seed": 3}
    cases.append({"component": "vae_decoder", "name": "decoder-tiled", "latents": tiled, "tile": latent_size})
    for name, (height, width) in {"square": (64, 64), "wide": (40, 72)}.items():
        image = {"shape": [1, 3, height, width], "seed": 4}
        cases.append({"component": "vae_encoder", "name": f"encoder-{name}", "image": image})
    return cases


def randn(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def output(pipeline, case):
    vae = pipeline.vae
    vae.use_tiling = "tile" in case
    if case["component"] == "text_encoder":
        tokenizer = pipeline.tokenizer
        limit = tokenizer.model_max_length
        ids = tokenizer(
            case["prompts"], padding="max_length", max_length=limit, truncation=True, return_tensors="pt"
        ).input_ids
        return pipeline.text_encoder(ids).last_hidden_state
    if case["component"] == "unet":
        text = randn(**case["encoder_hidden_states"])
        return pipeline.unet(randn(**case["sample"]), case["timestep"], encoder_hidden_states=text).sample
    if case["component"] == "vae_decoder":
        if vae.use_tiling:
            vae.tile_latent_min_size = case["tile"]
            vae.tile_sample_min_size = case["tile"] * pipeline.vae_scale_factor
        return vae.decode(randn(**case["latents"])).sample
    return vae.encode(randn(**case["image"])).latent_dist.parameters


def main():
    assert (diffusers.__version__, transformers.__version__) == ("0.42.1", "5.23.0")
    torch.set_num_threads(1)
    plan = {
        "tiny-sd15": cases_of(tokens=77, width=32, latent_size=8),
        "tiny-sd21-v": cases_of(tokens=77, width=64, latent_size=8),
        "pictogram-64": cases_of(tokens=32, width=128, latent_size=16),
    }
    with tempfile.TemporaryDirectory() as scratch:
        for name, cases in plan.items():
            folder = BUNDLED if name == "pictogram-64" else write_folder(scratch, name)
            pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, safety_checker=None)
            outputs = {case["name"]: output(pipeline, case).contiguous() for case in cases}
            for case, tensor in outputs.items():
                assert tensor.dtype == torch.float32 and tensor.isfinite().all()
                print(f"{name} {case}: {list(tensor.shape)} std {tensor.std():.3f} largest {tensor.abs().max():.3f}")
            save_file(outputs, HERE / f"{name}.safetensors")
    (HERE / "cases.json").write_text(json.dumps(plan).replace("[{", "[\n{").replace("}, {\"c", "},\n{\"c") + "\n")


if __name__ == "__main__":
    main()
