#!/usr/bin/env python3
"""Writes what each network of a checkpoint gives for a fixed input: NAME.safetensors, and cases.json to say for what.

An input is `torch.randn(shape)` from a generator seeded with the case's seed, or the ids of prompts, so that only
outputs are stored: `last_hidden_state` of the text encoder, the UNet's prediction, the VAE's picture (unclamped, -1 to
1; -tiled by overlapping tiles of `tile` latents), and the moments of its posterior (mean and logvar one after
the other, as `DiagonalGaussianDistribution` gets them), the safety checker's image embeddings and its cosine distances to
the special-care concepts and to the concepts (one after the other), and every third value of each third row of the
depth estimator's `predicted_depth`.
The spellings and file forms of a tiny checkpoint hold the same weights, so they share its goldens.

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0; runs on one thread in f32.
"""

import functools
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
import transformers
from diffusers.pipelines.stable_diffusion import safety_checker
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checkpoints"))
from make_checkpoints import write_folder

BUNDLED = HERE.parents[2] / "assets" / "models" / "pictogram-64"
DEPTH_STRIDE = 3
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
    large = {"shape": [1, 3, 96, 152], "seed": 4}
    cases.append({"component": "vae_encoder", "name": "encoder-tiled", "image": large, "tile": latent_size})
    return cases


def unconditional_cases():
    cases = []
    for name, shape in {"square": [2, 3, 32, 32], "wide": [1, 3, 32, 64]}.items():
        for timestep in (981, 1):
            sample = {"shape": shape, "seed": 1}
            cases.append({"component": "unet", "name": f"unet-{name}-{timestep}", "sample": sample, "timestep": timestep})
    return cases


def pixel_case(component, *shapes):
    name = lambda shape: f"{component}-{shape[2]}x{shape[3]}"
    return [{"component": component, "name": name(shape), "pixels": {"shape": shape, "seed": 5}} for shape in shapes]


def randn(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Reference:
    """The components of a checkpoint, each opened when it is asked for."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.index = json.loads((self.folder / "model_index.json").read_text())

    @functools.cache
    def component(self, name):
        library, kind = self.index[name]
        library = {"diffusers": diffusers, "transformers": transformers, "stable_diffusion": safety_checker}[library]
        component = getattr(library, kind).from_pretrained(self.folder / name)
        return component.float() if isinstance(component, torch.nn.Module) else component

    @torch.no_grad()
    def output(self, case):
        if case["component"] == "text_encoder":
            tokenizer = self.component("tokenizer")
            limit = tokenizer.model_max_length
            ids = tokenizer(
                case["prompts"], padding="max_length", max_length=limit, truncation=True, return_tensors="pt"
            ).input_ids
            return self.component("text_encoder")(ids).last_hidden_state
        if case["component"] == "unet":
            text = {key: randn(**case[key]) for key in ["encoder_hidden_states"] if key in case}
            return self.component("unet")(randn(**case["sample"]), case["timestep"], **text).sample
        if case["component"] == "depth_estimator":
            depth = self.component("depth_estimator")(randn(**case["pixels"])).predicted_depth
            return depth[:, ::DEPTH_STRIDE, ::DEPTH_STRIDE]
        if case["component"] == "safety_checker":
            checker = self.component("safety_checker")
            embeds = checker.visual_projection(checker.vision_model(randn(**case["pixels"]))[1])
            distance = safety_checker.cosine_distance
            special = distance(embeds, checker.special_care_embeds)
            return torch.cat([embeds, special, distance(embeds, checker.concept_embeds)], 1)
        vae = self.component("vae")
        vae.use_tiling = "tile" in case
        if vae.use_tiling:
            vae.tile_latent_min_size = case["tile"]
            vae.tile_sample_min_size = case["tile"] * 2 ** (len(vae.config.block_out_channels) - 1)
        if case["component"] == "vae_decoder":
            return vae.decode(randn(**case["latents"])).sample
        return vae.encode(randn(**case["image"])).latent_dist.parameters


def main():
    assert (diffusers.__version__, transformers.__version__) == ("0.42.1", "5.23.0")
    torch.set_num_threads(1)
    plan = {
        "tiny-sd15": cases_of(tokens=77, width=32, latent_size=8),
        "tiny-sd21-v": cases_of(tokens=77, width=64, latent_size=8),
        "tiny-ddpm": unconditional_cases(),
        "tiny-ddim": unconditional_cases(),
        "tiny-sd15-safety-flag": pixel_case("safety_checker", [2, 3, 224, 224]),
        "tiny-sd2-depth": pixel_case("depth_estimator", [2, 3, 96, 96]),
        "tiny-sd2-depth-hybrid": pixel_case("depth_estimator", [1, 3, 384, 384]),
        "pictogram-64": cases_of(tokens=32, width=128, latent_size=16),
    }
    with tempfile.TemporaryDirectory() as scratch:
        for name, cases in plan.items():
            folder = BUNDLED if name == "pictogram-64" else write_folder(scratch, name)
            reference = Reference(folder)
            outputs = {case["name"]: reference.output(case).contiguous() for case in cases}
            for case, tensor in outputs.items():
                assert tensor.dtype == torch.float32 and tensor.isfinite().all()
                print(f"{name} {case}: {list(tensor.shape)} std {tensor.std():.3f} largest {tensor.abs().max():.3f}")
            save_file(outputs, HERE / f"{name}.safetensors")
    (HERE / "cases.json").write_text(json.dumps(plan).replace("[{", "[\n{").replace("}, {\"c", "},\n{\"c") + "\n")


if __name__ == "__main__":
    main()
