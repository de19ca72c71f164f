#!/usr/bin/env python3
"""Writes what StableDiffusionSafetyChecker says of pictures: expected.json.

"pictures": integer arithmetic makes each from its width and height (`picture`); "pixels" are every 997th value of what
CLIPImageProcessor gives, and for each checkpoint the scores in the checker's order, which it keeps to itself: they are
worked out here by its own lines, and compared with what it does tell.
"runs": what StableDiffusionPipeline tells of a picture of tiny-sd15-safety-flag and -pass, and whether that is black.

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0 (without torchvision, so that pictures are resized by Pillow).
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
from diffusers import DDIMScheduler, StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.safety_checker import cosine_distance
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checkpoints"))
from make_checkpoints import write_folder

diffusers.utils.logging.disable_progress_bar()
diffusers.utils.logging.set_verbosity_error()
CHECKPOINTS = ["tiny-sd15-safety-flag", "tiny-sd15-safety-pass"]
SIZES = [(64, 64), (101, 70), (70, 301), (640, 480)]


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x * 7 + y * 13) % 256], -1).astype(np.uint8)


@torch.no_grad()
def scores(checker, pixels):
    embeds = checker.visual_projection(checker.vision_model(pixels)[1])
    special_cos = cosine_distance(embeds, checker.special_care_embeds).float().numpy()[0]
    cos = cosine_distance(embeds, checker.concept_embeds).float().numpy()[0]
    adjustment, special, concepts = 0.0, [], []
    for index, value in enumerate(special_cos):
        special.append(round(value - checker.special_care_embeds_weights[index].item() + adjustment, 3))
        if special[-1] > 0:
            adjustment = 0.01
    for index, value in enumerate(cos):
        concepts.append(round(value - checker.concept_embeds_weights[index].item() + adjustment, 3))
    flagged = checker(clip_input=pixels, images=np.zeros((1, 8, 8, 3)))[1][0]
    assert flagged == any(score > 0 for score in concepts)
    decimal = lambda values: [float(f"{value:.3f}") for value in values]
    return {"special_care": decimal(special), "concepts": decimal(concepts), "flagged": flagged}


def main():
    assert (diffusers.__version__, transformers.__version__) == ("0.42.1", "5.23.0")
    torch.set_num_threads(1)
    expected = {"pictures": [{"width": width, "height": height} for width, height in SIZES], "runs": {}}
    with tempfile.TemporaryDirectory() as scratch:
        for name in CHECKPOINTS:
            pipeline = StableDiffusionPipeline.from_pretrained(write_folder(scratch, name), dtype=torch.float32)
            pipeline.set_progress_bar_config(disable=True)
            for case in expected["pictures"]:
                image = Image.fromarray(picture(case["width"], case["height"]))
                pixels = pipeline.feature_extractor(image, return_tensors="pt").pixel_values
                case["pixels"] = pixels.flatten()[::997].tolist()
                case[name] = scores(pipeline.safety_checker, pixels)
            pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
            result = pipeline(
                "a fox", num_inference_steps=4, guidance_scale=1.0, width=64, height=64, output_type="np",
                generator=torch.Generator("cpu").manual_seed(3),
            )
            black = bool((result.images == 0).all())
            expected["runs"][name] = {"flagged": result.nsfw_content_detected[0], "black": black}
    (HERE / "expected.json").write_text(json.dumps(expected).replace("}, {", "},\n{") + "\n")


if __name__ == "__main__":
    main()
