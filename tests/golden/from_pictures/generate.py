#!/usr/bin/env python3
"""Writes what Diffusers draws from pictures: CHECKPOINT.safetensors with the data, cases.json with what was asked for.

The pipelines are StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline and StableDiffusionDepth2ImgPipeline. The
picture, the mask and the depth map that a case begins with are formulas, which tests/parity/from_pictures.rs has too. For a case
NAME and each of its seeds S the data are:
  NAME/S/image    the picture [height, width, 3] before it becomes a PNG, 0..1 as round(x * 65535), 16 bits; with a
                  padding_mask_crop, the finished picture of the original's size, 8 bits
  NAME/S/initial_latents  [4, h, w]
  NAME/S/image_latents, NAME/S/masked_image_latents  [4, h, w], where the pipeline makes them
  NAME/mask, NAME/depth_mask  [1, h, w]
cases.json has the timesteps as the scheduler gives them.

Cases with two seeds are drawn alone and as a batch, from a generator each; the script compares them and keeps one picture a
seed. Of the inpainting pipeline this is true only if it is given as many pictures and masks as prompts: otherwise it draws the
latents of the picture from the first generator alone.

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0, Pillow 13.0.0; runs on one thread in f32.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import numpy as np
import torch
import transformers
from diffusers import (
    StableDiffusionDepth2ImgPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
)
from PIL import ImageFilter
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "checkpoints"), str(HERE.parent / "imaging")]
from generate import mask, picture
from make_checkpoints import write_folder

diffusers.utils.logging.disable_progress_bar()
diffusers.utils.logging.set_verbosity_error()

SCHEDULERS = {
    "ddim": ("DDIMScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpm++2m-karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
}
CLASSES = {
    "image-to-image": StableDiffusionImg2ImgPipeline, "inpaint": StableDiffusionInpaintPipeline,
    "depth-to-image": StableDiffusionDepth2ImgPipeline,
}
PROMPT = "An image of a squirrel in Picasso style"
# The same picture by another order of sums, and what 16 bits round away (7.6e-6).
BATCH_TOLERANCE = 5e-5


def case(name, task, **differences):
    defaults = {
        "task": task, "scheduler": "euler", "steps": 10, "strength": 0.8, "guidance_scale": 7.5, "picture": [53, 45],
        "width": 48, "height": 40, "seeds": [0], "blur": 0, "padding": None, "own_depth": False,
    }
    return {"name": name, **defaults, **differences}


def grid(task, schedulers, strengths):
    return [
        case(f"{task}-{scheduler}-{strength}", task, scheduler=scheduler, strength=strength)
        for scheduler in schedulers
        for strength in strengths
    ]


ODD = {"picture": [101, 70], "width": 96, "height": 64}
SQUARE = {"picture": [64, 64], "width": 64, "height": 64}
STRENGTHS = (0.1, 0.58, 0.8, 1.0)
PLAN = {
    "tiny-sd15": [
        *grid("image-to-image", ("euler", "dpm++2m-karras", "heun", "pndm"), STRENGTHS),
        case("image-to-image-odd", "image-to-image", seeds=[0, 1], **ODD),
        case("image-to-image-random", "image-to-image", scheduler="euler-a", seeds=[42, 43]),
        case("image-to-image-plain", "image-to-image", scheduler="ddim", guidance_scale=1.0, strength=0.5),
        *grid("inpaint", ("euler", "dpm++2m-karras", "heun", "pndm"), STRENGTHS),
        case("inpaint-odd", "inpaint", seeds=[0, 1], **ODD),
        case("inpaint-random", "inpaint", scheduler="euler-a", strength=1.0, seeds=[42]),
        case("inpaint-blur", "inpaint", scheduler="ddim", blur=4, guidance_scale=1.0),
        case("image-to-image-square", "image-to-image", steps=5, **SQUARE),
        case("inpaint-square", "inpaint", steps=5, **SQUARE),
        case("inpaint-crop", "inpaint", padding=8, seeds=[0], **ODD),
        case("inpaint-crop-wide", "inpaint", padding=0, blur=2, picture=[101, 70], width=64, height=24),
    ],
    "tiny-sd15-inpaint": [
        *grid("inpaint", ("euler", "dpm++2m-karras", "pndm"), STRENGTHS),
        case("inpaint-odd", "inpaint", seeds=[0, 1], strength=1.0, **ODD),
        case("inpaint-random", "inpaint", scheduler="euler-a", seeds=[42, 43]),
        case("inpaint-square", "inpaint", steps=5, strength=1.0, **SQUARE),
    ],
    "tiny-sd2-depth": [
        *(
            {**each, "own_depth": True, "name": each["name"] + "-own"}
            for each in grid("depth-to-image", ("euler", "dpm++2m-karras", "heun"), (0.58, 1.0))
        ),
        case("depth-odd-own", "depth-to-image", own_depth=True, seeds=[0, 1], **ODD),
        case("depth-odd", "depth-to-image", scheduler="pndm", **ODD),
        case("depth-weak", "depth-to-image", scheduler="pndm", strength=0.1, **ODD),
    ],
    "tiny-sd2-depth-hybrid": [case("depth-odd", "depth-to-image", scheduler="ddim", **ODD)],
}


def depth_map():
    """A slope with a bump, 16 bits, 40 x 30."""
    y, x = np.mgrid[0:30, 0:40]
    return x * 900 + y * 500 + np.where((x - 12) ** 2 + (y - 15) ** 2 < 60, 9000, 0)


class Reference:
    """A checkpoint in Diffusers."""

    def __init__(self, folder):
        self.folder = folder
        self.pipelines = {}

    def pipeline(self, task):
        if task not in self.pipelines:
            made = CLASSES[task].from_pretrained(self.folder, dtype=torch.float32, safety_checker=None)
            made.set_progress_bar_config(disable=True)
            self.pipelines[task] = made, made.scheduler
        made, own = self.pipelines[task]
        made.scheduler = own
        return made

    def draw(self, case, seeds):
        """The pictures of these seeds drawn in one run, and what the run made on its way."""
        pipeline = self.pipeline(case["task"])
        name, overrides = SCHEDULERS[case["scheduler"]]
        pipeline.scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config, **overrides)
        made, timesteps = {}, []
        count = len(seeds)
        kept = {
            "prepare_latents": ["initial_latents", None, "image_latents"],
            "prepare_mask_latents": ["mask", "masked_image_latents"], "prepare_depth_map": ["depth_mask"],
        }
        for method, names in kept.items():
            original = getattr(type(pipeline), method, None)
            if original is None:
                continue

            def call(*args, _original=original, _names=names, **kwargs):
                result = _original(pipeline, *args, **kwargs)
                for key, value in zip(_names, result if isinstance(result, tuple) else [result]):
                    if key:
                        made.setdefault(key, value.detach().clone())
                return result

            setattr(pipeline, method, call)
        predict = type(pipeline.unet).forward
        pipeline.unet.forward = lambda x, t, **kw: timesteps.append(float(t)) or predict(pipeline.unet, x, t, **kw)

        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        image = picture(*case["picture"])
        options = {"prompt": PROMPT, "image": image, "output_type": "np"}
        if case["task"] == "inpaint":
            drawn = mask(*case["picture"])
            drawn = drawn.filter(ImageFilter.GaussianBlur(case["blur"])) if case["blur"] else drawn
            options |= {"mask_image": drawn, "width": case["width"], "height": case["height"]}
            if count > 1:
                options |= {"prompt": [PROMPT] * count, "image": [image] * count, "mask_image": [drawn] * count}
            if case["padding"] is not None:
                options |= {"padding_mask_crop": case["padding"], "output_type": "pil"}
        if case["own_depth"]:
            options["depth_map"] = torch.from_numpy(depth_map().astype(np.float32))[None]
        if "mask_image" not in options or count == 1:
            options["num_images_per_prompt"] = count
        pictures = pipeline(
            strength=case["strength"], num_inference_steps=case["steps"], guidance_scale=case["guidance_scale"],
            generator=generators if count > 1 else generators[0], **options,
        ).images
        pictures = np.stack([np.asarray(picture) for picture in pictures])
        assert np.isfinite(pictures).all()
        return pictures, {key: value.numpy() for key, value in made.items()}, timesteps


def run(reference, case, data):
    alone = {}
    for seed in case["seeds"]:
        pictures, made, timesteps = reference.draw(case, [seed])
        alone[seed] = pictures[0]
        wide = case["padding"] is None
        image = np.round(pictures[0] * 65535).astype(np.uint16) if wide else pictures[0]
        data[f"{case['name']}/{seed}/image"] = np.ascontiguousarray(image)
        for key in ("initial_latents", "image_latents", "masked_image_latents"):
            if key in made:
                data[f"{case['name']}/{seed}/{key}"] = np.ascontiguousarray(made[key][0])
        for key in ("mask", "depth_mask"):
            if key in made:
                data[f"{case['name']}/{key}"] = np.ascontiguousarray(made[key][0])
    largest = 0.0
    if len(case["seeds"]) > 1:
        pictures, made, _ = reference.draw(case, case["seeds"])
        for k, seed in enumerate(case["seeds"]):
            largest = max(largest, float(np.abs(pictures[k] - alone[seed]).max()))
            latents = data[f"{case['name']}/{seed}/initial_latents"]
            assert np.abs(made["initial_latents"][k] - latents).max() < 1e-4
    shown = alone[case["seeds"][0]].astype(np.float32)
    print(f"  {case['name']}: std {shown.std():.3f}, {len(timesteps)} calls, two at once differ by {largest:.1e}")
    assert largest < BATCH_TOLERANCE
    return {**case, "timesteps": timesteps}


def main():
    assert (diffusers.__version__, transformers.__version__) == ("0.42.1", "5.23.0")
    torch.set_num_threads(1)
    plan = {}
    with tempfile.TemporaryDirectory() as scratch:
        for checkpoint, cases in PLAN.items():
            print(checkpoint)
            reference = Reference(write_folder(scratch, checkpoint))
            data = {}
            plan[checkpoint] = [run(reference, case, data) for case in cases]
            save_file(data, HERE / f"{checkpoint}.safetensors")
    text = json.dumps(plan).replace('[{"name"', '[\n{"name"').replace('}, {"name"', '},\n{"name"')
    (HERE / "cases.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
