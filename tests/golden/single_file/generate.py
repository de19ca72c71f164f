#!/usr/bin/env python3
"""What Diffusers makes of single files.

names.json  for each kind of component, what its tensors are called in a single file, in the order of their sorted names in
            Diffusers (without `text_model.`); `name/0`, `name/1` and `name/2` are the thirds of one tensor: query, key and
            value. The names are made up here, from Diffusers' names, and then handed to Diffusers' and transformers' own
            converters: the script ends with an error unless these give back every tensor under the name it had.
original_configs.json  configs in the authors' format, as text, and what `from_single_file` takes from them.
families.json  the tensors that tell, of each family, and what `infer_diffusers_model_type` calls it.
published.json  the names and shapes of Stable Diffusion 1 and 2 and of the latter's depth estimator as single files have them,
            and how many parameters each component has in Diffusers. The networks are built from `assets/configs`.
embeddings.safetensors  two words of textual inversion for tiny-sd15, `toy` of one row and `style` of three, and what
            `load_textual_inversion` and `encode_prompt` make of the prompt in its metadata, [1, 77, 32]
fp8.json    torch's numbers for the 256 bytes of float8_e4m3fn and float8_e5m2; null stands for NaN, "inf" for infinity.

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0, and in CONVERTER the path of transformers 4's
`models/dpt/convert_dpt_hybrid_to_pytorch.py`, which version 5 lacks.
"""

import json
import math
import os
import re
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import yaml
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders import single_file_utils as ldm
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, DPTConfig, DPTForDepthEstimation

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checkpoints"))
from make_checkpoints import write_folder

LAYERS = 2  # resnets in each level of every Stable Diffusion 1 and 2
LEVELS = 4
UNET_ENDS = {
    "conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0", "conv_out": "out.2",
}
RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}
VAE = {
    "mid_block.attentions.0.group_norm": "mid.attn_1.norm", "mid_block.attentions.0.to_q": "mid.attn_1.q",
    "mid_block.attentions.0.to_k": "mid.attn_1.k", "mid_block.attentions.0.to_v": "mid.attn_1.v",
    "mid_block.attentions.0.to_out.0": "mid.attn_1.proj_out", "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2", "conv_norm_out": "norm_out",
}
OPEN_CLIP = {
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
MIDAS = {
    "layernorm_before": "norm1", "layernorm_after": "norm2", "attention.output.dense": "attn.proj",
    "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2",
}


def begin(key, table):
    """`key` with its beginning renamed."""
    for old, new in table.items():
        if key.startswith(old + "."):
            return new + key[len(old):]
    return key


def unet_name(key):
    prefix = "model.diffusion_model."
    if begin(key, UNET_ENDS) != key:
        return prefix + begin(key, UNET_ENDS)
    if match := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", key):
        kind, i, rest = match.groups()
        return prefix + (f"middle_block.{2 * int(i)}.{begin(rest, RESNET)}" if kind == "resnets" else f"middle_block.1.{rest}")
    side, level, kind, layer, rest = re.fullmatch(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", key).groups()
    level, layer = int(level), int(layer)
    first = level * (LAYERS + 1)
    if kind == "downsamplers":
        return f"{prefix}input_blocks.{first + LAYERS + 1}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":  # after the attention, which the first level on the way up lacks
        return f"{prefix}output_blocks.{first + LAYERS}.{1 if level == 0 else 2}.{rest}"
    block = f"input_blocks.{first + layer + 1}" if side == "down" else f"output_blocks.{first + layer}"
    return f"{prefix}{block}." + (f"0.{begin(rest, RESNET)}" if kind == "resnets" else f"1.{rest}")


def vae_name(key):
    prefix = "first_stage_model."
    if "quant_conv" in key:
        return prefix + key
    side, rest = key.split(".", 1)
    rest = begin(rest, VAE).replace("conv_shortcut", "nin_shortcut")
    rest = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", rest)
    rest = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", rest)
    last = LEVELS - 1
    rest = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{last - int(m[1])}.block.{m[2]}", rest)
    rest = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{last - int(m[1])}.upsample", rest)
    return f"{prefix}{side}.{rest}"


def clip_name(key):
    return f"cond_stage_model.transformer.text_model.{key}"


def open_clip_name(key):
    prefix = "cond_stage_model.model."
    key = {
        "embeddings.position_embedding.weight": "positional_embedding",
        "embeddings.token_embedding.weight": "token_embedding.weight",
    }.get(key, key.replace("final_layer_norm", "ln_final"))
    if match := re.fullmatch(r"encoder\.layers\.(\d+)\.(.*)", key):
        layer, rest = match.groups()
        if third := re.fullmatch(r"self_attn\.([qkv])_proj\.(\w+)", rest):
            rest = f"attn.in_proj_{third[2]}/{'qkv'.index(third[1])}"
        key = f"transformer.resblocks.{layer}.{begin(rest, OPEN_CLIP)}"
    return prefix + key


def midas_name(key):
    prefix = "depth_model.model."
    table = {
        "dpt.embeddings.cls_token": "pretrained.model.cls_token",
        "dpt.embeddings.position_embeddings": "pretrained.model.pos_embed",
        "dpt.embeddings.projection": "pretrained.model.patch_embed.proj",
        "dpt.embeddings.backbone.bit.embedder.convolution": "pretrained.model.patch_embed.backbone.stem.conv",
        "dpt.embeddings.backbone.bit.embedder.norm": "pretrained.model.patch_embed.backbone.stem.norm",
        "dpt.layernorm": "pretrained.model.norm", "head.head": "scratch.output_conv",
    }
    if key in table:
        return prefix + table[key]
    key = begin(key, table)
    key = re.sub(r"dpt\.embeddings\.backbone\.bit\.encoder\.stages\.(\d)\.layers\.(\d)",
                 r"pretrained.model.patch_embed.backbone.stages.\1.blocks.\2", key)
    if match := re.fullmatch(r"dpt\.encoder\.layer\.(\d+)\.(.*)", key):
        layer, rest = match.groups()
        if third := re.fullmatch(r"attention\.attention\.(\w+)\.(\w+)", rest):
            rest = f"attn.qkv.{third[2]}/{['query', 'key', 'value'].index(third[1])}"
        key = f"pretrained.model.blocks.{layer}.{begin(rest, MIDAS)}"
    one_up = lambda text: str(int(text) + 1)
    stage = r"neck\.reassemble_stage\."
    key = re.sub(stage + r"readout_projects\.(\d)\.0", lambda m: f"pretrained.act_postprocess{one_up(m[1])}.0.project.0", key)
    key = re.sub(stage + r"layers\.(\d)\.projection", lambda m: f"pretrained.act_postprocess{one_up(m[1])}.3", key)
    key = re.sub(stage + r"layers\.(\d)\.resize", lambda m: f"pretrained.act_postprocess{one_up(m[1])}.4", key)
    key = re.sub(r"neck\.convs\.(\d)", lambda m: f"scratch.layer{one_up(m[1])}_rn", key)
    if match := re.fullmatch(r"neck\.fusion_stage\.layers\.(\d)\.(.*)", key):
        rest = begin(match[2], {"projection": "out_conv"})
        rest = re.sub(r"residual_layer(\d)\.convolution(\d)", r"resConfUnit\1.conv\2", rest)
        key = f"scratch.refinenet{4 - int(match[1])}.{rest}"
    return prefix + key


def single_file(tensors, name):
    """The tensors of a component as a single file has them."""
    stored, thirds = {}, {}
    for key, tensor in tensors.items():
        new, _, third = name(key).partition("/")
        if third:
            thirds.setdefault(new, {})[int(third)] = tensor
        else:
            stored[new] = tensor
    for new, parts in thirds.items():
        stored[new] = torch.cat([parts[i] for i in range(3)])
    return stored


def same(ours, theirs):
    assert ours.keys() == theirs.keys(), sorted(ours.keys() ^ theirs.keys())[:9]
    for key in ours:
        assert torch.equal(ours[key], theirs[key]), key


def midas_back(stored):
    """`rename_key` and `read_in_q_k_v` of convert_dpt_hybrid_to_pytorch.py."""
    source = Path(os.environ["CONVERTER"]).read_text()
    functions = {}
    for part in re.findall(r"^def (?:rename_key|read_in_q_k_v)\b.*?(?=^def |^# )", source, re.M | re.S):
        exec(part, functions)
    stored = {functions["rename_key"](key.removeprefix("depth_model.model.")): tensor for key, tensor in stored.items()}
    width = stored["dpt.layernorm.weight"].shape[0]
    config = type("Config", (), {"num_hidden_layers": 4, "hidden_size": width})
    functions["read_in_q_k_v"](stored, config)
    return stored


def names():
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        roots = {name: Path(write_folder(folder, name)) for name in ("tiny-sd15", "tiny-sd21-v", "tiny-sd2-depth-hybrid")}

        def load(checkpoint, component):
            root = roots[checkpoint] / component
            tensors = load_file(next(root.glob("*.safetensors")))
            return {key.removeprefix("text_model."): tensor for key, tensor in tensors.items()}

        unet, vae = load("tiny-sd15", "unet"), load("tiny-sd15", "vae")
        stored = single_file(unet, unet_name)
        same(unet, ldm.convert_ldm_unet_checkpoint(stored, {"layers_per_block": LAYERS}))
        stored = single_file(vae, vae_name)
        for key in stored:  # convolutions of 1 x 1 there
            if "attn_1" in key and key.endswith("weight") and stored[key].ndim == 2:
                stored[key] = stored[key][:, :, None, None]
        blocks = {"down_block_types": [""] * LEVELS, "up_block_types": [""] * LEVELS}
        same(vae, ldm.convert_ldm_vae_checkpoint(stored, blocks))
        clip, open_clip = load("tiny-sd15", "text_encoder"), load("tiny-sd21-v", "text_encoder")
        back = ldm.convert_ldm_clip_checkpoint(single_file(clip, clip_name))
        same(clip, {key.removeprefix("text_model."): tensor for key, tensor in back.items()})
        # Diffusers takes the width from the projection of the texts, which it then leaves out.
        stored = single_file(open_clip, open_clip_name) | {"cond_stage_model.model.text_projection": torch.zeros(64, 64)}
        back = ldm.convert_open_clip_checkpoint(CLIPTextModel(CLIPTextConfig(hidden_size=64)), stored)
        same(open_clip, {key.removeprefix("text_model."): tensor for key, tensor in back.items()})
        depth = load("tiny-sd2-depth-hybrid", "depth_estimator")
        same(depth, midas_back(single_file(depth, midas_name)))
        for kind, tensors, name in [
            ("unet", unet, unet_name), ("vae", vae, vae_name), ("clip", clip, clip_name),
            ("open_clip", open_clip, open_clip_name), ("dpt_hybrid", depth, midas_name),
        ]:
            found[kind] = [name(key) for key in sorted(tensors)]
    return found


ORIGINAL = """\
model:
  base_learning_rate: {rate}
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    {parameterization}linear_start: {start}
    linear_end: 0.0120
    timesteps: 1000
    first_stage_key: "jpg"
    cond_stage_trainable: false # a comment
    scale_factor: {factor}
    scheduler_config:
      params:
        cycle_lengths: [ 10000000000000 ]
        f_start: [ 1.e-6 ]
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params:
        in_channels: 4
        out_channels: 4
        model_channels: 320
        attention_resolutions: [ 4, 2, 1 ]
        num_res_blocks: 2
        channel_mult: [ 1, 2, 4, 4 ]
        {heads}
        use_spatial_transformer: True
        transformer_depth: 1
        context_dim: {context}
    first_stage_config:
      params:
        embed_dim: 4
        ddconfig:
          z_channels: 4
          in_channels: 3
          out_ch: 3
          ch: 128
          ch_mult:
          - 1
          - 2
          - 4
          - 4
          num_res_blocks: 2
          attn_resolutions: []
    cond_stage_config:
      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder
"""


def original_configs():
    """Stable Diffusion 1 and 2, with other numbers than the published ones where a picture would show them."""
    cases = {
        "one": dict(rate="1.0e-04", parameterization="", start=0.00075, factor=0.13, heads="num_heads: 4", context=768),
        "two": dict(rate="1.0e-4", parameterization='parameterization: "v"\n    ', start=0.00085, factor=0.18215,
                    heads="num_head_channels: 32\n        use_linear_in_transformer: True", context=1024),
    }
    found = {}
    key = ldm.CHECKPOINT_KEY_NAMES["v2"]
    for name, case in cases.items():
        text = ORIGINAL.format(**case)
        original, checkpoint = yaml.safe_load(text), {key: torch.zeros(1, case["context"])}
        unet = ldm.create_unet_diffusers_config_from_ldm(original, checkpoint)
        vae = ldm.create_vae_diffusers_config_from_ldm(original, checkpoint)
        params = original["model"]["params"]
        found[name] = {
            "text": text, "attention_head_dim": unet["attention_head_dim"], "scaling_factor": vae["scaling_factor"],
            "beta_start": params["linear_start"], "beta_end": params["linear_end"],
            "prediction_type": "v_prediction" if params.get("parameterization") == "v" else None,
        }
    return found


def families():
    """(name, shape) of the tensors that tell."""
    channels = "model.diffusion_model.input_blocks.0.0.weight"
    width = ldm.CHECKPOINT_KEY_NAMES["v2"]
    unet = lambda n, c: [(channels, (320, n, 3, 3)), (width, (320, c))]
    key = lambda name: [(k, (4, 4)) for k in [ldm.CHECKPOINT_KEY_NAMES[name]] for k in (k if isinstance(k, list) else [k])]
    cases = [
        unet(4, 768), unet(9, 768), unet(8, 768), unet(4, 1024), unet(9, 1024),
        [(channels, (320, 4, 3, 3)), (width.replace("2.1", "4.1"), (640, 2048)), *key("xl_base")],
        [(channels, (384, 4, 3, 3)), (width.replace("2.1", "4.1"), (768, 1280)), *key("xl_refiner")],
        key("flux")[1:], key("auraflow"), key("chroma")[:1], key("flux2")[:1], key("lumina2")[:1], key("hunyuan-video"),
        key("controlnet")[:1], key("z-image-turbo")[:1],
    ]
    found = []
    for case in cases:
        shapes = {name: torch.empty(shape, device="meta") for name, shape in case}
        found.append({"tensors": case, "type": ldm.infer_diffusers_model_type(shapes)})
    return found


def published():
    found = {}
    for family in ("stable-diffusion-1", "stable-diffusion-2", "stable-diffusion-2-depth"):
        configs = json.loads((HERE.parents[2] / "assets" / "configs" / f"{family}.json").read_text())
        tensors, parameters = {}, {}
        for component, (model_class, config_class, name) in {
            "unet": (UNet2DConditionModel, None, unet_name), "vae": (AutoencoderKL, None, vae_name),
            "text_encoder": (CLIPTextModel, CLIPTextConfig, clip_name if family.endswith("1") else open_clip_name),
            "depth_estimator": (DPTForDepthEstimation, DPTConfig, midas_name),
        }.items():
            config = configs.get(f"{component}/config.json")
            # The depth model's other components are those of Stable Diffusion 2.
            if config is None or (family.endswith("depth") and component != "depth_estimator"):
                continue
            with torch.device("meta"):
                model = model_class(config_class(**config)) if config_class else model_class.from_config(config)
            shapes = {key.removeprefix("text_model."): tensor for key, tensor in model.state_dict().items()}
            parameters[component] = sum(tensor.numel() for tensor in shapes.values())
            if name is open_clip_name:  # the layer that isn't read, and what else is in the files
                last = {key: t for key, t in shapes.items() if key.startswith("encoder.layers.22.")}
                shapes |= {key.replace(".22.", ".23."): t for key, t in last.items()}
            shapes = single_file(shapes, name)
            tensors |= {key: list(tensor.shape) for key, tensor in shapes.items()}
            if name is open_clip_name:
                tensors |= {"cond_stage_model.model.text_projection": [1024, 1024], "cond_stage_model.model.logit_scale": []}
        found[family] = {"parameters": parameters, "tensors": tensors}
    return found


def embeddings():
    prompt = "a Picasso of <toy> and style, in the style of a squirrel"
    with tempfile.TemporaryDirectory() as folder:
        pipe = StableDiffusionPipeline.from_pretrained(write_folder(folder, "tiny-sd15"))
    generator = torch.Generator().manual_seed(33)
    words = {name: torch.randn(rows, 32, generator=generator) for name, rows in [("<toy>", 1), ("style", 3)]}
    for name, rows in words.items():
        # `style` is a piece of the vocabulary, which Diffusers refuses as a word: it is called otherwise there.
        token = name if name == "<toy>" else "<style>"
        pipe.load_textual_inversion({"rows": rows}, token=token)
    with torch.no_grad():
        embeds, _ = pipe.encode_prompt(prompt.replace("style", "<style>"), "cpu", 1, False)
        without, _ = pipe.encode_prompt("a Picasso", "cpu", 1, False)
    assert embeds.shape == without.shape == (1, 77, 32)
    save_file({**words, "prompt_embeds": embeds}, HERE / "embeddings.safetensors", {"prompt": prompt})
    print("embeddings.safetensors")


def fp8():
    def number(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf") if math.isinf(value) else value

    every = torch.arange(256, dtype=torch.uint8)
    return {
        str(dtype).removeprefix("torch."): [number(value) for value in every.view(dtype).float().tolist()]
        for dtype in (torch.float8_e4m3fn, torch.float8_e5m2)
    }


def write(name, content, **options):
    (HERE / name).write_text(json.dumps(content, **options) + "\n")
    print(name)


if __name__ == "__main__":
    write("names.json", names(), indent=0)
    write("original_configs.json", original_configs(), indent=1)
    write("published.json", published())
    write("families.json", families(), indent=1)
    write("fp8.json", fp8())
    embeddings()
