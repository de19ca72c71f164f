#!/usr/bin/env python3
"""Writes what StableDiffusionPipeline draws: CHECKPOINT.safetensors with the data, cases.json with what was asked for.

For a case NAME and each of its seeds S the data are:
  NAME/S  the picture [height, width, 3] before it becomes a PNG, 0..1 as round(x * 65535), 16 bits
  latents/SCHEDULER/HxW/STEPS/S  what the denoising starts from, [4, h, w], init_noise_sigma already in it
and once a checkpoint
  prompt_embeds  [2, tokens, width] of the negative prompt "" and its first case's prompt
cases.json has the timesteps as the scheduler gives them.

The grid is every scheduler of `SCHEDULERS`, with and without guidance, seeds 0, 1 and 42, one picture a run and two.
Two pictures are drawn with a generator each, seeded S and S + 1, and so are the pictures of those seeds alone: the
script compares them, and keeps one picture a seed (0, 1, 2, 42, 43). tiny-sd15-tf5 and -legacy hold the weights of
tiny-sd15 under other names: the script checks on one case that they draw the same, and they share its goldens.

CHECKPOINT-samplers has the samplers that are not in the grid, smaller.

Needs torch 2.13.0, diffusers 0.42.1, transformers 5.23.0, scipy (LMS); runs on one thread in f32:
generate.py [CHECKPOINT ...] writes these, or all of them.
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
from diffusers import StableDiffusionPipeline
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checkpoints"))
from make_checkpoints import write_folder

diffusers.utils.logging.disable_progress_bar()
diffusers.utils.logging.set_verbosity_error()
BUNDLED = HERE.parents[2] / "assets" / "models" / "pictogram-64"

SCHEDULERS = {
    "ddim": ("DDIMScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "dpm++2m": ("DPMSolverMultistepScheduler", {}),
    "dpm++2m-karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "ddpm": ("DDPMScheduler", {}),
}
KARRAS = {"use_karras_sigmas": True}
# The other samplers for models with a noise schedule, but DPM++ SDE, whose noise is torchsde's.
OTHER_SCHEDULERS = {
    "plms": ("PNDMScheduler", {"skip_prk_steps": True}),
    "pndm-prk": ("PNDMScheduler", {"skip_prk_steps": False}),
    "euler-karras": ("EulerDiscreteScheduler", KARRAS),
    "euler-trailing": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "euler-linspace": ("EulerDiscreteScheduler", {"timestep_spacing": "linspace"}),
    "lms": ("LMSDiscreteScheduler", {}),
    "lms-karras": ("LMSDiscreteScheduler", KARRAS),
    "heun": ("HeunDiscreteScheduler", {}),
    "heun-karras": ("HeunDiscreteScheduler", KARRAS),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2-karras": ("KDPM2DiscreteScheduler", KARRAS),
    "dpm2-a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm2-a-karras": ("KDPM2AncestralDiscreteScheduler", KARRAS),
    "dpm++2m-sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++2m-sde-karras": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"} | KARRAS),
    "dpm++2m-lu": ("DPMSolverMultistepScheduler", {"use_lu_lambdas": True}),
    "dpm++3m": ("DPMSolverMultistepScheduler", {"solver_order": 3}),
    "dpm++2s": ("DPMSolverSinglestepScheduler", {}),
    "dpm++2s-karras": ("DPMSolverSinglestepScheduler", KARRAS),
    "unipc": ("UniPCMultistepScheduler", {}),
    "unipc-karras": ("UniPCMultistepScheduler", KARRAS),
    "deis": ("DEISMultistepScheduler", {}),
    "sasolver": ("SASolverScheduler", {}),
    "sasolver-karras": ("SASolverScheduler", KARRAS),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}
PROMPT = "An image of a squirrel in Picasso style"
NEGATIVE = "blurry, ugly, a photograph"
LONG = ", ".join(["a highly detailed matte painting of a castle on a cliff above a stormy sea at night"] * 8)
# The same picture by another order of sums, and what 16 bits round away (7.6e-6).
BATCH_TOLERANCE = 2e-5


def case(name, **differences):
    defaults = {
        "scheduler": None, "prompt": PROMPT, "negative_prompt": "", "steps": 10, "guidance_scale": 7.5,
        "guidance_rescale": 0.0, "width": 64, "height": 64, "seeds": [0],
    }
    return {"name": name, **defaults, **differences}


# Small and short, since there are so many of them.
OTHERS = [
    case(f"{scheduler}-7.5", scheduler=scheduler, steps=6, width=32, height=32, seeds=[0, 7, 42])
    for scheduler in OTHER_SCHEDULERS
] + [
    # What is asked of a sampler beyond its kind.
    case("ddim-eta", scheduler="ddim", steps=6, width=32, height=32, sampling={"eta": 0.6}),
    case("tcd-eta", scheduler="tcd", steps=4, width=32, height=32, sampling={"eta": 0.3}),
    case("euler-sigmas", scheduler="euler", steps=4, width=32, height=32, sampling={"sigmas": [14.0, 4.0, 1.5, 0.4, 0.0]}),
    case("heun-timesteps", scheduler="heun", steps=3, width=32, height=32, sampling={"timesteps": [980, 500, 50]}),
]


def grid(seeds, scales):
    return [
        case(f"{scheduler}-{scale}", scheduler=scheduler, guidance_scale=scale, seeds=seeds)
        for scheduler in SCHEDULERS
        for scale in scales
    ]


EXTRAS = [
    case("odd-size", scheduler="euler", width=72, height=104),
    case("odd-size-wide", scheduler="pndm", width=136, height=40, seeds=[5]),
    case("negative-prompt", scheduler="ddim", negative_prompt=NEGATIVE),
    case("long-prompt", scheduler="dpm++2m", prompt=LONG, negative_prompt=LONG),
    case("guidance-rescale", scheduler="ddim", guidance_rescale=0.7, seeds=[0, 1]),
    case("own-scheduler", seeds=[7]),
    case("50-steps", scheduler="dpm++2m-karras", steps=50),
    # Not Euler, which would start at timestep 0 here: its sigma is a root that torch's MKL rounds wrongly.
    case("1-step", scheduler="ddim", steps=1),
    case("large-seed", scheduler="ddim", seeds=[2**32 - 1]),
]
PLAN = {
    "tiny-sd15": [*grid([0, 1, 2, 42, 43], (1.0, 7.5)), *EXTRAS],
    "tiny-sd21-v": [*grid([0, 1, 2, 42, 43], (1.0, 7.5)), *EXTRAS],
    "tiny-sd15-saved": grid([0], (7.5,)),
    "tiny-sd15-samplers": OTHERS,
    "tiny-sd21-v-samplers": OTHERS,
    "pictogram-64": [case("heart", prompt="a red heart in 3d style", steps=20, guidance_scale=4.0)],
}


class Reference:
    """A checkpoint in Diffusers."""

    def __init__(self, folder):
        self.pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, safety_checker=None)
        self.pipeline.set_progress_bar_config(disable=True)
        self.own_scheduler = self.pipeline.scheduler

    def draw(self, case, seeds):
        """The pictures of these seeds drawn in one run, and the latents that the run started from."""
        pipeline = self.pipeline
        pipeline.scheduler = self.own_scheduler
        if case["scheduler"]:
            name, overrides = (SCHEDULERS | OTHER_SCHEDULERS)[case["scheduler"]]
            pipeline.scheduler = getattr(diffusers, name).from_config(self.own_scheduler.config, **overrides)
        start = []
        prepare = type(pipeline).prepare_latents
        pipeline.prepare_latents = lambda *args: start.append(prepare(pipeline, *args)) or start[0]
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        pictures = pipeline(
            case["prompt"], negative_prompt=case["negative_prompt"], num_inference_steps=case["steps"],
            guidance_scale=case["guidance_scale"], guidance_rescale=case["guidance_rescale"], width=case["width"],
            height=case["height"], num_images_per_prompt=len(seeds),
            generator=generators if len(seeds) > 1 else generators[0], output_type="np", **case.get("sampling", {}),
        ).images
        assert np.isfinite(pictures).all()
        return pictures, start[0].numpy()

    def timesteps(self):
        return self.pipeline.scheduler.timesteps.double().tolist()


def run(reference, case, data):
    """Draws every seed of a case alone, and those whose successor is there too with it."""
    latents_key = f"latents/{case['scheduler'] or 'own'}/{case['height']}x{case['width']}/{case['steps']}"
    largest = 0.0
    for seed in case["seeds"]:
        pictures, start = reference.draw(case, [seed])
        rounded = np.round(pictures[0].astype(np.float64) * 65535).astype(np.uint16)
        # safetensors writes memory as it lies, and the picture is a permuted view.
        data[f"{case['name']}/{seed}"] = np.ascontiguousarray(rounded)
        data[f"{latents_key}/{seed}"] = start[0]
    for seed in case["seeds"]:
        if seed + 1 in case["seeds"]:
            for k, picture in enumerate(reference.draw(case, [seed, seed + 1])[0]):
                alone = data[f"{case['name']}/{seed + k}"] / 65535.0
                largest = max(largest, float(np.abs(picture - alone).max()))
    picture = data[f"{case['name']}/{case['seeds'][0]}"] / 65535.0
    clipped = np.mean((picture == 0) | (picture == 1))
    print(f"  {case['name']}: std {picture.std():.3f}, clipped {clipped:.4f}, two at once differ by {largest:.1e}")
    assert largest < BATCH_TOLERANCE and (0.1 < picture.std() and clipped < 0.05 or case["name"] == "heart" or case in OTHERS)
    return {**case, "timesteps": reference.timesteps()}


def same_pictures(folders):
    """Diffusers reads every spelling of the weights alike."""
    grid_case = case("spelling", scheduler="ddim")
    pictures = [Reference(folder).draw(grid_case, [0])[0] for folder in folders]
    return all(np.array_equal(pictures[0], other) for other in pictures)


def main():
    assert (diffusers.__version__, transformers.__version__) == ("0.42.1", "5.23.0")
    torch.set_num_threads(1)
    plan = json.loads((HERE / "cases.json").read_text()) if sys.argv[1:] else {}
    wanted = {name: cases for name, cases in PLAN.items() if name in sys.argv[1:] or not sys.argv[1:]}
    with tempfile.TemporaryDirectory() as scratch:
        for checkpoint, cases in wanted.items():
            print(checkpoint)
            weights = checkpoint.removesuffix("-samplers")
            reference = Reference(BUNDLED if weights == "pictogram-64" else write_folder(scratch, weights))
            data = {}
            plan[checkpoint] = [run(reference, case, data) for case in cases]
            if weights == checkpoint:
                with torch.no_grad():
                    embeds, negative = reference.pipeline.encode_prompt(cases[0]["prompt"], "cpu", 1, True, "")
                data["prompt_embeds"] = torch.cat([negative, embeds]).numpy()
            save_file(data, HERE / f"{checkpoint}.safetensors")
        if sys.argv[1:]:
            write_cases(plan)
            return
        spellings = ["tiny-sd15-tf5", "tiny-sd15-legacy"]
        folders = [Path(scratch) / "tiny-sd15", *(write_folder(scratch, name) for name in spellings)]
        assert same_pictures(folders)
    write_cases(plan)


def write_cases(plan):
    text = json.dumps(plan).replace('[{"name"', '[\n{"name"').replace('}, {"name"', '},\n{"name"')
    (HERE / "cases.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
