#!/usr/bin/env python3
"""Tiny checkpoints with random weights that Rust can make again bit for bit, so that no weights are committed.

usage: make_checkpoints.py                writes each checkpoint's configs and weights.json beside this file
       make_checkpoints.py OUT [NAME ..]  writes whole diffusers folders below OUT, from these files alone

Every weight is `mean + std * torch.randn(numel)`, in f32 with two roundings, from a generator of its own that is
seeded with the crc32 of "checkpoint/component/key". weights.json says these numbers for each tensor, and the sha256 of
all bytes of a component, its tensors one after another in the order of their (published) names.

tiny-sd15              as Stable Diffusion 1.5: quick_gelu, 8 heads in each block, convolutions around the attention, PNDM
tiny-sd21-v            as Stable Diffusion 2.1: gelu, heads by block, linear projections, v-prediction, DDIM
tiny-sd15-tf5          the weights of tiny-sd15 under the names that transformers 5 saves
tiny-sd15-legacy       the weights of tiny-sd15 under the names of 2022
tiny-sd15-saved        as tiny-sd15-tf5, and the scheduler's config as `save_pretrained` writes it: with every default
tiny-sd15-inpaint      tiny-sd15 with a UNet of 9 channels
tiny-sd15-safety-flag  tiny-sd15 with a safety checker that sees something in every picture
tiny-sd15-safety-pass  the same with its thresholds turned round: all it sees is a reason to be strict; transformers 5's names
tiny-sd2-depth         tiny-sd21-v with a UNet of 5 channels and a depth estimator as Intel/dpt-large
tiny-sd2-depth-hybrid  the same with a depth estimator as Intel/dpt-hybrid-midas
tiny-ddpm              as google/ddpm-cat-256
tiny-ddim              a DDIMPipeline with the scheduler of a DDPMPipeline, whose UNet has other options than that of tiny-ddpm
tiny-ddpm-legacy       the weights of tiny-ddpm under the names of 2022, its files beside model_index.json

A checkpoint that builds on another takes over what it doesn't have itself (LAYERS).

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
from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel, UNet2DModel
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.numpy import save_file
from transformers import (
    BitConfig, CLIPConfig, CLIPTextConfig, CLIPTextModel, DPTConfig, DPTForDepthEstimation,
)

HERE = Path(__file__).resolve().parent
ASSETS = HERE.parents[2] / "assets"
WEIGHTS = {
    "text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model",
    "safety_checker": "model", "depth_estimator": "model",
}
# The folders that a checkpoint's files are taken from, the last one first; its own name alone where it isn't listed.
LAYERS = {
    "tiny-sd15-tf5": ["tiny-sd15"],
    "tiny-sd15-legacy": ["tiny-sd15"],
    "tiny-sd15-saved": ["tiny-sd15"],
    "tiny-sd15-inpaint": ["tiny-sd15", "tiny-sd15-inpaint"],
    "tiny-sd15-safety-flag": ["tiny-sd15", "tiny-sd15-safety"],
    "tiny-sd15-safety-pass": ["tiny-sd15", "tiny-sd15-safety"],
    "tiny-sd2-depth": ["tiny-sd21-v", "tiny-sd2-depth"],
    "tiny-sd2-depth-hybrid": ["tiny-sd21-v", "tiny-sd2-depth", "tiny-sd2-depth-hybrid"],
    "tiny-ddpm-legacy": ["tiny-ddpm"],
}

# What the scheduler configs on the Hub say: they lack the keys that came later, and what is absent takes the default of
# whichever class reads it.
BETAS = {"beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000}
PUBLISHED = {**BETAS, "clip_sample": False, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1}
DDPM = {
    "_class_name": "DDPMScheduler", "_diffusers_version": "0.1.1", "beta_end": 0.02, "beta_schedule": "linear",
    "beta_start": 0.0001, "clip_sample": True, "num_train_timesteps": 1000, "trained_betas": None,
    "variance_type": "fixed_small",
}
SCHEDULERS = {
    "tiny-sd15": {"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", **PUBLISHED, "trained_betas": None},
    "tiny-sd21-v": {
        "_class_name": "DDIMScheduler", "_diffusers_version": "0.8.0", **PUBLISHED, "prediction_type": "v_prediction",
        "trained_betas": None,
    },
    "tiny-sd2-depth": {"_class_name": "PNDMScheduler", "_diffusers_version": "0.8.0", **PUBLISHED, "trained_betas": None},
    "tiny-ddpm": DDPM,
    "tiny-ddim": DDPM,
}
# The keys of the UNet and VAE configs on the Hub; the ones that came later are at their defaults.
UNET_KEYS = """_class_name _diffusers_version act_fn attention_head_dim block_out_channels center_input_sample
    cross_attention_dim down_block_types downsample_padding flip_sin_to_cos freq_shift in_channels layers_per_block
    mid_block_scale_factor norm_eps norm_num_groups out_channels sample_size up_block_types use_linear_projection
    upcast_attention""".split()
VAE_KEYS = """_class_name _diffusers_version act_fn block_out_channels down_block_types in_channels latent_channels
    layers_per_block norm_num_groups out_channels sample_size up_block_types""".split()
UNET_2D_KEYS = """_class_name _diffusers_version act_fn attention_head_dim block_out_channels center_input_sample
    down_block_types downsample_padding flip_sin_to_cos freq_shift in_channels layers_per_block mid_block_scale_factor
    norm_eps norm_num_groups out_channels sample_size time_embedding_type up_block_types attn_norm_num_groups""".split()
IMAGE_PROCESSORS = {
    "tiny-sd15-safety": {
        "crop_size": {"height": 224, "width": 224}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True,
        "do_rescale": True, "do_resize": True, "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_processor_type": "CLIPImageProcessor", "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3,
        "rescale_factor": 1 / 255, "size": {"shortest_edge": 224},
    },
    "tiny-sd2-depth": {
        "do_normalize": True, "do_rescale": True, "do_resize": True, "ensure_multiple_of": 1, "image_mean": [0.5] * 3,
        "image_processor_type": "DPTImageProcessor", "image_std": [0.5] * 3, "keep_aspect_ratio": False, "resample": 3,
        "rescale_factor": 1 / 255, "size": {"height": 96, "width": 96},
    },
}
IMAGE_PROCESSORS["tiny-sd2-depth-hybrid"] = {
    **IMAGE_PROCESSORS["tiny-sd2-depth"], "size": {"height": 384, "width": 384}
}


# ------------------------------------------------------------------------------------------------ what they consist of


def text_encoder(hidden_size, hidden_act):
    # The published configs say eos_token_id 2 to this day; transformers then takes the largest id for the end token.
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=hidden_size, intermediate_size=4 * hidden_size, num_hidden_layers=3,
        num_attention_heads=4, max_position_embeddings=77, hidden_act=hidden_act, projection_dim=hidden_size,
        bos_token_id=0, eos_token_id=2, pad_token_id=1, layer_norm_eps=1e-5,
    ))


def unet(in_channels=4, **differences):
    # 8 groups: at 1x1, the smallest level of a 64x64 picture, 32 groups would be norms over two values, which are signs:
    # whatever then nears zero decides the picture, and no two implementations could agree.
    return UNet2DConditionModel(
        sample_size=8, in_channels=in_channels, out_channels=4, layers_per_block=2, block_out_channels=(32, 64, 64, 64),
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3, norm_num_groups=8, **differences,
    )


def vae():
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 32, 64, 64), layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, sample_size=64,
        scaling_factor=0.18215,
    )


def unet_2d(blocks, attention, channels, **differences):
    """A UNet2DModel of so many levels, with attention in those that are named."""
    down = tuple("AttnDownBlock2D" if level in attention else "DownBlock2D" for level in range(blocks))
    up = tuple("AttnUpBlock2D" if level in attention else "UpBlock2D" for level in reversed(range(blocks)))
    return UNet2DModel(
        sample_size=64, in_channels=3, out_channels=3, layers_per_block=2, block_out_channels=channels,
        down_block_types=down, up_block_types=up, norm_num_groups=8, **differences,
    )


def safety_checker():
    text = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4, projection_dim=32)
    vision = dict(
        hidden_size=32, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, image_size=224, patch_size=32,
        projection_dim=32, hidden_act="quick_gelu",
    )
    return StableDiffusionSafetyChecker(CLIPConfig(projection_dim=32, text_config=text, vision_config=vision))


def depth_estimator(**differences):
    shape = dict(
        hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=4, patch_size=16, qkv_bias=True,
        neck_hidden_sizes=[16, 16, 32, 32], fusion_hidden_size=32, backbone_out_indices=[0, 1, 2, 3],
        readout_type="project", image_size=96, use_batch_norm_in_fusion_residual=False,
    )
    return DPTForDepthEstimation(DPTConfig(**{**shape, **differences}))


def depth_estimator_hybrid():
    backbone = BitConfig(
        global_padding="same", layer_type="bottleneck", depths=[1, 2, 1], hidden_sizes=[32, 64, 64], embedding_size=32,
        num_groups=8, out_features=["stage1", "stage2", "stage3"], embedding_dynamic_padding=True,
    )
    return depth_estimator(
        is_hybrid=True, image_size=384, backbone_featmap_shape=[1, 64, 24, 24], neck_ignore_stages=[0, 1],
        reassemble_factors=[1, 1, 1, 0.5], neck_hidden_sizes=[32, 64, 32, 32], backbone_config=backbone,
    )


def components(name):
    if name == "tiny-sd15":
        return {
            "text_encoder": text_encoder(32, "quick_gelu"),
            "unet": unet(cross_attention_dim=32, attention_head_dim=8),
            "vae": vae(),
        }
    if name == "tiny-sd21-v":
        return {
            "text_encoder": text_encoder(64, "gelu"),
            "unet": unet(
                cross_attention_dim=64, attention_head_dim=[2, 4, 4, 4], use_linear_projection=True,
                upcast_attention=True,
            ),
            "vae": vae(),
        }
    if name == "tiny-sd15-inpaint":
        return {"unet": unet(in_channels=9, cross_attention_dim=32, attention_head_dim=8)}
    if name == "tiny-sd15-safety":
        return {"safety_checker": safety_checker()}
    if name == "tiny-sd2-depth":
        heads = dict(attention_head_dim=[2, 4, 4, 4], use_linear_projection=True)
        return {"unet": unet(in_channels=5, cross_attention_dim=64, **heads), "depth_estimator": depth_estimator()}
    if name == "tiny-sd2-depth-hybrid":
        return {"depth_estimator": depth_estimator_hybrid()}
    if name == "tiny-ddim":
        return {"unet": unet_2d(
            3, [1, 2], (32, 64, 64), attention_head_dim=8, downsample_padding=1, flip_sin_to_cos=True, freq_shift=0,
            norm_eps=1e-5, mid_block_scale_factor=2**0.5, center_input_sample=True, attn_norm_num_groups=4,
        )}
    return {"unet": unet_2d(
        6, [4], (32, 32, 32, 64, 64, 64), attention_head_dim=None, downsample_padding=0, flip_sin_to_cos=False,
        freq_shift=1, norm_eps=1e-6, mid_block_scale_factor=1,
    )}


CLASSES = {
    "tiny-sd15": "StableDiffusionPipeline", "tiny-sd21-v": "StableDiffusionPipeline",
    "tiny-sd15-inpaint": "StableDiffusionInpaintPipeline", "tiny-sd15-safety": "StableDiffusionPipeline",
    "tiny-sd2-depth": "StableDiffusionDepth2ImgPipeline", "tiny-sd2-depth-hybrid": None, "tiny-ddpm": "DDPMPipeline",
    "tiny-ddim": "DDIMPipeline",
}
LIBRARIES = {"text_encoder": "transformers", "depth_estimator": "transformers", "safety_checker": "stable_diffusion"}
INDEX_OF_TEXT = {
    "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


# --------------------------------------------------------------------------------------------------------- the weights


def published_key(component, key):
    if component == "text_encoder" and not key.startswith("text_model."):
        return "text_model." + key
    if component == "safety_checker" and key.startswith("vision_model.") and not key.startswith("vision_model.vision"):
        return "vision_model." + key
    return key


def mean_and_std(key, shape):
    """Every value takes part (a norm of exactly 1 would hide that it isn't applied), and activations keep their size."""
    if "norm" in key:
        return (1.0, 0.1) if key.endswith("weight") else (0.0, 0.05)
    if key == "head.head.4.bias":
        # Depths, which are clamped at 0, are hardly ever clamped then.
        return 0.5, 0.02
    if key.endswith("bias"):
        return 0.0, 0.02
    if key == "concept_embeds_weights":
        return -1.5, 0.0
    if key == "special_care_embeds_weights":
        return 1.5, 0.0
    if "concept_embeds" in key or "special_care_embeds" in key:
        return 0.0, 1.0
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
    keys = {"UNet2DConditionModel": UNET_KEYS, "UNet2DModel": UNET_2D_KEYS, "AutoencoderKL": VAE_KEYS}
    keys = keys.get(type(module).__name__)
    if not keys:
        return config
    # attention_head_dim: null means one head there, and not the default.
    return {key: config[key] for key in keys if key == "attention_head_dim" or config.get(key) is not None}


def index_of(name, modules):
    index = {"_class_name": CLASSES[name], "_diffusers_version": "0.42.1"}
    if CLASSES[name] not in ("DDPMPipeline", "DDIMPipeline"):
        index |= INDEX_OF_TEXT
    if name in SCHEDULERS:
        index["scheduler"] = ["diffusers", SCHEDULERS[name]["_class_name"]]
    index |= {key: [LIBRARIES.get(key, "diffusers"), type(module).__name__] for key, module in modules.items()}
    if CLASSES[name] in ("StableDiffusionPipeline", "StableDiffusionInpaintPipeline"):
        absent = {} if "safety_checker" in modules else {"safety_checker": [None, None]}
        index |= {"feature_extractor": [None, None], "requires_safety_checker": False, **absent}
    if name in IMAGE_PROCESSORS:
        index["feature_extractor"] = ["transformers", IMAGE_PROCESSORS[name]["image_processor_type"]]
    return dict(sorted(index.items()))


def write_definition(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    manifests = {}
    modules = components(name)
    with tempfile.TemporaryDirectory() as scratch:
        for component, module in modules.items():
            write_json(folder / component / "config.json", config_of(component, module, Path(scratch)))
            manifests[component] = manifest_of(name, component, module)
    if CLASSES[name]:
        write_json(folder / "model_index.json", index_of(name, modules))
    if name in SCHEDULERS:
        write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULERS[name])
    if name in IMAGE_PROCESSORS:
        write_json(folder / "feature_extractor" / "preprocessor_config.json", IMAGE_PROCESSORS[name])
    if name == "tiny-sd15":
        saved = PNDMScheduler.from_config(SCHEDULERS[name])
        write_json(folder / "scheduler_config.saved.json", json.loads(saved.to_json_string()))
    text = json.dumps(manifests, separators=(",", ":")).replace("],\"", "],\n\"").replace("{\"", "{\n\"")
    (folder / "weights.json").write_text(text + "\n")


# --------------------------------------------------------------------------------------------------------- whole folders


OLD_ATTENTION = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


def spelled(variant, component, tensors):
    """The tensors under the names that this variant of the checkpoint has."""
    if variant in ("tiny-sd15-tf5", "tiny-sd15-saved") and component == "text_encoder":
        return {key.removeprefix("text_model."): value for key, value in tensors.items()}
    if variant == "tiny-sd15-legacy" and component == "text_encoder":
        return {**tensors, "text_model.embeddings.position_ids": np.arange(77, dtype=np.int64)[None]}
    if (variant, component) in [("tiny-sd15-legacy", "vae"), ("tiny-ddpm-legacy", "unet")]:
        for new_name, old_name in OLD_ATTENTION.items():
            tensors = {key.replace(new_name, old_name): value for key, value in tensors.items()}
    if variant == "tiny-sd15-safety-pass" and component == "safety_checker":
        tensors = {key.replace("vision_model.vision_model.", "vision_model."): value for key, value in tensors.items()}
        for key in ("concept_embeds_weights", "special_care_embeds_weights"):
            tensors[key] = -tensors[key]
    return tensors


def write_folder(out, variant):
    """Writes the diffusers folder `out/variant` and returns its path."""
    layers = LAYERS.get(variant, [variant])
    folder = Path(out) / variant
    manifests = {}
    for name in layers:
        ignored = shutil.ignore_patterns("weights.json", "*.saved.json")
        shutil.copytree(HERE / name, folder, ignore=ignored, dirs_exist_ok=True)
        manifests |= json.loads((HERE / name / "weights.json").read_text())
    if variant == "tiny-sd15-saved":
        shutil.copy(HERE / "tiny-sd15" / "scheduler_config.saved.json", folder / "scheduler" / "scheduler_config.json")
    if "text_encoder" in manifests:
        tokenizer = "sd21" if "tiny-sd21-v" in layers else "sd15"
        shutil.copytree(HERE.parent / "tokenizer" / tokenizer, folder / "tokenizer")
        for file in ("vocab.json", "merges.txt"):
            shutil.copy(ASSETS / "clip" / file, folder / "tokenizer")
    for component, manifest in manifests.items():
        tensors, digest = tensors_of(manifest)
        assert digest == manifest["sha256"], f"{variant}/{component} drifted"
        path = folder / component / (manifest["file"] + ".safetensors")
        save_file(spelled(variant, component, tensors), path, {"format": "pt"})
    if variant == "tiny-ddpm-legacy":
        for path in [*(folder / "unet").iterdir(), *(folder / "scheduler").iterdir()]:
            shutil.move(path, folder)
        (folder / "unet").rmdir()
        (folder / "scheduler").rmdir()
    return folder


def main():
    assert (diffusers.__version__, transformers.__version__) == ("0.42.1", "5.23.0")
    if len(sys.argv) == 1:
        for name in CLASSES:
            write_definition(name)
    else:
        for variant in sys.argv[2:] or [*(name for name in CLASSES if name != "tiny-sd15-safety"), *LAYERS]:
            print(write_folder(sys.argv[1], variant))


if __name__ == "__main__":
    main()
