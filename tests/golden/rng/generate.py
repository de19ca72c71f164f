"""Writes rng.json: normals of torch's CPU generator, for tests/parity/rng.rs.

Run on x86-64 with AVX2, with torch 2.13: python generate.py
Values are the bits of the float as hex; long draws are a few values and the FNV-1a hash of all their bytes.
"""

import json
import pathlib

import torch

SEEDS = [0, 1, 42, 1234, 2**31, 2**32 + 7, 2**63 - 1, -1, -5]
LENGTHS = [1, 5, 15, 16, 17, 31, 32, 1000, 16384]
INTERLEAVED = [3, 20, 2, 16, 5, 1, 64, 7]
DTYPES = {"f32": (torch.float32, torch.int32), "f16": (torch.float16, torch.int16), "bf16": (torch.bfloat16, torch.int16)}


def fnv1a(data):
    """64-bit FNV-1a of the little-endian bytes."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    return f"{value:016x}"


def bits(tensor, dtype):
    integers = tensor.contiguous().view(-1).view(DTYPES[dtype][1])
    width = integers.element_size() * 8
    return [f"{v & (2**width - 1):0{width // 4}x}" for v in integers.tolist()], integers.numpy().tobytes()


def draw(seed, lengths, dtype="f32"):
    """Successive draws of one generator: of each the first and last two values, and the hash of all."""
    generator = torch.Generator("cpu").manual_seed(seed)
    draws = []
    for n in lengths:
        values, data = bits(torch.randn(n, generator=generator, dtype=DTYPES[dtype][0]), dtype)
        draws.append({"n": n, "first": values[:2], "last": values[-2:], "fnv1a": fnv1a(data)})
    return {"seed": seed % 2**64, "dtype": dtype, "draws": draws}


def randn_tensor(seeds, shape):
    from diffusers.utils.torch_utils import randn_tensor

    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    first, second = (bits(randn_tensor(tuple(shape), generators, dtype=torch.float32), "f32")[1] for _ in range(2))
    return {"seeds": seeds, "shape": shape, "fnv1a": [fnv1a(first), fnv1a(second)]}


golden = {
    "torch": torch.__version__.split("+")[0],
    "streams": [draw(seed, [n]) for seed in SEEDS for n in LENGTHS]
    + [draw(seed, INTERLEAVED, dtype) for seed in (7, 2**32 + 7) for dtype in DTYPES]
    + [draw(3, [n, 16], dtype) for n in (16, 17, 40, 1000) for dtype in ("f16", "bf16")],
    "randn_tensor": [
        randn_tensor(seeds, shape)
        for seeds in ([11], [11, 12, 13])
        for shape in ([3, 4, 8, 8], [3, 1, 3, 3], [3, 3, 5, 7])
    ],
}
path = pathlib.Path(__file__).with_name("rng.json")
lines = [f'"torch": {json.dumps(golden["torch"])}']
for key in ("streams", "randn_tensor"):
    lines.append(f'"{key}": [\n' + ",\n".join(json.dumps(case) for case in golden[key]) + "\n]")
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
