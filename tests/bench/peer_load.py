"""Loading alone, with diffusers and torch: prints one line of JSON.

    python peer_load.py MODEL f32|f16

MODEL is a folder, or a single file `name.safetensors` with a folder `name` of configs beside it: without one, Diffusers
would fetch them. What importing takes isn't counted as time, but its memory is part of the peak.
"""

import json
import resource
import sys
import time

import torch
from diffusers import StableDiffusionPipeline

torch.set_num_threads(2)
model, dtype = sys.argv[1], {"f32": torch.float32, "f16": torch.float16}[sys.argv[2]]
start = time.perf_counter()
if model.endswith(".safetensors"):
    pipe = StableDiffusionPipeline.from_single_file(
        model, config=model.removesuffix(".safetensors"), torch_dtype=dtype, local_files_only=True
    )
else:
    pipe = StableDiffusionPipeline.from_pretrained(model, torch_dtype=dtype, local_files_only=True)
seconds = time.perf_counter() - start
# Mapped weights are read when they are first used: without this, nothing was loaded yet.
total = sum(float(p.sum()) for part in (pipe.unet, pipe.vae, pipe.text_encoder) for p in part.parameters())
touched = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
print(json.dumps({"load wall s": seconds, "load and touch wall s": touched, "peak GB": peak, "sum": total}))
