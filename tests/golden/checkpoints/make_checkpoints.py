#!/usr/bin/env python3
"""Tiny checkpoints with random weights that Rust can make again bit for bit, so that no weights are committed.

usage: make_checkpoints.py                writes each checkpoint's configs and weights.json beside this file
       make_checkpoints.py OUT [NAME ..]  writes whole diffusers folders below OUT, from these files alone

Every weight is `mean + std * torch.randn(numel)`, in f32 with two roundings, from a generator of its own that is
seeded with the crc32 of "checkpoint/component/key". weights.json says these numbers for each tensor, and the sha256 of
all bytes of a component, its tensors one after another in the order of their (published) names.

tiny-sd15         as Stable Diffusion 1.5: quick_gelu, 8 heads in each block, convolutions around the attention, PNDM
tiny-sd21-v       as Stable Diffusion 2.1: gelu, heads by block, linear projections, v-prediction, DDIM
tiny-sd15-tf5     the weights of tiny-sd15 under the names that transformers 5 saves
tiny-sd15-legacy  the weights of tiny-sd15 under the names of 2022
tiny-sd15-saved   as tiny-sd15-tf5, and the scheduler's config as `save_pretrained` writes it: with every default

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import numpy as np
import torch
import transformers
from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
from safetensors.numpy import save_file
from transformers import CLIPTextConfig, CLIPTextModel

HERE = Path(__file__).resolve().parent
ASSETS = HERE.parents[2] / "assets"
WEIGHTS = {"text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
VARIANTS = {"tiny-sd15-tf5": "tiny-sd15", "tiny-sd15-legacy": "tiny-sd15", "tiny-sd15-saved": "tiny-sd15"}

# What the scheduler configs on the Hub say: they lack the keys that came later, and what is absent takes the default of
# whichever class reads it.
BETAS = {"beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000}
PUBLISHED = {**BETAS, "clip_sample": False, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1}
SCHEDULERS = {
    "tiny-sd15": {"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", **PUBLISHED, "trained_betas": None},
    "tiny-sd21-v": {
        "_class_name": "DDIMScheduler", "_diffusers_version": "0.8.0", **PUBLISHED, "prediction_type": "v_prediction",
        "trained_betas": None,
    },
}
# The keys of the UNet and VAE configs on the Hub; the ones that came later are at their defaults.
UNET_KEYS = """_class_name _diffusers_version act_fn attention_head_dim block_out_channels center_input_sample
    cross_attention_dim down_block_types downsample_padding flip_sin_to_cos freq_shift in_channels layers_per_block
    mid_block_scale_factor norm_eps norm_num_groups out_channels sample_size up_block_types use_linear_projection
    upcast_attention""".split()
VAE_KEYS = """_class_name _diffusers_version act_fn block_out_channels down_block_types in_channels latent_channels
    layers_per_block norm_num_groups out_channels sample_size up_block_types""".split()


# ------------------------------------------------------------------------------------------------ what they consist of


def text_encoder(hidden_size, hidden_act):
    # The published configs say eos_token_id 2 to this day; transformers then takes the largest id for the end token.
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=hidden_size, intermediate_size=4 * hidden_size, num_hidden_layers=3,
        num_attention_heads=4, max_position_embeddings=77, hidden_act=hidden_act, projection_dim=hidden_size,
        bos_token_id=0, eos_token_id=2, pad_token_id=1, layer_norm_eps=1e-5,
    ))


def unet(**differences):
    # 8 groups: at 1x1, the smallest level of a 64x64 picture, 32 groups would be norms over two values, which are signs:
    # whatever then nears zero decides the picture, and no two implementations could agree.
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=(32, 64, 64, 64),
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3, norm_num_groups=8, **differences,
    )


def vae():
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 32, 64, 64), layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, sample_size=64,
        scaling_factor=0.18215,
    )


def components(name):
    if name == "tiny-sd15":
        return {
            "text_encoder": text_encoder(32, "quick_gelu"),
            "unet": unet(cross_attention_dim=32, attention_head_dim=8),
            "vae": vae(),
        }
    return {
        "text_encoder": text_encoder(64, "gelu"),
        "unet": unet(
            cross_attention_dim=64, attention_head_dim=[2, 4, 4, 4], use_linear_projection=True, upcast_attention=True
        ),
        "vae": vae(),
    }


# --------------------------------------------------------------------------------------------------------- the weights


def published_key(component, key):
    return "text_model." + key if component == "text_encoder" and not key.startswith("text_model.") else key


def mean_and_std(key, shape):
    """Every value takes part (a norm of exactly 1 would hide that it isn't applied), and activations keep their size."""
    if "norm" in key:
        return (1.0, 0.1) if key.endswith("weight") else (0.0, 0.05)
    if key.endswith("bias"):
        return 0.0, 0.02
    if "token_embedding" in key:
        return 0.0, 0.5
    if "position_embedding" in key:
        return 0.0, 0.2
    gain = GAINS.get(key, 1.0)
    return 0.0, float(f"{gain / np.prod(shape[1:]) ** 0.5:.6g}")


# The last layer of the VAE: a picture that uses its range and is hardly clipped.
GAINS = {"decoder.conv_out.weight": 0.45}


def values(shape, mean, std, seed):
    noise = torch.randn(int(np.prod(shape)), generator=torch.Generator().manual_seed(seed)).numpy()
    return (np.float32(mean) + np.float32(std) * noise).reshape(shape)


def tensors_of(manifest):
    tensors = {key: values(*rule) for key, rule in manifest["tensors"].items()}
    digest = hashlib.sha256(b"".join(tensors[key].tobytes() for key in sorted(tensors))).hexdigest()
    return tensors, digest


def manifest_of(name, component, module):
    tensors = {}
    for key, parameter in module.state_dict().items():
        key, shape = published_key(component, key), list(parameter.shape)
        tensors[key] = [shape, *mean_and_std(key, shape), zlib.crc32(f"{name}/{component}/{key}".encode())]
    manifest = {"file": WEIGHTS[component], "sha256": "", "tensors": dict(sorted(tensors.items()))}
    manifest["sha256"] = tensors_of(manifest)[1]
    return manifest


# ----------------------------------------------------------------------------------------------- the committed small files


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def config_of(component, module, scratch):
    module.save_pretrained(scratch / component)
    config = json.loads((scratch / component / "config.json").read_text())
    keys = {"unet": UNET_KEYS, "vae": VAE_KEYS}.get(component)
    return {key: config[key] for key in keys if key in config} if keys else config


def write_definition(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.1"}
    manifests = {}
    with tempfile.TemporaryDirectory() as scratch:
        for component, module in components(name).items():
            write_json(folder / component / "config.json", config_of(component, module, Path(scratch)))
            manifests[component] = manifest_of(name, component, module)
            index[component] = ["transformers" if component == "text_encoder" else "diffusers", type(module).__name__]
    index |= {"feature_extractor": [None, None], "requires_safety_checker": False, "safety_checker": [None, None]}
    index |= {"scheduler": ["diffusers", SCHEDULERS[name]["_class_name"]], "tokenizer": ["transformers", "CLIPTokenizer"]}
    write_json(folder / "model_index.json", dict(sorted(index.items())))
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULERS[name])
    if name == "tiny-sd15":
        saved = PNDMScheduler.from_config(SCHEDULERS[name])
        write_json(folder / "scheduler_config.saved.json", json.loads(saved.to_json_string()))
    text = json.dumps(manifests, separators=(",", ":")).replace("],\"", "],\n\"").replace("{\"", "{\n\"")
    (folder / "weights.json").write_text(text + "\n")


# --------------------------------------------------------------------------------------------------------- whole folders


def spelled(variant, component, tensors):
    """The tensors under the names that this variant of the checkpoint has."""
    if variant in ("tiny-sd15-tf5", "tiny-sd15-saved") and component == "text_encoder":
        return {key.removeprefix("text_model."): value for key, value in tensors.items()}
    if variant == "tiny-sd15-legacy" and component == "text_encoder":
        return {**tensors, "text_model.embeddings.position_ids": np.arange(77, dtype=np.int64)[None]}
    if variant == "tiny-sd15-legacy" and component == "vae":
        old = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
        for new_name, old_name in old.items():
            tensors = {key.replace(new_name, old_name): value for key, value in tensors.items()}
    return tensors


def write_folder(out, variant):
    """Writes the diffusers folder `out/variant` and returns its path."""
    name = VARIANTS.get(variant, variant)
    folder = Path(out) / variant
    shutil.copytree(HERE / name, folder, ignore=shutil.ignore_patterns("weights.json", "*.saved.json"))
    if variant == "tiny-sd15-saved":
        shutil.copy(HERE / name / "scheduler_config.saved.json", folder / "scheduler" / "scheduler_config.json")
    shutil.copytree(HERE.parent / "tokenizer" / ("sd21" if name == "tiny-sd21-v" else "sd15"), folder / "tokenizer")
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(ASSETS / "clip" / file, folder / "tokenizer")
    for component, manifest in json.loads((HERE / name / "weights.json").read_text()).items():
        tensors, digest = tensors_of(manifest)
        assert digest == manifest["sha256"], f"{name}/{component} drifted"
        path = folder / component / (manifest["file"] + ".safetensors")
        save_file(spelled(variant, component, tensors), path, {"format": "pt"})
    return folder


def main():
    assert (diffusers.__version__, transformers.__version__) == ("0.42.1", "5.23.0")
    if len(sys.argv) == 1:
        for name in SCHEDULERS:
            write_definition(name)
    else:
        for variant in sys.argv[2:] or [*SCHEDULERS, *VARIANTS]:
            print(write_folder(sys.argv[1], variant))


if __name__ == "__main__":
    main()
