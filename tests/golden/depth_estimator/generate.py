#!/usr/bin/env python3
"""Writes how far away the depth estimators of two checkpoints find the pixels of pictures: depths.safetensors.

"CHECKPOINT/WIDTHxHEIGHT" is every sixth value of every sixth row of `predicted_depth`, of a picture that integer arithmetic
makes from its width and height (`picture`), prepared by DPTImageProcessor.

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0 (without torchvision, so that pictures are resized by Pillow).
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from transformers import DPTForDepthEstimation, DPTImageProcessor

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checkpoints"))
from make_checkpoints import write_folder

SIZES = [(101, 70), (640, 480)]


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 255 // width, y * 255 // height, (x * 7 + y * 13) % 256], -1).astype(np.uint8))


@torch.no_grad()
def main():
    assert transformers.__version__ == "5.23.0"
    torch.set_num_threads(1)
    depths = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("tiny-sd2-depth", "tiny-sd2-depth-hybrid"):
            folder = write_folder(scratch, name)
            processor = DPTImageProcessor.from_pretrained(folder / "feature_extractor")
            network = DPTForDepthEstimation.from_pretrained(folder / "depth_estimator")
            for width, height in SIZES:
                pixels = processor(images=picture(width, height), return_tensors="pt").pixel_values
                depth = network(pixels).predicted_depth
                print(name, width, height, list(depth.shape), f"{depth.min():.3f} to {depth.max():.3f}")
                depths[f"{name}/{width}x{height}"] = depth[:, ::6, ::6].contiguous()
    save_file(depths, HERE / "depths.safetensors")
    (HERE / "depths.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
