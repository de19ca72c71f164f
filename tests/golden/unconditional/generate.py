#!/usr/bin/env python3
"""Writes what DDPMPipeline and DDIMPipeline draw: CHECKPOINT.safetensors with the data, cases.json with what was asked for.

For a case NAME and each of its seeds S the data are:
  NAME/S     the picture [height, width, 3] before it becomes a PNG, 0..1 as round(x * 65535), 16 bits
  noise/HxW/S  what the denoising starts from, [3, h, w], as it comes out of the generator
cases.json has the timesteps as the scheduler gives them.

Two pictures are drawn with a generator each, seeded S and S + 1, and so are the pictures of those seeds alone: the script
compares them. tiny-ddpm-legacy holds the weights of tiny-ddpm under other names and shares its goldens; Diffusers reads
its folder alike, which is checked on one case.

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0; runs on one thread in f32.
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
from diffusers import DDIMPipeline, DDPMPipeline
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checkpoints"))
from make_checkpoints import write_folder

diffusers.utils.logging.disable_progress_bar()
diffusers.utils.logging.set_verbosity_error()

SCHEDULERS = {
    "ddpm": "DDPMScheduler", "ddim": "DDIMScheduler", "lcm": "LCMScheduler",
    "euler": "EulerDiscreteScheduler",
}
# The same picture by another order of sums (another place of the weights in memory suffices), and what 16 bits round away.
TOLERANCE = 5e-5


def case(name, **differences):
    return {"name": name, "scheduler": None, "steps": 10, "eta": 0.0, "width": 64, "height": 64, "seeds": [0], **differences}


PLAN = {
    "tiny-ddpm": [
        case("ddpm", scheduler="ddpm", seeds=[0, 1]),
        case("ddim", scheduler="ddim", seeds=[0, 1]),
        case("lcm", scheduler="lcm", seeds=[0, 1]),
        # Its noise isn't scaled, nor what the model sees: that is what DDPMPipeline does.
        case("euler", scheduler="euler"),
        case("own-scheduler", steps=25, seeds=[42]),
        case("wide", scheduler="ddpm", width=96, seeds=[5]),
    ],
    "tiny-ddim": [
        case("own-scheduler"),
        case("eta", eta=0.5, seeds=[0, 1]),
        # For a software rasteriser, which takes seconds a step.
        case("short", steps=2),
    ],
}


class Reference:
    def __init__(self, folder):
        index = json.loads((Path(folder) / "model_index.json").read_text())
        pipeline = {"DDPMPipeline": DDPMPipeline, "DDIMPipeline": DDIMPipeline}[index["_class_name"]]
        self.pipeline = pipeline.from_pretrained(folder, dtype=torch.float32)
        self.pipeline.set_progress_bar_config(disable=True)
        self.own_scheduler = self.pipeline.scheduler

    def draw(self, case, seeds):
        """The pictures of these seeds drawn in one run, and the noise that the run started from."""
        pipeline = self.pipeline
        pipeline.scheduler = self.own_scheduler
        if case["scheduler"]:
            pipeline.scheduler = getattr(diffusers, SCHEDULERS[case["scheduler"]]).from_config(self.own_scheduler.config)
        pipeline.unet.register_to_config(sample_size=(case["height"], case["width"]))
        start = []
        forward = type(pipeline.unet).forward
        pipeline.unet.forward = lambda sample, *rest: start.append(sample) or forward(pipeline.unet, sample, *rest)
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        options = {"eta": case["eta"]} if isinstance(pipeline, DDIMPipeline) else {}
        pictures = pipeline(
            batch_size=len(seeds), generator=generators if len(seeds) > 1 else generators[0],
            num_inference_steps=case["steps"], output_type="np", **options,
        ).images
        assert np.isfinite(pictures).all()
        return pictures, start[0].numpy()


def run(reference, case, data):
    """Draws every seed of a case alone, and those whose successor is there too with it."""
    largest = 0.0
    for seed in case["seeds"]:
        pictures, start = reference.draw(case, [seed])
        rounded = np.round(pictures[0].astype(np.float64) * 65535).astype(np.uint16)
        # safetensors writes memory as it lies, and the picture is a permuted view.
        data[f"{case['name']}/{seed}"] = np.ascontiguousarray(rounded)
        data[f"noise/{case['height']}x{case['width']}/{seed}"] = start[0]
    for seed in case["seeds"]:
        if seed + 1 in case["seeds"]:
            for k, picture in enumerate(reference.draw(case, [seed, seed + 1])[0]):
                alone = data[f"{case['name']}/{seed + k}"] / 65535.0
                largest = max(largest, float(np.abs(picture - alone).max()))
    picture = data[f"{case['name']}/{case['seeds'][0]}"] / 65535.0
    clipped = np.mean((picture == 0) | (picture == 1))
    print(f"  {case['name']}: std {picture.std():.3f}, clipped {clipped:.4f}, two at once differ by {largest:.1e}")
    assert largest < TOLERANCE and 0.1 < picture.std()
    return {**case, "timesteps": reference.pipeline.scheduler.timesteps.double().tolist()}


def main():
    assert diffusers.__version__ == "0.42.1"
    torch.set_num_threads(1)
    plan = {}
    with tempfile.TemporaryDirectory() as scratch:
        for checkpoint, cases in PLAN.items():
            print(checkpoint)
            reference = Reference(write_folder(scratch, checkpoint))
            data = {}
            plan[checkpoint] = [run(reference, case, data) for case in cases]
            save_file(data, HERE / f"{checkpoint}.safetensors")
        names = ("tiny-ddpm", "tiny-ddpm-legacy")
        folders = [Path(scratch) / names[0], write_folder(scratch, names[1])]
        first, second = (Reference(folder).draw(case("spelling", scheduler="ddim"), [0])[0] for folder in folders)
        assert np.abs(first - second).max() < TOLERANCE
    text = json.dumps(plan).replace('[{"name"', '[\n{"name"').replace('}, {"name"', '},\n{"name"')
    (HERE / "cases.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
