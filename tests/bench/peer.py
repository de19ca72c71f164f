"""The same measurements with diffusers and torch in f32 on two threads: prints one line of JSON.

    python peer.py FOLDER
"""

import json
import resource
import sys
import time

import torch
from diffusers import StableDiffusionPipeline

torch.set_num_threads(2)


def moment():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime


start = time.perf_counter()
pipe = StableDiffusionPipeline.from_pretrained(sys.argv[1], dtype=torch.float32, local_files_only=True)
pipe.set_progress_bar_config(disable=True)
figures = {"load wall s": time.perf_counter() - start}
prompt = "An image of a squirrel in Picasso style"


def between(name, earlier, later, times=1):
    figures[f"{name} wall s"] = (later[0] - earlier[0]) / times
    figures[f"{name} cpu s"] = (later[1] - earlier[1]) / 2 / times


for size in (512, 256):
    with torch.no_grad():
        encoding = moment()
        pipe.encode_prompt(prompt, "cpu", 1, True)
        between(f"2 prompts @{size}", encoding, moment())
        steps = []

        def on_step(_pipe, _step, _timestep, kwargs):
            steps.append(moment())
            return kwargs

        latents = pipe(
            prompt, num_inference_steps=3, height=size, width=size, output_type="latent", callback_on_step_end=on_step
        ).images
        between(f"step @{size}", steps[0], steps[2], 2)
        decoding = moment()
        pipe.vae.decode(latents / pipe.vae.config.scaling_factor)
        between(f"decode @{size}", decoding, moment())
    if size == 512:
        figures["peak GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
print(json.dumps(figures))
