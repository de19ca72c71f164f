#!/usr/bin/env python3
"""src/storage/checkpoint/defaults.json: what Diffusers 0.42.1 and transformers 5.23.0 fill in where a model's config says nothing;
configs.json: whole configs, as those libraries have them, of tiny checkpoints whose files leave much out;
swaps.json: the options of samplers that were made of another one's config, `X.from_config(pipe.scheduler.config)`.

Run from the root of the project. A default is that of the class's own constructor; where a constructor then changes it for what
other options say (DPT's, for models that aren't hybrid), none is given.
"""
import inspect
import json
import pathlib

import diffusers
import transformers
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

ROOT = pathlib.Path("tests/golden/checkpoints")
HERE = pathlib.Path(__file__).parent
CONFIGS = {
    "CLIPTextModel": transformers.CLIPTextConfig,
    "StableDiffusionSafetyChecker": StableDiffusionSafetyChecker.config_class,
    "DPTForDepthEstimation": transformers.DPTConfig,
}
MODELS = [diffusers.UNet2DConditionModel, diffusers.UNet2DModel, diffusers.AutoencoderKL]
# Checkpoint, component, and the sampler of ours whose class is made of its scheduler's config.
WHOLE = [("tiny-sd15", "unet"), ("tiny-sd15", "vae"), ("tiny-sd15", "text_encoder"), ("tiny-ddpm", "unet")]
SWAPS = [
    ("tiny-sd15", "euler", "EulerDiscreteScheduler"), ("tiny-sd15", "dpm++2m", "DPMSolverMultistepScheduler"),
    ("tiny-sd15", "ddim", "DDIMScheduler"), ("tiny-sd21-v", "unipc", "UniPCMultistepScheduler"),
    ("tiny-sd21-v", "pndm", "PNDMScheduler"), ("tiny-sd21-v", "lcm", "LCMScheduler"),
]


def plain(value):
    # As our own reader has it: JSON knows no infinity.
    return json.loads(json.dumps(value).replace("-Infinity", '"-Infinity"'))


def signature(function, keyword_only):
    parameters = inspect.signature(function).parameters.values()
    kinds = [inspect.Parameter.KEYWORD_ONLY] if keyword_only else [inspect.Parameter.POSITIONAL_OR_KEYWORD]
    return {p.name: plain(p.default) for p in parameters if p.kind in kinds and p.name != "self"}


defaults = {model.__name__: signature(model.__init__, False) for model in MODELS}
for name, config in CONFIGS.items():
    settled = plain(config().to_dict())
    own = signature(config.__init__, True)
    defaults[name] = {key: value for key, value in own.items() if settled.get(key) == value}
pathlib.Path("src/storage/checkpoint/defaults.json").write_text(json.dumps(defaults, indent=1, sort_keys=True) + "\n")

whole = {}
for checkpoint, component in WHOLE:
    file = json.loads((ROOT / checkpoint / component / "config.json").read_text())
    if component == "text_encoder":
        config = transformers.CLIPTextConfig.from_pretrained(ROOT / checkpoint / component).to_dict()
    else:
        config = getattr(diffusers, file["_class_name"]).from_config(file).config
    own = defaults["CLIPTextModel" if component == "text_encoder" else file["_class_name"]]
    whole[f"{checkpoint}/{component}"] = {key: plain(config[key]) for key in own}
(HERE / "configs.json").write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")

swaps = []
for checkpoint, name, class_name in SWAPS:
    file = json.loads((ROOT / checkpoint / "scheduler" / "scheduler_config.json").read_text())
    own = getattr(diffusers, file["_class_name"]).from_config(file)
    other = getattr(diffusers, class_name).from_config(own.config)
    known = set(inspect.signature(type(other).__init__).parameters)
    config = {key: plain(value) for key, value in other.config.items() if key in known}
    swaps.append({"checkpoint": checkpoint, "sampler": name, "config": config})
(HERE / "swaps.json").write_text(json.dumps(swaps, indent=1, sort_keys=True) + "\n")
